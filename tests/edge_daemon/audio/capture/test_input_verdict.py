"""The verdict on an input: each fault by its name, and no fault where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.audio.capture.capture_timeline import CaptureTimeline
from edge_daemon.audio.capture.device import SampleFormat
from edge_daemon.audio.capture.input_state import InputVerdict
from edge_daemon.audio.capture.input_verdict import InputFault, InputJudge, verdict
from edge_daemon.audio.capture.pcm import decode
from edge_daemon.audio.capture.sound_statistics import SoundSampler, SoundStatistics
from edge_daemon.testing.machine import ManualTime

RATE = 16_000
BLOCK = 4000
SECONDS = 45

Sound = NDArray[np.float64]


def white(sigma: float) -> Sound:
    return np.random.default_rng(1).normal(0.0, sigma, RATE * SECONDS)


def sea(sigma: float) -> Sound:
    """Noise that falls with frequency, as the sea's does."""
    noise = np.random.default_rng(2).normal(0.0, 1.0, RATE * SECONDS)
    spectrum = np.fft.rfft(noise)
    spectrum /= np.sqrt(1.0 + (np.arange(len(spectrum)) / len(spectrum) * 100) ** 2)
    shaped = np.fft.irfft(spectrum)
    return np.asarray(shaped / shaped.std() * sigma)


def int16(sound: Sound) -> bytes:
    return np.clip(np.round(sound), -32768, 32767).astype("<i2").tobytes()


def int24(sound: Sound) -> bytes:
    return np.round(sound).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def heard(
    content: bytes | Sound, sample_format: SampleFormat = "int16", rate: float = RATE, device: str = "card"
) -> InputVerdict:
    """The verdict after 45 s that come at this rate."""
    time = ManualTime()
    timeline = CaptureTimeline("card", RATE, time, 10.0, 0.999)
    timeline.opening()
    samples = decode(content, sample_format, 1, 0) if isinstance(content, bytes) else content.astype(np.float32)
    for begin in range(0, len(samples) - BLOCK, BLOCK):
        time.advance(BLOCK / rate)
        timeline.sound(samples[begin : begin + BLOCK], time.monotonic_ns(), device=device)
    return timeline.state.sound


