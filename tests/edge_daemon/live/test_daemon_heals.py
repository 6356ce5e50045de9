"""The whole daemon in memory: disks that fail, schedules, watchdog, a backend that is too slow, a changed file."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import DeviceInfo, SoundSystemStuckError
from edge_daemon.backends.base import Inference
from edge_daemon.config import Config
from edge_daemon.errors import BackendError, ConfigError
from edge_daemon.storage.disk_calls import disk_calls

Sound = NDArray[np.float32]
RATE = 2000


def messages(buoy: Any, kind: str) -> list[Any]:
    taken = buoy.daemon.components.outbox.take(1000, "oldest_first")
    buoy.daemon.components.outbox.release()
    return [json.loads(message.payload) for message in taken if message.kind == kind]


def fed(buoy: Any) -> int:
    return sum("WATCHDOG=1" in entry for entry in buoy.channel.sent)


# storage


def test_no_folder_no_clips_detections_all_the_same(
    make_buoy: Callable[..., Any], sample: Sound, tmp_path: Path
) -> None:
    (tmp_path / "in the way").write_text("a file where the folder should be")
    buoy = make_buoy(folder=tmp_path / "in the way", health={"interval_s": 5.0}, mqtt=True)
    buoy.clip_files.broken = True
    buoy.play(sample)
    buoy.played()
    topic = "edge_daemon/buoy-7/detections"
    buoy.settle(lambda: len(buoy.broker.payloads(topic)) == 5)
    buoy.finish()
    health = buoy.daemon.newest_health
    assert health.state == "warning"
    assert not health.outbox.available
    assert any("the outbox cannot be stored on disk" in reason for reason in health.reasons)
    assert any("effort cannot be stored on disk" in reason for reason in health.reasons)
    assert any("the history cannot be stored on disk" in reason for reason in health.reasons)
    assert "Clips cannot be stored" in health.clips["reason"]
    # after a failure clips rest for a while: a detection promises no clip that will not be there
    clips = [json.loads(payload)["clip"] for payload in buoy.broker.payloads(topic)]
    assert None in clips
    assert health.clips["lost"] == len(clips) - clips.count(None) > 0


def test_what_can_neither_be_written_nor_sent_goes_to_the_log(
    make_buoy: Callable[..., Any], sample: Sound, replayed: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("")
    buoy = make_buoy(folder=tmp_path / "in the way")
    buoy.play(sample)
    buoy.played()
    with caplog.at_level(logging.CRITICAL, "edge_daemon"):
        buoy.finish()
    kept = [json.loads(record.payload) for record in caplog.records if record.message.startswith("a message could")]
    assert [one["begin_s"] for one in kept] == [one.begin_s for one in replayed(sample, RATE)]


def test_damaged_databases_are_set_aside_and_named(
    make_buoy: Callable[..., Any], sample: Sound, tmp_path: Path
) -> None:
    state = tmp_path / "buoy" / "state"
    state.mkdir(parents=True)
    for name in ("outbox.db", "effort.db", "history.db"):
        (state / name).write_bytes(b"not a database, but long enough to be looked at" * 100)
    buoy = make_buoy(folder=tmp_path / "buoy")
    buoy.play(sample)
    buoy.played()
    buoy.finish()
    assert len(buoy.detections()) == 5
    assert sum("damaged and set aside" in reason for reason in buoy.daemon.newest_health.reasons) == 3
    assert len(list(state.glob("*.damaged-*"))) == 3


def test_what_fails_again_and_again_does_not_fill_the_log(
    make_buoy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    buoy = make_buoy()

    def tick() -> None:
        raise TypeError("a rotten row")

    monkeypatch.setattr(buoy.daemon.components.ledger, "tick", tick)
    monkeypatch.setattr(buoy.daemon.components.schedule, "tick", tick)
    with caplog.at_level(logging.ERROR, "edge_daemon"):
        for _ in range(1000):
            buoy.daemon.components.storage.tick()
            buoy.daemon.tend()
    for sentence in ("a disk task failed", "a task of the daemon failed"):
        told = [record.times for record in caplog.records if record.message == sentence]
        assert told == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    monkeypatch.undo()


# schedule


def test_between_listening_times_the_device_is_closed_and_effort_knows(make_buoy: Callable[..., Any]) -> None:
    # cycles of two minutes are counted from midnight: 00:10 begins one
    buoy = make_buoy(schedule={"mode": "cycle", "on_minutes": 1.0, "off_minutes": 1.0}, health={"interval_s": 1.0})
    for second in range(1, 241):
        buoy.until(float(second))
        assert buoy.daemon.newest_health.state == "ok", second  # also just after a rest, before the first window
        if second == 90:
            assert buoy.driver.stream.closed
            assert buoy.daemon.newest_health.input.phase == "paused"
    buoy.finish()
    effort = buoy.effort()
    lost = {gap.cause: gap.seconds for gap in effort.gaps}
    assert lost["schedule"] == pytest.approx(120.0, abs=1.0)
    assert effort.listened_s + effort.lost_s == pytest.approx(240.0, abs=0.1)
    assert fed(buoy) >= 11  # every 20 s, resting or not
    assert buoy.daemon.newest_health.gaps["schedule"].count == 2


# watchdog


def test_nobody_is_told_all_is_well_when_nothing_is_scored_and_nobody_knows_why(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy()
    buoy.until(10.0)
    assert fed(buoy) == 1
    for _ in range(20):  # the thread that scores hangs: time goes on, the input is open, and nothing comes out
        buoy.time.advance(5.0)
        buoy.daemon.tend()
    assert fed(buoy) == 2  # the last at 30 s: 20 s without a window are no reason yet
    assert "no window scored" in " ".join(buoy.daemon.health.document().reasons)


def test_a_known_silence_that_nobody_handles_any_more_is_not_fed(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(health={"handling_limit_s": 60.0})
    buoy.until(5.0)
    buoy.driver.unplug()
    buoy.until(10.0)
    assert buoy.source.state.phase == "waiting"
    for _ in range(2 * 300):  # the thread that would try again hangs; the calling thread goes on
        buoy.time.advance(0.5)
        buoy.daemon.tend()
    hung = fed(buoy)
    for _ in range(2 * 600):
        buoy.time.advance(0.5)
        buoy.daemon.tend()
    assert fed(buoy) == hung


def test_a_sound_system_that_hangs_for_good_is_not_fed(make_buoy: Callable[..., Any]) -> None:
    """Every attempt is refused because an earlier call hangs: only a restart helps, and the watchdog makes it."""
    buoy = make_buoy(health={"handling_limit_s": 60.0}, audio={"retry_longest_s": 8.0})
    buoy.until(5.0)
    buoy.driver.unplug()
    buoy.driver.failure = SoundSystemStuckError("The sound system does not answer: opening still hangs.")
    buoy.until(100.0)  # more than 60 s after the last real attempt
    before = fed(buoy)
    assert before >= 3
    buoy.until(400.0)
    assert fed(buoy) == before
    assert "no sound: The sound system does not answer" in " ".join(buoy.daemon.health.document().reasons)


def test_a_card_with_another_rate_ends_the_daemon_with_a_sentence(make_buoy: Callable[..., Any]) -> None:
    """The service manager starts it anew, and that start takes the card's rate."""
    buoy = make_buoy(begin=False, card=False, rate_is_wanted=False)
    paced(buoy, 50.0)
    buoy.driver.only_own_rate = True
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 3.0)
    buoy.driver.plugged.append(DeviceInfo(3, "AudioMoth", 1, 96_000, is_default=True))
    thread.join(20)
    assert not thread.is_alive()
    assert [str(error) for error in errors] == [
        "The newly connected sound card runs at 96000 Hz, but the stream was started at 2000 Hz. "
        "A restart takes the new rate (systemd restarts the service by itself). Set audio.rate to avoid this."
    ]
    assert errors[0].exit_code == 1  # not 2: nothing is wrong with the configuration


