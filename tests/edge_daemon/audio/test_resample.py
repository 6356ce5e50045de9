"""Resampling: nothing moves in time, whatever the rates, the blocks and the gaps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly

from edge_daemon.audio.polyphase_filter import PolyphaseFilter
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block, Gap
from edge_daemon.errors import AudioError

TARGET = 2000
RATES = [500, 1000, 1500, 2500, 4000, 8000, 11_025, 16_000, 31_250, 44_100, 48_000, 96_000]


def run(rate: int, items: Iterable[Block | Gap], target: int = TARGET) -> list[Block | Gap]:
    """Everything that comes out, checked for holes and types."""
    resampler = Resampler(rate, target)
    out = [made for item in items for made in resampler.push(item)] + resampler.finish()
    for before, after in pairwise(out):
        assert after.start == before.end
    assert all(item.samples.dtype == np.float32 for item in out if isinstance(item, Block))
    return out


def joined(items: Iterable[Block | Gap]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, np.float32), *(item.samples for item in items if isinstance(item, Block))])


def resample(rate: int, samples: NDArray[np.float32], target: int = TARGET) -> NDArray[np.float32]:
    return joined(run(rate, [Block(samples, 0)], target))


@pytest.mark.parametrize("rate", RATES)
def test_a_sine_keeps_phase_and_amplitude(rate: int) -> None:
    """Against the formula: 0.4 of the lower Nyquist frequency, phase error below 1/10000 of a sample."""
    frequency = 0.4 * min(rate, TARGET) / 2
    samples = np.sin(2 * np.pi * frequency * np.arange(2 * rate) / rate).astype(np.float32)
    got = resample(rate, samples)
    assert len(got) == 2 * TARGET
    expected = np.sin(2 * np.pi * frequency * np.arange(2 * TARGET) / TARGET)
    middle = slice(500, -500)  # away from the sudden beginning and end
    assert np.abs(got - expected)[middle].max() < 2e-4


@pytest.mark.parametrize("rate", [4000, 16_000, 44_100, 48_000])
def test_agrees_with_scipy_on_a_band_limited_sound(rate: int) -> None:
    rng = np.random.default_rng(2)
    t = np.arange(3 * rate) / rate
    samples = sum(
        rng.uniform(0.1, 0.3) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in rng.uniform(20, 700, 20)
    ).astype(np.float32)
    divisor = math.gcd(rate, TARGET)
    down = rate // divisor
    up = TARGET // divisor
    # a longer filter than scipy's default, so that its own error is small
    taps = firwin(2 * 80 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 10.0))
    reference = resample_poly(samples.astype(np.float64), up, down, window=taps)
    got = resample(rate, samples)
    assert len(got) == len(reference)
    assert np.abs(got - reference)[500:-500].max() < 1e-3


@pytest.mark.parametrize("rate", RATES)
def test_agrees_with_one_uninterrupted_soxr_run(rate: int) -> None:
    samples = np.random.default_rng(3).standard_normal(5 * rate + 17).astype(np.float32)
    reference = soxr.resample(samples, rate, TARGET, quality="HQ")
    got = resample(rate, samples)
    assert len(got) == -(-len(samples) * TARGET // rate)
    count = min(len(got), len(reference))  # soxr rounds the length to nearest
    # at the very edges soxr is not the filter over silence that it is with margins
    difference = np.abs(got[:count] - reference[:count])[112:-112]
    assert difference.max() < 5e-6  # −106 dB re the noise's standard deviation


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.77, 0.9])
def test_an_impulse_stays_where_it_was(rate: int, place: float) -> None:
    """Sample n comes out at n·out/in: the energy's centre is less than half an output sample away."""
    n = round(place * 1.9 * rate)
    samples = np.zeros(2 * rate, np.float32)
    samples[n] = 1.0
    energy = resample(rate, samples).astype(np.float64) ** 2
    centre = (np.arange(len(energy)) * energy).sum() / energy.sum()
    if place:  # an impulse at the very edge loses one side of its response
        assert abs(centre - n * TARGET / rate) < 0.01
    assert abs(int(energy.argmax()) - n * TARGET / rate) <= 0.5 + TARGET / rate


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([1000, 2000, 2500, 8000, 44_100, 48_000]),
    cuts=st.lists(st.integers(0, 60_000), max_size=8),
    count=st.integers(1, 60_000),
)
def test_blocks_do_not_change_a_bit(rate: int, cuts: list[int], count: int) -> None:
    samples = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    bounds = sorted({0, count, *(cut % count for cut in cuts)})
    blocks = [Block(samples[a:b], a) for a, b in pairwise(bounds)]
    assert joined(run(rate, blocks)).tobytes() == resample(rate, samples).tobytes()