def shifted(content: bytes, width: int = 2) -> bytes:
    """The same with a stray byte in front."""
    return (b"\x01" + content)[: len(content) // width * width]


@pytest.mark.parametrize(
    "content",
    [
        int16(sea(300.0)),
        int16(sea(5.0)),
        int16(sea(5000.0)),
        int16(white(30.0)),
        white(1e-4),
        0.5 * np.sin(np.arange(RATE * SECONDS) * 0.05),
        int16(sea(300.0) + 100.0),
    ],
    ids=["sea", "quiet", "loud", "white", "faint", "a tone", "a small offset"],
)
def test_sound_is_ok(content: bytes | Sound) -> None:
    found = heard(content)
    assert (found.state, found.problem, found.reason, found.reasons) == ("ok", False, "", {})


@pytest.mark.parametrize(
    ("content", "sample_format", "state", "reason"),
    [
        (shifted(int16(sea(300.0))), "int16", "broken", "not_sound"),
        (shifted(int16(sea(5000.0))), "int16", "broken", "not_sound"),
        (shifted(int16(sea(30.0))), "int16", "broken", "not_sound"),
        (shifted(int16(white(3.0))), "int16", "broken", "not_sound"),
        (shifted(int24(sea(80_000.0)), 3), "int24", "broken", "not_sound"),
        (int24(sea(80_000.0))[: RATE * SECONDS * 2], "int16", "broken", "not_sound"),
        (np.round(sea(2e7)).astype("<i4").tobytes(), "int16", "broken", "not_sound"),
        (sea(0.01).astype("<f4").tobytes(), "int16", "broken", "not_sound"),
        (int16(sea(300.0))[: RATE * SECONDS // 3 * 6], "int24", "broken", "not_sound"),
        (np.round(sea(2e7)).astype("<i4").astype("<f4").tobytes(), "float32", "broken", "not_sound"),
        (int16(np.random.default_rng(3).integers(-1, 2, RATE * SECONDS)), "int16", "broken", "few_values"),
        (int16(white(0.5)), "int16", "broken", "few_values"),
        (int24(np.random.default_rng(3).integers(-1, 2, RATE * SECONDS)), "int24", "broken", "few_values"),
        (white(1e-7), "float32", "broken", "no_sound"),
        (int16(sea(1e6)), "int16", "broken", "clipped"),
        (np.sign(sea(1.0)), "float32", "broken", "clipped"),
        (int16(sea(20_000.0)), "int16", "doubtful", "clipped"),
        (np.clip(sea(1.0), -0.4, 0.4), "float32", "broken", "cut_off"),
        (sea(0.1) + 0.2, "float32", "doubtful", "offset"),
        (sea(0.1) - 0.6, "float32", "broken", "offset"),
    ],
)
def test_each_fault_has_its_name(content: bytes | Sound, sample_format: SampleFormat, state: str, reason: str) -> None:
    found = heard(content, sample_format)
    assert (found.state, list(found.reasons)) == (state, [reason])
    assert found.problem
    assert found.reason == found.reasons[reason]


@pytest.mark.parametrize(
    ("off", "state"), [(1.05, "broken"), (0.95, "broken"), (1.015, "doubtful"), (1.0003, "ok"), (3.0, "broken")]
)
def test_rate_against_the_clock(off: float, state: str) -> None:
    found = heard(np.tile(sea(0.01), 3), rate=RATE * off)
    assert found.state == state
    assert found.rate_hz == pytest.approx(RATE * off, rel=1e-4)
    assert ("rate" in found.reasons) == (state != "ok")
    if state != "ok":
        assert f"{RATE * off:.0f} Hz" in found.reason
        assert "16000 Hz" in found.reason


def test_figures_by_hand() -> None:
    """A square wave of ±0.5 around 0.1: level −6.02 dBFS, peak 0.6 (−4.44 dBFS), kurtosis 1."""
    square = np.tile([0.6] * 9 + [-0.4] * 9, RATE * SECONDS // 18)
    found = heard(square)
    assert found.level_dbfs == -6.0
    assert found.peak_dbfs == -4.4
    assert found.offset == pytest.approx(0.1, abs=0.01)
    assert found.kurtosis == pytest.approx(1.0, abs=0.01)
    assert found.clipped_share == 0.0


def test_nothing_is_said_before_twenty_seconds_nor_after_the_sound_has_gone() -> None:
    time = ManualTime()
    timeline = CaptureTimeline("card", RATE, time, 10.0, 0.999)
    timeline.opening()
    noise = white(0.01).astype(np.float32)
    for second in range(25):
        assert timeline.state.sound.state == ("unknown" if second < 20 else "ok"), second
        time.advance(1.0)
        timeline.sound(noise[second * RATE : (second + 1) * RATE], time.monotonic_ns(), device="card")
    timeline.failed("device_absent", "Gone.", attempt=False)
    assert timeline.state.sound == InputVerdict()


def test_another_device_than_the_first_one_is_told_at_once() -> None:
    time = ManualTime()
    timeline = CaptureTimeline("default input", RATE, time, 10.0, 0.999)
    noise = white(0.01).astype(np.float32)[:BLOCK]
    for device in ("H2a", "H2a", "webcam"):
        timeline.opening()
        time.advance(1.0)
        timeline.sound(noise, time.monotonic_ns(), device=device)
        told = timeline.state.sound.reason
        assert told == ("" if device == "H2a" else "sound comes from 'webcam', but came from 'H2a'")
        timeline.failed("device_absent", "Gone.", attempt=False)


def statistics(**changed: float) -> SoundStatistics:
    """The sea: −50 dBFS, its spectrum far from flat."""
    usual = SoundStatistics(-50.0, -38.0, 0.0, 3.0, 0.1, 0.0, 0.001, 7, 0.0)
    return replace(usual, **changed)  # type: ignore[arg-type]


def after_a_day(judge: InputJudge) -> None:
    rng = np.random.default_rng(9)
    for _ in range(6 * 60 * 24):
        found = judge.judge(statistics(level_db=-50.0 + rng.normal(0, 3), flatness=rng.uniform(0.05, 0.2)), RATE, 60.0)
        assert not found.problem


def test_a_dead_hydrophone_is_told_from_a_quiet_sea() -> None:
    judge = InputJudge(RATE)
    after_a_day(judge)
    quiet = [judge.judge(statistics(level_db=-72.0), RATE, 60.0) for _ in range(3)][-1]
    assert (quiet.state, quiet.level_dbfs) == ("ok", -72.0)
    assert quiet.usual_level_dbfs == pytest.approx(-50.0, abs=1.0)
    dead = [judge.judge(statistics(level_db=-72.0, flatness=0.95), RATE, 60.0) for _ in range(3)][-1]
    assert (dead.state, list(dead.reasons)) == ("broken", ["dead_hydrophone"])
    assert "22 dB below the usual one" in dead.reason
    # days of it do not become the usual
    for _ in range(6 * 60 * 48):
        dead = judge.judge(statistics(level_db=-72.0, flatness=0.95), RATE, 60.0)
    assert list(dead.reasons) == ["dead_hydrophone"]
    mended = [judge.judge(statistics(), RATE, 60.0) for _ in range(2)][-1]
    assert mended.state == "ok"


def test_a_site_whose_noise_was_always_white_is_not_called_dead() -> None:
    judge = InputJudge(RATE)
    for _ in range(6 * 60 * 2):
        judge.judge(statistics(flatness=0.9), RATE, 60.0)
    found = [judge.judge(statistics(level_db=-72.0, flatness=0.95), RATE, 60.0) for _ in range(3)][-1]
    assert found.state == "ok"
    found = [judge.judge(statistics(level_db=-85.0, flatness=0.95), RATE, 60.0) for _ in range(3)][-1]
    assert (found.state, list(found.reasons)) == ("doubtful", ["quiet"])


def test_what_passes_is_no_finding() -> None:
    judge = InputJudge(RATE)
    states = [
        judge.judge(statistics(clipped=0.5 if second in (2, 5, 6, 7) else 0.0), RATE, 60.0).state
        for second in range(11)
    ]
    assert states == ["unknown", *["ok"] * 5, "broken", "broken", "broken", "ok", "ok"]


def test_what_is_known_from_elsewhere_comes_first() -> None:
    header = InputFault("header", "a header", broken=True)
    found = InputJudge(RATE).judge(statistics(offset=0.9), RATE, 60.0, {"header": header})
    assert (found.state, found.reason) == ("broken", "a header")
    assert verdict([]).state == "unknown"
    assert verdict([], certain=True).state == "ok"


def test_numbers_that_are_none_leave_no_account() -> None:
    sampler = SoundSampler(RATE, 0.999)
    block = np.full(RATE, np.nan, np.float32)
    assert [sampler.push(block) for _ in range(30)] == [None] * 30
    block[:] = 3e38
    block[::2] = -3e38
    assert [account for account in (sampler.push(block) for _ in range(30)) if account is not None]
