"""The whole daemon in memory: it hears what replay hears, and every moment is accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import DeviceInfo
from edge_daemon.detection.document import Detection
from edge_daemon.health.document import HealthDocument

CARD = DeviceInfo(3, "USB Hydrophone H2a", 2, 2000, is_default=True)
COMPARED = (
    "label",
    "begin_s",
    "call",
    "contour",
    "end_s",
    "peak_score",
    "mean_score",
    "windows",
    "threshold",
    "low_hz",
    "high_hz",
    "gaps",
)
Sound = NDArray[np.float32]


def compared(document: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(document[name] for name in COMPARED)


@pytest.mark.parametrize("rate", [2000, 16_000])
def test_live_is_replay(make_buoy: Callable[..., Any], sample: Sound, replayed: Any, rate: int) -> None:
    sound = sample if rate == 2000 else soxr.resample(sample, 2000, rate).astype(np.float32)
    told = replayed(sound, rate)
    assert len(told) == 5
    buoy = make_buoy(rate=rate)
    buoy.play(sound)
    buoy.played()
    buoy.finish()
    live = buoy.detections()
    assert [compared(one) for one in live] == [compared(json.loads(one.to_json())) for one in told]
    for one in live:
        jsonschema.validate(one, json.loads(Detection.schema_text()))
        assert one["clock"] == "synchronised"
        assert one["file"] is None
    # sample n of the stream was heard n / rate seconds after the start, 2026-01-01T00:10Z
    assert [one["begin_s"] for one in live[:2]] == [4.75, 12.25]
    assert [one["begin_utc"] for one in live[:2]] == ["2026-01-01T00:10:04.750000Z", "2026-01-01T00:10:12.250000Z"]


def test_windows_wait_for_the_resampler_and_not_for_the_next_block(
    make_buoy: Callable[..., Any], sample: Sound, replayed: Any
) -> None:
    sound = soxr.resample(sample, 2000, 16_000).astype(np.float32)
    waits = {}
    for lead in (False, True):
        buoy = make_buoy(rate=16_000, lead=lead)
        buoy.play(sound)
        buoy.played()
        buoy.finish()
        waits[lead] = buoy.daemon.newest_health.latency
        left_out = 704 if lead else 0  # of the first block of 1600, that the resampler's 56 ms are 896 of
        told = [compared(json.loads(one.to_json())) for one in replayed(sound[left_out:], 16_000)]
        assert [compared(one) for one in buoy.detections()] == told
        assert buoy.effort().listened_s + buoy.effort().lost_s == pytest.approx(45.0, abs=0.1)
    # quantiles of the histogram are within 2.5 %
    assert waits[False].p50_ms == pytest.approx(100.0, rel=0.025)
    assert waits[True].p50_ms == pytest.approx(56.0, rel=0.025)
    assert waits[True].largest_ms == pytest.approx(56.0, rel=0.025)


def test_clips_hold_the_sound_of_the_event(make_buoy: Callable[..., Any], sample: Sound, tmp_path: Any) -> None:
    buoy = make_buoy(clips={"margin_s": 1.0})
    buoy.play(sample)
    buoy.played()
    buoy.finish()
    found = buoy.detections()
    assert len(found) == 5
    assert [one["clip"] for one in found] == sorted(buoy.clip_files.contents)
    for one in found:
        path = tmp_path / "clip.flac"
        path.write_bytes(buoy.clip_files.contents[one["clip"]])
        clip, rate = soundfile.read(path, dtype="float32")
        begin, end = round((one["begin_s"] - 1.0) * rate), round((one["end_s"] + 1.0) * rate)
        np.testing.assert_allclose(clip, sample[begin:end], atol=2.0**-23)


def test_each_detection_is_counted_and_delivered_once(make_buoy: Callable[..., Any], sample: Sound) -> None:
    buoy = make_buoy(mqtt=True, health={"interval_s": 5.0})
    buoy.play(sample)
    buoy.played()
    topic = "edge_daemon/buoy-7/detections"
    buoy.settle(lambda: len(buoy.broker.payloads(topic)) == 5)
    buoy.finish()
    ids = [json.loads(payload)["id"] for payload in buoy.broker.payloads(topic)]
    assert len(set(ids)) == 5
    assert buoy.detections() == []
    health = [json.loads(payload) for payload in buoy.broker.payloads("edge_daemon/buoy-7/health")]
    for document in health:
        jsonschema.validate(document, json.loads(HealthDocument.schema_text()))
    assert health[-1]["detections"] == 5
    assert health[-1]["delivery"]["count"] == 5
    # 45 s of sound and the block after it: windows of 2 s each 0.5 s
    assert health[-1]["windows"]["scored"] == 87
    assert health[-1]["input"]["phase"] == "closed"
    assert buoy.broker.retained["edge_daemon/buoy-7/status"] == b"offline"


def test_ids_differ_from_one_session_to_the_next(make_buoy: Callable[..., Any], sample: Sound) -> None:
    ids = []
    for _ in range(2):
        buoy = make_buoy()
        buoy.play(sample[: 12 * 2000])
        buoy.played()
        buoy.finish()
        ids += [one["id"] for one in buoy.detections()]
    assert len(ids) == len(set(ids)) == 2


def test_listened_and_lost_are_the_time_that_went_by(make_buoy: Callable[..., Any]) -> None:
    """Unplugged, silent, dead, late: what was listened to and what was lost add up to the wall clock."""
    buoy = make_buoy(audio={"dead_input_s": 5.0})
    driver = buoy.driver
    buoy.at = [
        (20.0, driver.unplug),
        (50.0, lambda: driver.plugged.append(CARD)),
        (80.0, lambda: setattr(buoy, "silent", True)),
        (95.0, lambda: setattr(buoy, "silent", False)),
        (120.0, lambda: buoy.play(np.zeros(2000 * 30, np.float32))),
    ]
    buoy.until(180.0)
    buoy.finish()
    effort = buoy.effort()
    assert effort.period_s == 180.0
    assert effort.listened_s + effort.lost_s == pytest.approx(180.0, abs=0.1)
    assert effort.unaccounted_s == pytest.approx(0.0, abs=0.1)
    lost = {gap.cause: gap.seconds for gap in effort.gaps}
    assert lost["device_absent"] == pytest.approx(30.0, abs=8.0)  # the longest pause between two attempts
    assert lost["stall"] == pytest.approx(15.0, abs=3.0)
    assert lost["dead_input"] == pytest.approx(25.0, abs=0.2)  # five seconds are needed to know it
    assert lost["tail"] < 4 * 0.5  # less than a hop for each of the four stretches of sound
    health = buoy.daemon.newest_health
    assert health.gaps["device_absent"].count == 1
    assert health.gaps["device_absent"].seconds == pytest.approx(lost["device_absent"], abs=0.01)


def test_samples_in_the_wrong_format_are_named_and_make_one_line_of_the_ledger(make_buoy: Callable[..., Any]) -> None:
    """Quiet sound as int16 is read as float32: every few samples are no numbers, for as long as nobody comes."""
    sea = np.random.default_rng(7).normal(0, 60, (40 * 2000, 2)).astype(np.int16)
    read = sea.view(np.float32)[:, 0]
    assert 0.2 < np.mean(np.isnan(read)) < 0.6
    buoy = make_buoy(health={"interval_s": 300.0})  # the watchdog ends it before the next document would be due
    buoy.play(read)
    buoy.until(35.0)
    reasons = buoy.daemon.newest_health.reasons
    assert reasons[0] == "the samples are not numbers: does audio.sample_format match the input?"
    assert reasons[1].startswith("no window scored for 3")
    buoy.finish()
    effort = buoy.effort()
    lost = {gap.cause: (gap.count, gap.seconds) for gap in effort.gaps}
    assert lost["non_finite"][0] == 1
    assert lost["non_finite"][1] == pytest.approx(effort.period_s, abs=0.5)
    assert effort.listened_s == 0.0
    assert effort.unaccounted_s == pytest.approx(0.0, abs=0.1)


def test_absent_at_start_is_told_and_waited_for(make_buoy: Callable[..., Any], sample: Sound) -> None:
    buoy = make_buoy(card=False, health={"interval_s": 5.0})
    buoy.until(100.0)
    health = buoy.daemon.newest_health
    assert health.state == "failing"
    assert "There is no sound input" in health.reasons[0]
    assert health.input.attempts >= 10
    fed = [entry for entry in buoy.channel.sent if "WATCHDOG=1" in entry]
    assert len(fed) >= 5  # every 20 s: the silence has a cause, and attempts are made
    buoy.driver.plugged.append(CARD)
    buoy.until(110.0)
    buoy.play(sample)
    buoy.played()
    buoy.finish()
    assert len(buoy.detections()) == 5
    effort = buoy.effort()
    assert effort.gaps[0].cause == "device_absent"
    assert effort.listened_s + effort.lost_s == pytest.approx(effort.period_s, abs=0.1)


def test_a_calibrated_hydrophone_tells_levels(make_buoy: Callable[..., Any], sample: Sound) -> None:
    calibration = {"sensitivity_db": -170.0, "gain_db": 20.0, "adc_full_scale_v": 1.0}
    buoy = make_buoy(hydrophone=calibration, effort={"band_levels": True})
    sound = np.concatenate([sample, sample])
    buoy.play(sound)
    buoy.played()
    buoy.finish()
    full_scale_db = 20 * np.log10(1.0) - 20.0 + 170.0
    detections = buoy.detections()
    assert len(detections) == 10
    for one in detections:
        heard = sound[round(one["begin_s"] * 2000) : round(one["end_s"] * 2000)].astype(np.float64)
        expected_db = full_scale_db + 20 * np.log10(np.std(heard))
        assert one["received_level"]["rms_db"] == pytest.approx(expected_db, abs=0.01)
        assert one["received_level"]["ambient_db"] is not None
    assert buoy.daemon.newest_health.ambient_db is not None
    minutes = buoy.daemon.components.ledger._database.read(
        lambda connection: connection.execute("SELECT count(*) FROM band_minute").fetchone()
    )
    assert minutes == (2,)  # 90 s of sound: a whole minute and the rest


def test_home_assistant_is_told_who_we_are(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(mqtt=True, broker={"home_assistant": {"enabled": True}}, device={"name": "Race Point"})
    topic = "homeassistant/sensor/buoy-7/last_detection/config"
    buoy.settle(lambda: topic in buoy.broker.retained)
    assert json.loads(buoy.broker.retained[topic])["device"]["name"] == "Race Point"
    assert buoy.broker.retained["edge_daemon/buoy-7/status"] == b"online"