def test_sample_by_sample_is_the_same_too() -> None:
    samples = np.random.default_rng(5).standard_normal(3000).astype(np.float32)
    singles = [Block(samples[i : i + 1], i) for i in range(3000)]
    assert joined(run(2500, singles)).tobytes() == resample(2500, samples).tobytes()


def test_equal_rates_pass_through() -> None:
    block = Block(np.arange(5, dtype=np.float32), 0)
    assert run(TARGET, [block]) == [block]
    assert Resampler(TARGET, TARGET).latency == 0.0


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([1500, 2000, 8000, 11_025, 48_000, 44_101]),
    lengths=st.lists(
        st.tuples(st.integers(0, 9000), st.one_of(st.integers(0, 9000), st.integers(0, 30)), st.booleans()),
        min_size=1,
        max_size=5,
    ),
)
def test_gaps_keep_the_account(rate: int, lengths: list[tuple[int, int, bool]]) -> None:
    """Sound and gaps tile the output, every edge at ⌈n·out/in⌉ of the source's edge."""
    items: list[Block | Gap] = []
    at = 0
    for sound, gap, seam in lengths:
        items.append(Block(np.ones(sound, np.float32), at))
        items.append(Gap(at + sound, gap, "overflow", seam))
        at += sound + gap
    out = run(rate, items)

    def place(index: int) -> int:
        return math.ceil(index * TARGET / rate)

    gaps = [item for item in out if isinstance(item, Gap)]
    given_gaps = [item for item in items if isinstance(item, Gap)]
    assert gaps == [Gap(place(g.start), place(g.end) - place(g.start), g.cause, g.seam) for g in given_gaps]
    assert sum(item.end - item.start for item in out) == place(at)


