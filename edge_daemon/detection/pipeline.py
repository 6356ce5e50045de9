"""The pipeline: sound in, scored windows and events out. Live listening and replay both run this one.

    blocks and gaps → Resampler → Windower → FrontEnd → Backend → EventFinder → CallTracker

It is synchronous and owns no thread, no clock and no file: a source outside hands it blocks and gaps one by one, and
each call returns what became known. Windows are gathered into batches before inference (live: batches of one); the
front end and the backends give each window the same result in any batch, and resampler and windower do not see how
the sound was cut into blocks, so neither changes the outcome by a single bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block, Gap
from edge_daemon.backends.base import Backend
from edge_daemon.detection.call_band import event_band_hz
from edge_daemon.detection.call_context import LEAST_HEARD
from edge_daemon.detection.call_tracker import CallTracker, by_call
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.event_finder import EventFinder, Found
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import ScoredWindow
from edge_daemon.detection.windower import Window, Windower
from edge_daemon.errors import ConfigError
from edge_daemon.model.frontend import UNUSABLE, FrontEnd, LogMelSpec, StftSpec, WaveformSpec, WindowFlag

STAGES = ("read", "resample", "front end", "inference", "events")
"""Where time goes, in the order in which sound meets them; `read` is added by whoever reads the source."""


TrackedEvent = tuple[int, int, tuple[TrackedCall, ...]]
"""Begin and end of an event as the rules made it, samples, and its calls."""


@dataclass(slots=True)
class Output:
    """What became known in one call, each list in order of time, all positions in samples at the model's rate.

    Attributes:
        windows: windows as the network scored them; their bands are given where they may belong to an event.
        found: events that are complete, one for each call in them.
        tracked: all events as the rules of scores made them: begin, end and calls.
        gaps: sound that was not analysed.
        sound: the stream itself at the model's rate, blocks and gaps, for clips and levels. It runs ahead of the
            windows: what an event covers has always been in an output before, or is in the same one.
        scored_by: where another backend began to score: its first window's first sample, and its name.
    """

    windows: list[ScoredWindow] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    tracked: list[TrackedEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    sound: list[Block | Gap] = field(default_factory=list)
    scored_by: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Running totals, for health documents, benchmarks and summaries.

    Attributes:
        windows: windows scored, the odd ones included.
        unusable: windows without sound (silent, constant, not finite): scored 0 without asking the network.
        clipped: windows with clipping.
        short: windows filled up with zeros.
        not_rising: events that are no detections, since no call in them rises as far as the rules ask.
        layer_spikes: spikes of each layer so far, int64 [layers], for synaptic operations and energy.
        stage_ns: time spent in each of `STAGES`, nanoseconds.
    """

    windows: int = 0
    unusable: int = 0
    clipped: int = 0
    short: int = 0
    not_rising: int = 0
    layer_spikes: NDArray[np.int64] | None = None
    stage_ns: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))

    def note(self, flags: NDArray[np.uint8]) -> None:
        """Count a batch's flags."""
        self.windows += len(flags)
        self.unusable += int(np.count_nonzero(flags & np.uint8(UNUSABLE)))
        self.clipped += int(np.count_nonzero(flags & np.uint8(WindowFlag.CLIPPED)))


