"""The pipeline with an in-memory backend: what goes in, what comes out, and what must not matter."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap, GapCause
from edge_daemon.backends.base import BackendOptions, Capabilities, Inference
from edge_daemon.detection.call_band import event_band_hz, rise
from edge_daemon.detection.call_context import LEAST_HEARD
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.pipeline import STAGES, Output, Pipeline
from edge_daemon.errors import ConfigError
from edge_daemon.model.frontend import FrontEnd, LogMelSpec, WaveformSpec
from edge_daemon.model.model_file import ModelFile

SPEC = LogMelSpec()
RULES = EventRules(threshold=0.6, threshold_low=0.4, merge_gap_s=0.0)


class ListeningBackend:
    """Scores a window by how much its 100–200 Hz bands rise over the others; remembers the sizes of its batches."""

    name = "memory"
    Options = BackendOptions
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.batches: list[int] = []

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> ListeningBackend:  # noqa: ARG003 - the protocol
        return cls()

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        self.batches.append(len(features))
        rises = np.stack([rise(picture) for picture in features])
        inside, outside = rises[:, 10:20].sum(axis=1), rises[:, 20:].sum(axis=1)
        score = np.clip((3 * inside - outside) / 5000, 0, 1).astype(np.float32)
        counts = np.stack([outside, inside], axis=1).astype(np.int32)
        return Inference(score, counts, counts.astype(np.int64))

    def health(self) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        pass


def sea(seconds: float, rate: int = 2000, calls: tuple[float, ...] = (), seed: int = 0) -> NDArray[np.float32]:
    """White noise with one-second sweeps from 100 to 200 Hz beginning at the given seconds."""
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.001 * np.random.default_rng(seed).standard_normal(len(time))
    for begin in calls:
        inside = (time >= begin) & (time < begin + 1)
        local = time[inside] - begin
        sound[inside] += 0.3 * np.sin(2 * np.pi * (100 * local + 50 * local**2))
    return sound.astype(np.float32)


def pipeline(rate: int = 2000, *, batch: int = 1, hop: int = 1000, pad_short: bool = False) -> Pipeline:
    return Pipeline(SPEC, ListeningBackend(), RULES, source_rate=rate, hop=hop, batch=batch, pad_short=pad_short)


def drive(line: Pipeline, items: list[Block | Gap]) -> Output:
    whole = Output()
    for output in [*map(line.push, items), line.finish()]:
        whole.windows += output.windows
        whole.found += output.found
        whole.tracked += output.tracked
        whole.gaps += output.gaps
    return whole


def cut(samples: NDArray[np.float32], edges: list[int], start: int = 0) -> list[Block | Gap]:
    bounds = [0, *sorted(edges), len(samples)]
    return [Block(samples[a:b], start + a) for a, b in pairwise(bounds) if b > a]


def test_windows_are_those_of_the_front_end_and_the_backend() -> None:
    sound = sea(6, calls=(2.0,))
    line = pipeline()
    output = drive(line, [Block(sound, 0)])
    starts = [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]
    pictures = np.stack([FrontEnd(SPEC)(sound[s : s + 4000]) for s in starts])
    expected = ListeningBackend().infer(pictures)
    assert [w.start for w in output.windows] == starts
    # a score of 0 would say that there was no sound
    assert [w.score for w in output.windows] == np.maximum(expected.score, np.float32(LEAST_HEARD)).tolist()
    assert line.tally.windows == 9
    assert line.tally.layer_spikes is not None
    assert line.tally.layer_spikes.tolist() == expected.layer_spikes.sum(axis=0).tolist()
    assert output.gaps == []


def test_a_call_becomes_an_event_with_its_band() -> None:
    sound = sea(10, calls=(4.0,))
    output = drive(pipeline(), [Block(sound, 0)])
    assert len(output.found) == 1
    event = output.found[0].event
    middle = (event.begin + event.end) / 2 / 2000
    assert middle == pytest.approx(4.5, abs=0.51)
    picture = FrontEnd(SPEC)(sound[event.peak_start : event.peak_start + 4000])
    assert (event.low_hz, event.high_hz) == event_band_hz(picture, SPEC.band_edges_hz())
    assert event.low_hz is not None
    assert event.high_hz is not None
    assert 70 <= event.low_hz <= 120
    assert 180 <= event.high_hz <= 230
    assert output.found[0].gaps == ()


class LoudBackend(ListeningBackend):
    """Scores a window by whether anything stands out in it, wherever it goes."""

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        counts = np.zeros((len(features), 2), np.int32)
        score = np.array([0.9 * (rise(picture).max() > 100) for picture in features], np.float32)
        return Inference(score, counts, counts.astype(np.int64))


def tones(rate: int) -> NDArray[np.float32]:
    """Half a minute with three tones of a second: one rises by 100 Hz, one by 40, one falls by 60."""
    time = np.arange(30 * rate) / rate
    sound = 0.01 * np.random.default_rng(7).standard_normal(len(time))
    for begin, from_hz, to_hz in ((4, 120, 220), (14, 120, 160), (24, 180, 120)):
        inside = (time >= begin) & (time < begin + 1)
        local = time[inside] - begin
        sound[inside] += 0.3 * np.sin(2 * np.pi * (from_hz * local + (to_hz - from_hz) / 2 * local**2))
    return sound.astype(np.float32)


def test_an_event_without_a_rise_is_counted_and_is_no_detection() -> None:
    heard = []
    for least_hz in (0.0, 20.0, 60.0, 150.0):
        rules = RULES.model_copy(update={"min_rise_hz": least_hz})
        line = Pipeline(SPEC, LoudBackend(), rules, source_rate=2000, hop=1000, call_band_hz=(50.0, 250.0))
        output = drive(line, [Block(tones(2000), 0)])
        assert len(output.tracked) == 3  # as the rules of scores made them
        heard.append(([round(found.event.begin / 2000) for found in output.found], line.tally.not_rising))
    assert heard == [([3, 13, 23], 0), ([3, 13], 1), ([3], 2), ([], 3)]


class BoutBackend(ListeningBackend):
    """Ten windows that are calls, then quiet, then one sound of 0.3 from the 28th to the 30th window."""

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        inference = super().infer(features)
        number = len(self.batches) - 1
        score = 1.0 if number < 10 else 0.3 if 28 <= number <= 30 else 0.001
        return Inference(np.full(len(features), score, np.float32), inference.spike_counts, inference.layer_spikes)


def test_a_sound_that_is_raised_has_a_band_and_windows_keep_their_own_scores() -> None:
    rules = RULES.model_copy(update={"context_s": 30.0})
    line = Pipeline(SPEC, BoutBackend(), rules, source_rate=2000, hop=1000, call_band_hz=(50.0, 250.0))
    output = drive(line, [Block(sea(20, calls=(14.6,)), 0)])
    last = output.found[-1].event
    # ten windows of sixty are calls, fifty or fewer as usual: the odds of 0.3 times 8
    assert last.peak_score == pytest.approx(2.4 / 3.1)
    assert last.low_hz is not None
    assert max(window.score for window in output.windows[28:31]) == pytest.approx(0.3)


class ChangingBackend(ListeningBackend):
    """Another name after each inference of its own, as when a fallback takes over and the chosen one returns."""

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        inference = super().infer(features)
        self.name = "chosen" if len(self.batches) % 2 else "fallback"
        return inference


@pytest.mark.parametrize(("call", "expected"), [(4.25, "chosen"), (4.75, "fallback")])
def test_an_event_names_the_backend_that_scored_its_peak(call: float, expected: str) -> None:
    line = Pipeline(SPEC, ChangingBackend(), RULES, source_rate=2000, hop=1000)
    (found,) = drive(line, [Block(sea(10, calls=(call,)), 0)]).found
    assert found.event.windows > 1  # both had a part in it
    assert found.event.peak_start // 1000 % 2 == (expected == "fallback")
    assert found.backend == expected


def test_bands_are_given_from_the_low_threshold_up_only() -> None:
    output = drive(pipeline(), [Block(sea(10, calls=(4.0,)), 0)])
    assert {window.band is None for window in output.windows} == {True, False}
    for window in output.windows:
        assert (window.band is not None) == (window.score >= RULES.threshold_low)


def test_batches_are_filled_and_the_rest_is_scored_at_the_end() -> None:
    line = pipeline(batch=4)
    backend = line._backend
    assert isinstance(backend, ListeningBackend)
    drive(line, [Block(sea(6), 0)])
    assert backend.batches == [4, 4, 1]


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([2000, 8000, 11025]),
    batch=st.integers(1, 9),
    edges=st.lists(st.integers(0, 8 * 8000), max_size=12),
    hop=st.sampled_from([400, 1000, 1999]),
)
def test_block_and_batch_size_do_not_matter(rate: int, batch: int, edges: list[int], hop: int) -> None:
    sound = sea(8, rate=rate, calls=(1.5, 5.0))
    middle = 4 * rate
    halves = sound[:middle], sound[middle:]
    gap = Gap(middle, rate, "stall")
    whole: list[Block | Gap] = [Block(halves[0], 0), gap, Block(halves[1], gap.end)]
    pieces = [
        *cut(halves[0], [e for e in edges if e < middle]),
        gap,
        *cut(halves[1], [e - middle for e in edges if middle < e < len(sound)], gap.end),
    ]
    first = drive(pipeline(rate, batch=32, hop=hop), whole)
    second = drive(pipeline(rate, batch=batch, hop=hop), pieces)
    assert first == second
    assert any(found.call for found in first.found)


def test_no_more_sound_is_kept_than_an_event_may_reach_back_to() -> None:
    line = pipeline()
    for start in range(0, 60_000, 500):
        line.push(Block(sea(0.25, seed=start), start))
        assert line.held <= 4000 + 500  # a window and a block
    for start in range(60_000, 90_000, 100):  # segments without a window
        line.push(Gap(start, 50, "stall"))
        line.push(Block(sea(0.025), start + 50))
        assert line.held <= 4000 + 500


def test_a_silent_window_is_scored_nought_and_counted() -> None:
    sound = sea(6, calls=(0.5,))
    sound[4000:10000] = 0.0
    line = pipeline(batch=3)
    output = drive(line, [Block(sound, 0)])
    backend = line._backend
    assert isinstance(backend, ListeningBackend)
    silent = [w for w in output.windows if 4000 <= w.start <= 6000]
    assert [w.score for w in silent] == [0.0, 0.0, 0.0]
    assert line.tally.unusable == 3
    assert sum(backend.batches) == line.tally.windows - 3


class SureBackend(ListeningBackend):
    """Its curve reaches 0, and it is there for every window."""

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        inference = super().infer(features)
        return Inference(np.zeros(len(features), np.float32), inference.spike_counts, inference.layer_spikes)


def test_only_a_window_without_sound_has_a_score_of_nought() -> None:
    sound = sea(6)
    sound[4000:10000] = 0.0
    output = drive(Pipeline(SPEC, SureBackend(), RULES, source_rate=2000, hop=1000), [Block(sound, 0)])
    assert [w.start for w in output.windows if w.score == 0] == [4000, 5000, 6000]
    assert max(w.score for w in output.windows) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("length", [0, 1, 23, 24, 25, 48_000])
@pytest.mark.parametrize("cause", ["overflow", "stall", "non_finite", "schedule"])
def test_missing_sound_never_wipes_what_came_before(length: int, cause: GapCause) -> None:
    """However short it is: at 48 kHz up to 23 samples are none of 2 kHz."""
    rules = RULES.model_copy(update={"context_s": 30.0})
    rate, at = 48_000, 10 * 48_000
    line = Pipeline(SPEC, BoutBackend(), rules, source_rate=rate, hop=1000, call_band_hz=(50.0, 250.0))
    items: list[Block | Gap] = [Block(sea(10, rate), 0), Gap(at, length, cause), Block(sea(12, rate), at + length)]
    output = drive(line, items)
    assert output.found[-1].event.peak_score == pytest.approx(2.4 / 3.1)
    seam = Pipeline(SPEC, BoutBackend(), rules, source_rate=rate, hop=1000, call_band_hz=(50.0, 250.0))
    output = drive(seam, [Block(sea(10, rate), 0), Gap(at, 0, "schedule", seam=True), Block(sea(12, rate), at)])
    assert output.found[-1].event.peak_score == 1.0  # the calls before it


def test_nothing_but_silence_never_asks_the_network() -> None:
    line = pipeline()
    output = drive(line, [Block(np.zeros(8000, np.float32), 0)])
    assert [w.score for w in output.windows] == [0.0] * 5
    assert line.tally.layer_spikes is None


def test_clipping_is_counted_and_scored() -> None:
    sound = sea(4)
    sound[100:200] = 1.0
    line = pipeline()
    output = drive(line, [Block(sound, 0)])
    assert line.tally.clipped == 1  # only the first window has it
    assert output.windows[0].score > 0


def test_a_gap_ends_the_event_and_is_told_with_it() -> None:
    sound = sea(10, calls=(4.0,))
    gap = Gap(9500, 700, "overflow")
    items: list[Block | Gap] = [Block(sound[:9500], 0), gap, Block(sound[9500:], gap.end)]
    output = drive(pipeline(), items)
    # windows until sample 9000 fit before the gap, 500 samples do not
    assert output.gaps == [Gap(9000, 500, "tail"), gap, Gap(gap.end + 10000, 500, "tail")]
    assert [w.start for w in output.windows] == [
        0,
        1000,
        2000,
        3000,
        4000,
        5000,
        10200,
        11200,
        12200,
        13200,
        14200,
        15200,
        16200,
    ]
    assert output.found
    assert output.found[0].event.end <= 9500
    assert gap in output.found[0].gaps or Gap(9000, 500, "tail") in output.found[0].gaps


def test_a_gap_far_away_is_not_told() -> None:
    sound = sea(20, calls=(15.0,))
    items: list[Block | Gap] = [Block(sound[:8000], 0), Gap(8000, 10, "stall"), Block(sound[8000:], 8010)]
    output = drive(pipeline(), items)
    assert [found.gaps for found in output.found] == [()]
    assert all(isinstance(found, Found) for found in output.found)


def test_not_a_number_becomes_a_gap() -> None:
    sound = sea(8)
    sound[9000] = np.nan
    output = drive(pipeline(), [Block(sound, 0)])
    assert Gap(9000, 1, "non_finite") in output.gaps
    assert output.windows
    assert all(np.isfinite(w.score) for w in output.windows)


def test_every_sample_is_in_a_window_or_a_gap() -> None:
    sound = sea(9.3)
    items: list[Block | Gap] = [Block(sound[:7777], 0), Gap(7777, 333, "stall"), Block(sound[7777:], 8110)]
    output = drive(pipeline(hop=1700), items)
    heard = np.zeros(len(sound) + 333, np.int64)
    for window in output.windows:
        heard[window.start : window.start + SPEC.window] = 1
    for gap in output.gaps:
        assert not heard[gap.start : gap.end].any()
        heard[gap.start : gap.end] = 1
    assert heard.all()


def test_the_stream_itself_is_given_on_without_a_hole() -> None:
    pipeline = Pipeline(SPEC, ListeningBackend(), RULES, source_rate=2000, hop=1000)
    outputs = [pipeline.push(Block(sea(3), 0)), pipeline.push(Gap(6000, 500, "stall")), pipeline.finish()]
    sound = [piece for output in outputs for piece in output.sound]
    assert [type(piece) for piece in sound] == [Block, Gap]
    assert [(piece.start, piece.end) for piece in sound] == [(0, 6000), (6000, 6500)]


def test_a_short_recording_is_scored_once_if_asked() -> None:
    short = sea(1.2, calls=(0.1,))
    line = pipeline(pad_short=True)
    assert len(drive(line, [Block(short, 0)]).windows) == 1
    assert line.tally.short == 1
    output = drive(pipeline(), [Block(short, 0)])
    assert output.windows == []
    assert output.gaps == [Gap(0, 2400, "tail")]


def test_empty_streams() -> None:
    assert drive(pipeline(), []) == Output()
    assert drive(pipeline(), [Gap(0, 100, "schedule")]).gaps == [Gap(0, 100, "schedule")]


def test_stages_are_timed() -> None:
    line = pipeline()
    drive(line, [Block(sea(6), 0)])
    assert list(line.tally.stage_ns) == list(STAGES)
    assert line.tally.stage_ns["read"] == 0
    assert all(line.tally.stage_ns[stage] > 0 for stage in STAGES[1:])


def test_another_front_end() -> None:
    spec = WaveformSpec()
    backend = ListeningBackend()
    line = Pipeline(spec, backend, RULES, source_rate=2000, hop=1000)
    drive(line, [Block(sea(4), 0)])
    assert backend.batches == [1] * 5


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"hop": 0}, {"hop": 4001}])
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        pipeline(**wrong)


@pytest.mark.parametrize("rate", [2000, 8000, 44_100, 1500])
def test_a_window_comes_with_the_sample_that_was_missing_and_none_before(rate: int) -> None:
    line, sound, at = pipeline(rate), sea(8.0, rate), 0
    while at + line.missing <= len(sound):
        last = at + line.missing - 1
        assert line.push(Block(sound[at:last], at)).windows == []
        assert line.missing == 1
        assert line.push(Block(sound[last : last + 1], last)).windows != []
        at = last + 1
    assert line.tally.windows >= 12