def test_a_rest_that_does_not_end_is_not_fed(make_buoy: Callable[..., Any]) -> None:
    # cycles of 12 minutes: 00:10 is a minute before a rest
    buoy = make_buoy(schedule={"mode": "cycle", "on_minutes": 11.0, "off_minutes": 1.0})
    buoy.until(65.0)
    assert buoy.source.state.phase == "paused"
    for _ in range(2 * 90):  # the thread that would open the device hangs
        buoy.time.advance(0.5)
        buoy.daemon.tend()
    assert buoy.daemon.components.schedule.on
    hung = fed(buoy)
    for _ in range(2 * 300):
        buoy.time.advance(0.5)
        buoy.daemon.tend()
    assert fed(buoy) == hung


def test_readiness_status_and_farewell(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy()
    assert buoy.channel.sent[0].startswith("READY=1\nSTATUS=opening 'default input'")
    buoy.until(5.0)
    assert "STATUS=listening to 'USB Hydrophone H2a' at 2000 Hz; 0 detections; no broker configured; 0 unsent" in (
        buoy.channel.sent
    )


# scoring that cannot keep up, or fails


class SlowBackend:
    """A backend that stops until it is let go."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.name = "slow"
        self.problem = ""
        self.go = threading.Event()
        self.failing = False

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        if self.failing:
            raise BackendError("The chip has gone.", "Plug it in.")
        self.go.wait(30)
        inference: Inference = self._backend.infer(features)
        return inference

    def health(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._backend.close()


def slow(buoy: Any) -> SlowBackend:
    backend = SlowBackend(buoy.dependencies.detector.backend)
    buoy.daemon.components.scoring._pipeline._backend = backend
    return backend


def test_sound_that_cannot_be_scored_in_time_is_a_gap_and_counted(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(audio={"ring_s": 10.0})
    components = buoy.daemon.components
    while buoy.seconds < 25.0:  # listening goes on, scoring does not
        components.capture.turn()
        assert components.queue.samples <= 10 * RATE
    buoy.until(40.0)
    buoy.finish()
    effort = buoy.effort()
    lost = {gap.cause: gap.seconds for gap in effort.gaps}
    dropped_s = components.queue.dropped_samples / RATE
    assert 15.0 <= dropped_s <= 20.0
    assert lost["inference_behind"] == pytest.approx(dropped_s, abs=1e-6)
    assert effort.listened_s + effort.lost_s == pytest.approx(40.0, abs=0.1)
    health = buoy.daemon.newest_health
    assert health.gaps["inference_behind"].count == 1
    assert health.queues["sound"].dropped == components.queue.report().dropped
    assert "scoring cannot keep up with the sound" in health.reasons


def paced(buoy: Any, speed: float) -> None:
    """Let simulated time pass at a multiple of real time."""
    inner = buoy.wait

    def wait(longest: float) -> None:
        time.sleep(buoy.block_s / speed)
        inner(longest)

    buoy.source._wait = wait


@pytest.mark.slow
def test_threads_find_what_one_thread_finds_and_end_quickly(
    make_buoy: Callable[..., Any], sample: Sound, replayed: Any
) -> None:
    buoy = make_buoy(begin=False)
    paced(buoy, 50.0)
    buoy.play(sample)
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 46.0)
    began = time.monotonic()
    buoy.daemon.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - began < 5.0
    assert errors == []
    assert [one["begin_s"] for one in buoy.detections()] == [one.begin_s for one in replayed(sample, RATE)]
    assert "STOPPING=1\nSTATUS=ending" in buoy.channel.sent


@pytest.mark.slow
def test_a_stop_waits_for_no_backend(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(begin=False)
    paced(buoy, 20.0)
    backend = slow(buoy)
    thread, _ = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 10.0)
    began = time.monotonic()
    buoy.daemon.stop()
    thread.join(20)
    assert time.monotonic() - began < 5.0
    assert buoy.daemon.hangs
    backend.go.set()


@pytest.mark.slow
def test_a_stop_waits_for_no_sound_server(make_buoy: Callable[..., Any], sample: Sound, replayed: Any) -> None:
    buoy = make_buoy(begin=False)
    paced(buoy, 50.0)
    buoy.play(sample)
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 46.0)
    answers = threading.Event()
    buoy.driver.stream.close = lambda: answers.wait(30)
    began = time.monotonic()
    buoy.daemon.stop()
    thread.join(20)
    assert time.monotonic() - began < 5.0
    assert buoy.daemon.hangs
    assert errors == []
    # what was heard before is scored, written and accounted for all the same
    assert [one["begin_s"] for one in buoy.detections()] == [one.begin_s for one in replayed(sample, RATE)]
    assert buoy.effort().listened_s >= 44.0
    answers.set()


@pytest.mark.slow
def test_a_stop_takes_less_than_five_seconds_whatever_hangs(
    make_buoy: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The sound system, the backend, the disk and the broker, all at once."""
    buoy = make_buoy(begin=False, mqtt=True)
    paced(buoy, 20.0)
    thread, _ = buoy.in_a_thread()
    components, answers = buoy.daemon.components, threading.Event()
    buoy.settle(lambda: buoy.seconds > 5.0 and components.publisher.report().state == "online")
    backend = slow(buoy)
    buoy.settle(lambda: buoy.seconds > 8.0)
    buoy.driver.stream.close = lambda: answers.wait(30)
    for part in (components.ledger, components.outbox):
        for name in ("tick", "commit", "close"):
            setattr(part, name, lambda *_args, **_more: answers.wait(30))
    poll = buoy.dependencies.link.poll
    buoy.dependencies.link.poll = lambda timeout_s: poll(timeout_s) if answers.wait(30) else []
    began = time.monotonic()
    buoy.daemon.stop()
    thread.join(20)
    took_s = time.monotonic() - began
    answers.set()
    backend.go.set()
    assert took_s < 5.0
    assert buoy.daemon.hangs
    told = " ".join(record.message for record in caplog.records)
    for name in ("capture", "scoring", "storage", "closing", "writing", "closing the outbox"):
        assert f"the {name} thread does not end" in told


@pytest.mark.slow
def test_a_stop_gives_the_disk_the_time_that_nothing_else_needs(make_buoy: Callable[..., Any]) -> None:
    """A card that takes two seconds for a write loses nothing if the rest ends at once."""
    buoy = make_buoy(begin=False, mqtt=True)
    paced(buoy, 20.0)
    thread, _ = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 5.0)
    ledger = buoy.daemon.components.ledger
    close, closed = ledger.close, []

    def slowly() -> None:
        time.sleep(2.0)
        close()
        closed.append(True)

    ledger.close = slowly
    buoy.daemon.stop()
    thread.join(20)
    assert closed == [True]
    assert not buoy.daemon.hangs


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_publisher_that_has_died_ends_the_daemon(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(begin=False, mqtt=True)
    paced(buoy, 20.0)
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 3.0)

    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    buoy.dependencies.link.poll = buoy.dependencies.link.close = fails  # not even the new beginning succeeds
    thread.join(20)
    assert not thread.is_alive()
    assert [str(error.__cause__) for error in errors] == ["the publishing thread has died"]


