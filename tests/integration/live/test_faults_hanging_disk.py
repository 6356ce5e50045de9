"""A card that does not return from a call: what is found is sent from memory, told, and at last printed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SPEED = 8.0
ANSWER_S = 3.0
UNSAVED = 3


@pytest.fixture
def hanging(rig: Any, make_faults: Callable[[Path], Any]) -> Any:
    """Faults of the rig's disk; none yet."""
    rig.state.mkdir()
    faults = make_faults(rig.state)
    rig.environment.update(faults.environment)
    return faults


def health(rig: Any) -> dict[str, Any]:
    documents = rig.shore.health()
    return documents[-1] if documents else {"threads": {}, "reasons": [], "outbox": {}}


def silent_s(rig: Any, thread: str) -> float:
    return float(health(rig)["threads"].get(thread, {"silent_s": 0.0})["silent_s"])


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_detections_go_over_a_good_link_from_memory(rig: Any, hanging: Any, call: str) -> None:
    rig.broker.start()
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    hanging.let(call, "hang")
    rig.until(lambda: silent_s(rig, "storage") > ANSWER_S)
    before = len(rig.found())
    rig.until(lambda: len(rig.found()) >= before + 10)
    found = rig.found()
    rig.until(lambda: found <= rig.shore.ids(), 20)
    reasons = " ".join(health(rig)["reasons"])
    assert "the outbox cannot be stored on disk: The disk has not answered for " in reasons
    assert health(rig)["outbox"]["available"] is False
    assert "health: warning" in rig.log.read_text()
    assert max(silent_s(rig, name) for name in ("capture", "scoring", "publishing")) < silent_s(rig, "storage")
    feeder.stop()
    rig.terminate(UNSAVED)  # the account of effort is printed, and the exit code says so
    assert rig.found() <= rig.shore.ids() | rig.printed()
    assert "effort could not be written to disk session=" in rig.log.read_text()


def test_a_clip_that_cannot_be_opened_holds_up_clips_alone(rig: Any, hanging: Any) -> None:
    rig.broker.start()
    rig.start()
    rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    hanging.let("open", "hang")
    rig.until(lambda: silent_s(rig, "storage") > ANSWER_S)
    before = len(rig.found())
    rig.until(lambda: len(rig.found()) >= before + 10)
    found = rig.found()
    rig.until(lambda: found <= rig.shore.ids(), 20)


def test_it_answers_again(rig: Any, hanging: Any) -> None:
    sound = rig.calls(40)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    hanging.let("fsync", "hang")
    rig.until(lambda: silent_s(rig, "storage") > ANSWER_S)
    hanging.mend()
    rig.until(lambda: health(rig)["outbox"].get("available"))
    rig.ends_as_replayed(sound)


def test_without_a_broker_all_is_printed_and_the_exit_code_says_so(rig: Any, hanging: Any) -> None:
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.found()) >= 3)
    hanging.let("fsync", "hang")
    before = len(rig.found())
    rig.until(lambda: len(rig.found()) >= before + 30)
    feeder.stop()
    rig.terminate(UNSAVED)
    written = rig.outbox_ids()
    assert len(rig.printed()) >= 30
    assert rig.found() <= written | rig.printed()
    assert "messages could be neither sent nor written" in rig.tail()


def test_killed_while_it_hangs(rig: Any, hanging: Any) -> None:
    """What had waited for a while was printed before; a SIGKILL takes what was found in the last moments at most."""
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.found()) >= 3)
    hanging.let("fsync", "hang")
    before = len(rig.found())
    rig.until(lambda: len(rig.found()) >= before + 10)
    old = rig.found()
    rig.until(lambda: old <= rig.printed() | rig.outbox_ids())
    rig.kill()
    feeder.stop()


def test_it_hangs_from_the_start(rig: Any, hanging: Any) -> None:
    hanging.let("fsync", "hang")
    rig.broker.start()
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    feeder.stop()
    rig.terminate(UNSAVED)
    assert rig.found() <= rig.shore.ids() | rig.printed()


@pytest.fixture
def manager(rig: Any) -> Iterator[socket.socket]:
    """The service manager's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        path = str(rig.folder / "notify")
        receiver.bind(path)
        receiver.setblocking(False)
        rig.environment |= {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"}
        yield receiver


def told(manager: socket.socket) -> list[str]:
    """What has been said since the last time."""
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize("disk_hangs", [True, False])
def test_the_watchdog_is_withheld_after_a_bound(
    rig: Any, hanging: Any, manager: socket.socket, disk_hangs: bool
) -> None:
    rig.settings["health"] |= {"handling_limit_s": 8.0, "silence_limit_s": 20.0}
    rig.start()
    rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.found()) >= 3)
    if disk_hangs:
        hanging.let("fsync", "hang")
        rig.until(lambda: "no longer feeding the watchdog" in rig.log.read_text())
        assert "the storage thread has not come round for " in rig.log.read_text()
        told(manager)
        found = rig.found()
        rig.until(lambda: found <= rig.printed() | rig.outbox_ids(), 10)  # at once: the service manager may end it now
        assert "WATCHDOG=1" not in "".join(told(manager))
        hanging.mend()
        rig.until(lambda: "feeding the watchdog again" in rig.log.read_text())
    else:
        for _ in range(4):
            before = len(rig.found())
            rig.until(lambda before=before: len(rig.found()) >= before + 10)
            assert "WATCHDOG=1" in "".join(told(manager))