class Pipeline:
    """From one stream of sound to events.

    Args:
        spec: front end, which also says the model's rate and window.
        backend: scores the features; the pipeline does not close it.
        rules: how scores become events.
        source_rate: samples per second of the blocks that will be pushed.
        hop: samples at the model's rate between successive windows.
        batch: windows gathered before inference; 1 for the least delay.
        call_band_hz: where the species calls, to find an event's band in; None looks everywhere.
        pad_short: score a stream that is shorter than a window, filled up with zeros, and judge one that has fewer
            windows than the rules ask for by those it has (recordings).
        begin: sample at the model's rate from which windows are cut, as `Windower` has it; None from the first sound.
        pictures: make a small picture of each call, for thumbnails.

    Raises:
        ConfigError: hop, batch and rules contradict each other or the model.
        AudioError: the source's rate cannot be brought to the model's.
    """

    def __init__(
        self,
        spec: StftSpec | LogMelSpec | WaveformSpec,
        backend: Backend,
        rules: EventRules,
        *,
        source_rate: int,
        hop: int,
        batch: int = 1,
        call_band_hz: tuple[float, float] | None = None,
        pad_short: bool = False,
        begin: int | None = None,
        pictures: bool = False,
    ) -> None:
        if batch < 1:
            raise ConfigError(f"A batch cannot have {batch} windows.", "Choose 1 or more.")
        self.spec = spec
        self._finder = EventFinder(rules, spec.window, hop, spec.sample_rate, short_streams=pad_short)
        self.tally = Tally()
        self._resampler = Resampler(source_rate, spec.sample_rate)
        self._windower = Windower(spec.window, hop, pad_short=pad_short, begin=begin)
        self._front_end = FrontEnd(spec, shift=hop)
        self._backend = backend
        self._edges_hz = spec.band_edges_hz()
        self._call_band_hz = call_band_hz
        self._batch = batch
        self._pending: list[Window] = []
        self._tracker = CallTracker(spec.sample_rate, (spec.window - hop) // 2, call_band_hz, pictures=pictures)

    @property
    def latency_s(self) -> float:
        """Seconds of sound that must follow a window before it can be scored, batches aside."""
        return self._resampler.latency

    @property
    def open_from(self) -> int | None:
        """First sample of the event in the making, which may come to nothing; None without one."""
        return self._finder.open_from

    @property
    def settled(self) -> bool:
        """As `EventBuilder` has it."""
        return self._finder.settled

    @property
    def held(self) -> int:
        """Samples of sound that are kept for the contours of calls."""
        return self._tracker.held

    @property
    def missing(self) -> int:
        """Samples at the source's rate with which the next window would be whole, if no gap comes first; 1 or more."""
        return self._resampler.missing(self._windower.missing)

    def change(self, rules: EventRules) -> None:
        """Other rules of events from the next scored window on; nothing of the sound is lost.

        Raises:
            ConfigError: they cannot be met with this hop.
        """
        self._finder.change(rules)

    def push(self, item: Block | Gap) -> Output:
        """Take the next block or gap of the stream; return what became known.

        Raises:
            BackendError: inference failed.
            ValueError: the item does not begin where the one before ended.
        """
        began = perf_counter_ns()
        sound = list(self._resampler.push(item))
        cut = [part for piece in sound for part in self._windower.push(piece)]
        self.tally.stage_ns["resample"] += perf_counter_ns() - began
        output = Output(sound=sound)
        self._take(cut, output)
        self._tracker.rest(self._pending[0].start if self._pending else self._windower.next_start, self.open_from)
        return output

    def flush(self) -> Output:
        """Score the windows gathered so far, be they a batch or not.

        Raises:
            BackendError: inference failed.
        """
        output = Output()
        self._score(output)
        return output

    def finish(self) -> Output:
        """End the stream: score what is still held back and close the open event.

        Raises:
            BackendError: inference failed.
        """
        began = perf_counter_ns()
        sound = list(self._resampler.finish())
        cut = [part for piece in sound for part in self._windower.push(piece)]
        cut += self._windower.finish()
        self.tally.stage_ns["resample"] += perf_counter_ns() - began
        output = Output(sound=sound)
        self._take(cut, output)
        self._score(output)
        self._track(self._finder.finish(), output)
        return output

    def _take(self, cut: Sequence[Window | Gap], output: Output) -> None:
        for piece in output.sound:
            self._tracker.push(piece)
        for part in cut:
            if isinstance(part, Window):
                self._pending.append(part)
                if len(self._pending) >= self._batch:
                    self._score(output)
            else:
                self._score(output)
                output.gaps.append(part)
                self._track(self._finder.gap(part), output)

    def _score(self, output: Output) -> None:
        """Front end, inference and events for the windows gathered so far."""
        windows, self._pending = self._pending, []
        if not windows:
            return
        times = [perf_counter_ns()]
        features, flags = self._front_end.batch(np.stack([window.samples for window in windows]))
        times.append(perf_counter_ns())
        scores = self._infer(features, (flags & np.uint8(UNUSABLE)) == 0)
        if self._finder.scored_by(windows[0].start, self._backend.name):
            output.scored_by.append((windows[0].start, self._backend.name))
        times.append(perf_counter_ns())
        self.tally.note(flags)
        low = self._finder.least_score
        for window, score, picture in zip(windows, scores.tolist(), features, strict=True):
            self.tally.short += window.short
            band = event_band_hz(picture, self._edges_hz, self._call_band_hz) if score >= low else None
            scored = ScoredWindow(window.start, score, band)
            output.windows.append(scored)
            self._track(self._finder.push(scored), output)
        times.append(perf_counter_ns())
        for stage, begin, end in zip(STAGES[2:], times[:-1], times[1:], strict=True):
            self.tally.stage_ns[stage] += end - begin

    def _track(self, events: Sequence[Found], output: Output) -> None:
        """Look for the calls of events, and give each its own."""
        for found in events:
            calls = self._tracker.calls(found)
            output.tracked.append((found.event.begin, found.event.end, calls))
            told = by_call(found, calls, self._finder.rules.min_rise_hz)
            output.found += told
            self.tally.not_rising += not told

    def _infer(self, features: NDArray[np.uint8], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Scores, float32 [N]; 0 only where there is no sound, whatever the network would say to an empty picture."""
        scores = np.zeros(len(features), np.float32)
        if not usable.any():
            return scores
        inference = self._backend.infer(features if usable.all() else features[usable])
        scores[usable] = np.maximum(inference.score, LEAST_HEARD)
        spikes: NDArray[np.int64] = inference.layer_spikes.sum(axis=0)
        total = self.tally.layer_spikes
        self.tally.layer_spikes = spikes if total is None else total + spikes
        return scores