def test_sound_after_a_gap_sits_on_the_same_grid() -> None:
    """A sine that goes on through a gap comes out with the phase it would have had."""
    rate, frequency = 48_000, 150.0
    samples = np.sin(2 * np.pi * frequency * np.arange(3 * rate) / rate).astype(np.float32)
    a, b = 48_007, 60_001  # on no output sample
    out = run(rate, [Block(samples[:a], 0), Gap(a, b - a, "stall"), Block(samples[b:], b)])
    last = out[-1]
    assert isinstance(last, Block)
    tail = [item for item in out if isinstance(item, Block) and item.start >= b * TARGET // rate]
    assert tail[0].start == 2501  # ⌈60001/24⌉
    got = joined(tail)
    expected = np.sin(2 * np.pi * frequency * np.arange(tail[0].start, last.end) / TARGET)
    assert np.abs(got - expected)[200:-200].max() < 1e-4


def test_nothing_rings_across_a_gap() -> None:
    rate = 16_000
    loud = np.ones(rate, np.float32)
    quiet = np.zeros(rate, np.float32)
    out = run(rate, [Block(loud, 0), Gap(rate, 8, "overflow"), Block(quiet, rate + 8)])
    after = joined(item for item in out if item.start > TARGET)
    assert not after.any()


@pytest.mark.parametrize("rate", [TARGET, 48_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_non_finite_samples_become_gaps(rate: int, bad: float) -> None:
    samples = np.random.default_rng(6).standard_normal(2 * rate).astype(np.float32)
    spoilt = samples.copy()
    spoilt[rate : rate + 48] = bad
    out = run(rate, [Block(spoilt, 0)])
    gaps = [item for item in out if isinstance(item, Gap)]
    assert gaps == [Gap(TARGET, 48 * TARGET // rate, "non_finite")]
    sound = joined(out)
    assert np.isfinite(sound).all()
    clean = resample(rate, samples)
    # more than the filter's reach away nothing changes
    assert np.abs(sound[:1800] - clean[:1800]).max() < 5e-6
    assert np.abs(sound[-1500:] - clean[-1500:]).max() < 5e-6


def test_output_is_late_by_its_latency_only() -> None:
    """A chunk comes as soon as the margin after it is there."""
    resampler = Resampler(48_000, TARGET)
    assert resampler.latency == pytest.approx(0.056)
    margin = round(resampler.latency * 48_000)
    samples = np.zeros(12_000 + margin, np.float32)
    assert resampler.push(Block(samples[:-1], 0)) == []
    (block,) = resampler.push(Block(samples[-1:], len(samples) - 1))
    assert isinstance(block, Block)
    assert (block.start, block.end) == (0, 500)


def test_holds_little_whatever_comes() -> None:
    resampler = Resampler(48_000, TARGET)
    for i in range(200):
        resampler.push(Block(np.zeros(4800, np.float32), i * 4800))
    assert len(resampler._buffer) < 2 * 48_000


def test_a_hole_is_refused() -> None:
    resampler = Resampler(48_000, TARGET)
    resampler.push(Block(np.zeros(10, np.float32), 0))
    with pytest.raises(ValueError, match="expected 10"):
        resampler.push(Block(np.zeros(10, np.float32), 11))


def test_may_start_again_after_the_end() -> None:
    resampler = Resampler(8000, TARGET)
    samples = np.random.default_rng(7).standard_normal(5000).astype(np.float32)
    first = joined(resampler.push(Block(samples, 0)) + resampler.finish())
    second = joined(resampler.push(Block(samples, 0)) + resampler.finish())
    assert first.tobytes() == second.tobytes()
    assert resampler.finish() == []


@pytest.mark.parametrize(("source", "target"), [(0, 2000), (-1, 2000), (2000, 0), (10_000_000, 2000)])
def test_impossible_rates_are_refused(source: int, target: int) -> None:
    with pytest.raises(AudioError):
        Resampler(source, target)


def test_other_targets_than_the_usual() -> None:
    got = resample(48_000, np.ones(48_000, np.float32), 1000)
    assert len(got) == 1000
    assert np.abs(got[300:-300] - 1).max() < 1e-5


@pytest.mark.parametrize("rate", [2000, 4000, 8000, 11025, 44100, 48000, 2048, 1999])
@pytest.mark.parametrize("at", [1, 12_345])
def test_a_stream_entered_in_the_middle_is_the_same_stream(rate: int, at: int) -> None:
    sound = np.random.default_rng(3).standard_normal(at + 4 * rate).astype(np.float32)
    whole = Resampler(rate, 2000)
    expected = np.concatenate([b.samples for b in (*whole.push(Block(sound, 0)), *whole.finish())])  # type: ignore[union-attr]
    late = Resampler(rate, 2000)
    source, output = late.entry(at)
    assert at <= source < at + rate
    assert source * 2000 / rate <= output <= source * 2000 / rate + 2000
    got = [*late.push(Block(sound[source:], source)), *late.finish()]
    first = got[0].start
    samples = np.concatenate([b.samples for b in got])  # type: ignore[union-attr]
    np.testing.assert_array_equal(samples[output - first :], expected[output:])


RECORDERS = [11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("rate", RECORDERS)
def test_what_lies_above_half_the_wanted_rate_is_gone(rate: int) -> None:
    """Aliases below −120 dB: tones all over what the recorder holds come out weaker than that."""
    time = np.arange(rate) / rate
    for hz in (1000, 1010, 1333, 1990, 2000, 2477, 3210, 4001, rate / 2 - 1500, rate / 2 - 100):
        tone = np.sin(2 * np.pi * hz * time).astype(np.float32)
        assert np.abs(resample(rate, tone)[300:-300]).max() < 1e-6


@pytest.mark.parametrize("rate", RECORDERS)
def test_a_window_every_half_second_waits_for_no_more_than_an_eighth_of_a_second(rate: int) -> None:
    """Of sound, behind the filter's reach: at rates that make half a second no whole number of chunks, too."""
    for half in range(1, 9):
        resampler = Resampler(rate, TARGET)
        waits_s = resampler.needed(half * TARGET // 2) / rate - half / 2
        assert resampler.latency <= waits_s + 1e-9
        assert waits_s <= resampler.latency + 0.125
        given = resampler.push(Block(np.zeros(resampler.needed(half * TARGET // 2), np.float32), 0))
        assert given[-1].end >= half * TARGET // 2


def test_the_filter_is_made_of_matrices_where_these_are_small() -> None:
    assert all(PolyphaseFilter.fits(*shape(rate)) for rate in (*RATES, *RECORDERS, 384_000))
    assert not any(PolyphaseFilter.fits(*shape(rate)) for rate in (1999, 44_101))


def shape(rate: int) -> tuple[int, int, int, int]:
    """Arguments of the filter between this rate and the usual one."""
    resampler = Resampler(rate, TARGET)
    return resampler._up, resampler._down, resampler._margin, resampler._chunk


@pytest.mark.parametrize("rate", RECORDERS)
def test_the_number_of_threads_changes_no_bit(rate: int) -> None:
    """No product is so large that the library computes it in several threads, which would sum in another order."""
    for rows, inner, columns in PolyphaseFilter(*shape(rate)).products:
        assert rows > 1  # a single row would be another routine, with another bound
        assert rows * inner * columns <= 1 << 18


@pytest.mark.parametrize("target", [250, 1000, 2000, 2018, 4000, 8000, 44_100])
def test_chunks_last_for_a_twentieth_to_a_quarter_of_a_second(target: int) -> None:
    """Where a period is no longer than that: shorter ones would cost much, longer ones wait."""
    for rate in (target // 2, 3 * target, 7 * target, *RECORDERS):
        resampler = Resampler(rate, target)
        period_s = resampler._up / target
        assert min(period_s, 0.05) <= resampler._chunk * period_s <= max(period_s, 0.25)
