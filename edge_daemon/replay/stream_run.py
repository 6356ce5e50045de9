"""A run of a stream while it is heard: one pipeline over several recordings, and what it gives."""

from __future__ import annotations

import numpy as np

from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.call_tracker import LONGEST_S
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.pipeline import Output, Pipeline
from edge_daemon.levels.received_level import AROUND_S
from edge_daemon.model.frontend import LogMelSpec, StftSpec, WaveformSpec
from edge_daemon.replay.heard import HeardRun
from edge_daemon.replay.received_levels import ReplayLevels
from edge_daemon.replay.result import ReplayResult


class StreamRun:
    """Hears sound that follows on without a break.

    Args:
        pipeline: that hears it; its windows begin at `begin`, if that is given.
        first: which of the piece's recordings it begins in.
        hop: samples from one window to the next.
        levels: what measures received levels, or None.
        begin: where the piece before hands over, sample at the model's rate; None where this run is the first.
        whole: whether it goes on with the stream, or begins it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        first: int,
        hop: int,
        levels: ReplayLevels | None,
        *,
        begin: int | None = None,
        whole: bool,
    ) -> None:
        self._pipeline, self._hop, self._levels = pipeline, hop, levels
        self._begin, self._whole = begin, whole
        self._run = HeardRun(first)
        self._starts: list[int] = []
        self._scores: list[float] = []
        self._banded: list[int] = []
        self._bands: list[tuple[float, float]] = []
        self._found: list[Found] = []
        self._rate = pipeline.spec.sample_rate
        self._told = (0, np.zeros(0, np.int64), dict.fromkeys(pipeline.tally.stage_ns, 0))
        self._heard_to = 0  # end of the sound that has come out of the resampler, at the model's rate

    def push(self, item: Block | Gap) -> None:
        """Take the next sound, positions in the stream."""
        self._add(self._pipeline.push(item))

    def note_reading(self, spent_ns: int) -> None:
        """Reading took so long."""
        self._pipeline.tally.stage_ns["read"] += spent_ns

    @property
    def on_grid(self) -> bool:
        """Whether resampler and windows still lie as if the stream had been heard from its beginning without a gap."""
        return self._whole and not self._run.gaps

    @property
    def unsettled(self) -> bool:
        """Whether events are still cut otherwise than by a pipeline that begins to hear now, and may have calls."""
        begin = self._pipeline.open_from
        if begin is not None and self._heard_to - begin > 2 * LONGEST_S * self._rate:
            return False
        return not self._pipeline.settled

    def flush(self) -> None:
        """Score all windows that are complete."""
        self._add(self._pipeline.flush())

    def credit(self, result: ReplayResult) -> None:
        """Add to a recording's result what has been computed since the last time."""
        unusable, spikes, stage_ns = self._told
        tally = self._pipeline.tally
        now = np.zeros(0, np.int64) if tally.layer_spikes is None else tally.layer_spikes
        result.unusable += tally.unusable - unusable
        if len(now):
            new = now - spikes if len(spikes) else now
            result.layer_spikes = new if result.layer_spikes is None else result.layer_spikes + new
        for stage, spent in tally.stage_ns.items():
            result.stage_ns[stage] = result.stage_ns.get(stage, 0) + spent - stage_ns[stage]
        self._told = (tally.unusable, now, dict(tally.stage_ns))

    def finish(self) -> HeardRun:
        """The sound has ended."""
        self._add(self._pipeline.finish())
        if self._levels is not None:
            self._levels.finish()
            self._run.levels = [
                (found.event.begin, found.event.end, level)
                for found, level in zip(self._found, self._levels.levels, strict=True)
            ]
        self._run.starts = np.array(self._starts, np.int64)
        self._run.scores = np.array(self._scores, np.float32)
        self._run.banded = np.array(self._banded, np.int64)
        self._run.bands = np.array(self._bands, np.float64).reshape(-1, 2)
        return self._run

    def hand_over(self, at: int, spec: StftSpec | LogMelSpec | WaveformSpec, *, ended: bool) -> HeardRun:
        """The piece has ended, and what follows hears from a sample on: keep what lies before it.

        Args:
            at: where the next piece's windows begin.
            spec: the model's front end.
            ended: no more sound follows; else the last levels and calls lack what follows the event.
        """
        heard_to, whole = self._heard_to, len(self._run.calls)
        run = self.finish()
        kept = int(np.searchsorted(run.starts, at - self._hop, side="right"))
        run.starts, run.scores = run.starts[:kept], run.scores[:kept]
        banded = int(np.searchsorted(run.banded, kept))
        run.banded, run.bands = run.banded[:banded], run.bands[:banded]
        run.gaps = [gap for gap in run.gaps if gap.start < at]
        run.scored_by = [one for one in run.scored_by if one[0] < at]
        ends = [*(int(start) + spec.window for start in run.starts[-1:]), *(gap.end for gap in run.gaps[-1:])]
        covered = max(ends, default=at)
        if covered < at:  # after a gap the grid of windows is another one than the next piece's
            run.gaps.append(Gap(covered, at - covered, "tail"))
        run.anew = not self.on_grid
        if not ended:
            run.calls = run.calls[:whole]
            around = round(AROUND_S * spec.sample_rate)
            run.levels = [one for one in run.levels if one[1] + around <= heard_to]
        return run

    def _add(self, output: Output) -> None:
        for piece in output.sound:
            self._heard_to = piece.end
        for window in output.windows:
            if window.band is not None:
                self._banded.append(len(self._starts))
                self._bands.append(window.band)
            self._starts.append(window.start)
            self._scores.append(window.score)
        # what begins before this run's part is the piece's before
        self._run.gaps += [gap for gap in output.gaps if self._begin is None or gap.start >= self._begin]
        self._run.scored_by += output.scored_by
        self._run.calls += output.tracked
        if self._levels is not None:
            self._found += output.found
            self._levels.add(output)
