"""Levels against tones whose levels are known by hand: full scale 170 dB re 1 µPa unless said otherwise."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.document import ReceivedLevel
from edge_daemon.levels.received_level import LevelMeter

RATE = 2000
FULL_SCALE_DB = 170.0


def sine(amplitude: float, hz: float, seconds: float, offset: float = 0.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE)) / RATE
    return (offset + amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def meter(*pieces: Block | Gap, memory_s: float = 120.0) -> LevelMeter:
    recent = RecentSound(RATE)
    made = LevelMeter(recent, FULL_SCALE_DB, memory_s)
    for piece in pieces:
        recent.push(piece)
    return made


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 1e-3])
def test_a_sine_has_the_level_of_its_amplitude(amplitude: float) -> None:
    # 100 Hz at 2 kHz: its crests lie on samples
    level = meter(Block(sine(amplitude, 100, 2), 0)).received(0, 2 * RATE)
    assert level == ReceivedLevel(
        rms_db=round(170 + 20 * math.log10(amplitude / math.sqrt(2)), 2),
        peak_to_peak_db=round(170 + 20 * math.log10(2 * amplitude), 2),
        ambient_db=None,
        low_hz=0.0,
        high_hz=1000.0,
    )


def test_full_scale_by_hand() -> None:
    # 170 − 3.0103 and 170 + 6.0206
    level = meter(Block(sine(1.0, 100, 1), 0)).received(0, RATE)
    assert level is not None
    assert (level.rms_db, level.peak_to_peak_db) == (166.99, 176.02)


def test_an_offset_is_no_sound() -> None:
    with_offset = meter(Block(sine(0.1, 100, 2, offset=0.3), 0)).received(0, 2 * RATE)
    assert with_offset == meter(Block(sine(0.1, 100, 2), 0)).received(0, 2 * RATE)


def test_an_event_its_surroundings_and_earlier_events_are_kept_apart() -> None:
    sea, call = sine(0.01, 50, 4), sine(0.1, 100, 1)
    heard = meter(*(Block(part, at) for part, at in ((sea, 0), (call, 8000), (sea, 10_000), (call, 18_000))))
    heard._recent.push(Block(sea, 20_000))
    first, second = heard.received(8000, 10_000), heard.received(18_000, 20_000)
    assert first is not None
    assert second is not None
    # 170 + 20·log10(0.1/√2) = 146.99, and 20 dB less for the sea
    assert first.rms_db == second.rms_db == 146.99
    assert second.ambient_db == 126.99
    # the first one did not know yet that there was a second: 12 s of sea, 1 s of call 20 dB above it
    assert first.ambient_db == pytest.approx(126.99 + 10 * math.log10((12 + 100) / 13), abs=0.01)
    assert heard.ambient_db == 126.99


def test_ambient_reaches_thirty_seconds_to_both_sides() -> None:
    loud, sea, call = sine(1.0, 100, 30), sine(0.01, 50, 30), sine(0.1, 100, 1)
    parts = [loud, sea, call, sea, loud]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    heard = meter(*(Block(part, int(at)) for part, at in zip(parts, starts, strict=False)), memory_s=200)
    level = heard.received(int(starts[2]), int(starts[3]))
    assert level is not None
    assert level.ambient_db == 126.99


def test_missing_sound_is_not_silence() -> None:
    tone = sine(0.1, 100, 3)
    heard = meter(Block(tone[:2000], 0), Gap(2000, 2000, "overflow"), Block(tone[4000:], 4000))
    level = heard.received(0, 6000)
    assert level is not None
    assert level.rms_db == 146.99
    # left out without a gap: missing all the same
    silent_about_it = meter(Block(tone[:2000], 0), Block(tone[4000:], 4000)).received(0, 6000)
    assert silent_about_it == level
    assert heard.received(2000, 4000) is None


def test_nothing_heard_and_silence_have_no_level() -> None:
    assert meter().received(0, 100) is None
    assert meter().ambient_db is None
    assert meter(Gap(0, 5000, "stall")).ambient_db is None
    quiet = meter(Block(np.full(4000, 0.25, np.float32), 0))
    assert quiet.received(0, 2000) is None
    assert quiet.ambient_db is None


def test_memory_is_bounded_and_measures_what_it_holds() -> None:
    heard = meter(*(Block(sine(0.1, 100, 5), at) for at in range(0, 100_000, 10_000)), memory_s=10)
    assert heard.received(0, 70_000) is None
    partly = heard.received(60_000, 90_000)
    assert partly is not None
    assert partly.rms_db == 146.99
    long_gap = meter(Block(sine(0.1, 100, 5), 0), Gap(10_000, 10**9, "device_absent"), memory_s=10)
    assert long_gap.ambient_db is None
    long_gap._recent.push(Block(sine(0.1, 100, 2), 10_000 + 10**9))
    assert long_gap.ambient_db == 146.99


def test_a_stream_may_begin_anywhere_and_blocks_may_repeat() -> None:
    tone = sine(0.1, 100, 4)
    heard = meter(Block(tone[:4000], 123_000), Block(tone[2000:], 125_000), memory_s=3)
    level = heard.received(125_000, 131_000)
    assert level is not None
    assert level.rms_db == 146.99


@pytest.mark.parametrize("source_rate", [16_000, 48_000, 44_100])
def test_levels_survive_the_resampler(source_rate: int) -> None:
    t = np.arange(6 * source_rate) / source_rate
    tone = (0.1 * np.sin(2 * np.pi * 100 * t)).astype(np.float32)
    resampler = Resampler(source_rate, RATE)
    heard = meter(*resampler.push(Block(tone, 0)), *resampler.finish())
    level = heard.received(2 * RATE, 4 * RATE)
    assert level is not None
    assert level.rms_db == 146.99
    assert level.peak_to_peak_db == pytest.approx(170 + 20 * math.log10(0.2), abs=0.011)


noise = (0.1 * np.random.default_rng(5).standard_normal(5 * RATE)).astype(np.float32)


@given(cuts=st.lists(st.integers(1, len(noise) - 1), max_size=30), memory_s=st.sampled_from([1.0, 2.5, 9.0]))
def test_the_cut_into_blocks_does_not_matter(cuts: list[int], memory_s: float) -> None:
    edges = [0, *sorted(cuts), len(noise)]
    pieces: list[Block | Gap] = [Block(noise[a:b], a) for a, b in pairwise(edges)]
    pieces.append(Gap(len(noise), 500, "stall"))
    whole = meter(Block(noise, 0), Gap(len(noise), 500, "stall"), memory_s=memory_s)
    in_blocks = meter(*pieces, memory_s=memory_s)
    assert in_blocks.received(4000, 9000) == whole.received(4000, 9000)
    assert in_blocks.ambient_db == whole.ambient_db


class Arriving(RecentSound):
    """More sound and a gap come whenever somebody asks how far it reaches, as from another thread."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self._arriving = False

    def arrive(self) -> None:
        start = self._end
        self.push(Block(np.tile([0.1, -0.1], 25).astype(np.float32), start))
        self.push(Gap(start + 50, 50, "stall"))

    @property
    def end(self) -> int:
        end = super().end
        if self._arriving:
            self.arrive()
        return end


def test_the_ambient_level_is_right_while_sound_arrives() -> None:
    recent = Arriving()
    measured = LevelMeter(recent, FULL_SCALE_DB, 1.0)
    for _ in range(40):
        recent.arrive()
    recent._arriving = True
    # all that was heard is at 170 − 20; a sample of the silence that stands for a gap would lower it
    assert [measured.ambient_db for _ in range(20)] == [150.0] * 20