def test_scoring_that_cannot_go_on_ends_the_daemon_with_a_sentence(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(begin=False)
    paced(buoy, 50.0)
    backend = slow(buoy)
    backend.go.set()
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 10.0)
    backend.failing = True
    thread.join(20)
    assert not thread.is_alive()
    assert [str(error) for error in errors] == ["The chip has gone. Plug it in."]
    effort = buoy.effort()
    assert effort.listened_s >= 8.0


# a changed configuration


def test_reload_takes_what_it_can_and_names_the_rest(
    make_buoy: Callable[..., Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    buoy = make_buoy(folder=tmp_path / "state")
    document = buoy.config.model_dump()
    document["health"]["interval_s"] = 7.0
    document["outbox"]["max_rows"] = 500
    document["clips"]["max_total_mb"] = 3.0
    document["device"] |= {"latitude": 42.0, "longitude": -70.0}
    document["audio"]["device"] = "another"
    buoy.daemon._read = lambda: Config.model_validate(document)
    with caplog.at_level(logging.INFO, "edge_daemon"):
        buoy.daemon.reload()
        buoy.daemon._reload()
    text = caplog.text
    assert "health.interval_s changed" in text
    assert "audio.device changed in the file; restart the daemon to apply it" in text
    assert "outbox.max_rows changed in" not in text
    assert buoy.daemon.components.outbox.limits.max_rows == 500
    assert buoy.daemon.components.store.rules.max_bytes == 3_000_000
    assert buoy.daemon.config.health.interval_s == 7.0
    assert buoy.daemon.config.audio.device is None
    sent = buoy.channel.sent
    assert any(entry.startswith("RELOADING=1") for entry in sent)
    assert sent[-1].startswith("READY=1")


def test_a_wrong_file_changes_nothing(make_buoy: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    buoy = make_buoy()

    def wrong() -> Config:
        raise ConfigError("mqtt.port must be 1 to 65535, not 0")

    buoy.daemon._read = wrong
    before = buoy.daemon.config
    with caplog.at_level(logging.INFO, "edge_daemon"):
        buoy.daemon._reload()
    assert buoy.daemon.config == before
    assert "was not applied" in caplog.text


def test_a_configuration_on_a_disk_that_hangs_holds_nobody_up(
    make_buoy: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    buoy = make_buoy()
    daemon = buoy.daemon
    answers, again = threading.Event(), buoy.config

    def hanging() -> Config:
        answers.wait(30)
        return again

    daemon._read, daemon._disk = hanging, disk_calls(0.1)
    before = daemon.config
    began = time.monotonic()
    daemon._reload()
    daemon._reload()
    assert time.monotonic() - began < 5
    assert daemon.config == before
    assert [record.reason for record in caplog.records if "was not applied" in record.message] == [
        "The disk does not answer: reading the configuration takes more than 0.1 s.",
        "The disk does not answer: reading the configuration still hangs.",
    ]
    assert any("cannot be used" in one for one in daemon.health.config_problems)
    answers.set()
    hung = [thread for thread in threading.enumerate() if thread.name == "reading the configuration"]
    for thread in hung:
        thread.join(10)
    daemon._reload()
    assert daemon.health.config_problems == ()


def test_a_board_that_tells_nonsense_ends_no_health_report(make_buoy: Callable[..., Any]) -> None:
    """One part is foreign and fails, and later tells nonsense: the others are told, and so is the lack."""

    answers: list[Any] = [OSError("no such sensor"), "hot", None]

    class Board:
        def read(self) -> Any:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

    buoy = make_buoy(health={"interval_s": 10.0})
    buoy.dependencies.board = Board()
    told = []
    for second in (2.0, 12.0, 22.0):
        buoy.until(second)
        told.append(buoy.daemon.newest_health)
    assert [document.state for document in told] == ["warning", "warning", "ok"]
    assert told[0].reasons == ("health of 'board' cannot be told: OSError",)
    assert told[1].reasons == ("health of 'board' cannot be told: ValidationError",)
    assert all(document.board is None and document.input.phase == "listening" for document in told)
