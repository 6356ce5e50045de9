"""The score of every window of a recording."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.call_context import CallContext, raised
from train.evaluation.event_calls import EventCalls


@dataclass(frozen=True)
class Scores:
    """Windows of one recording, scored by one model.

    Args:
        starts: int64 [windows], first sample of each at the model's rate.
        scores: float32 [windows], 0…1.
        gaps: int64 [gaps], first samples of sound that is missing.
        seams: int64 [seams], those of the gaps at which sound goes on after a pause that samples do not count.
        window: samples in a window.
        hop: samples from window to window.
        rate: samples per second.
        event_calls: the calls in its events; None where nobody can look: rules ask for no rise, and no event is parted.
    """

    starts: NDArray[np.int64]
    scores: NDArray[np.float32]
    gaps: NDArray[np.int64]
    window: int
    hop: int
    rate: int
    event_calls: EventCalls | None = field(default=None, compare=False)
    seams: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _raised: dict[float, NDArray[np.float64]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def in_context(self, context_s: float) -> NDArray[np.float64]:
        """The scores as rules with that context see them, float64 [windows]; they are computed once.

        Args:
            context_s: how far back calls make others likelier; 0 leaves the scores as they are.
        """
        if context_s not in self._raised:
            scores = self.scores.astype(np.float64)
            if context_s:
                scores = self._raise(CallContext(round(context_s * self.rate), self.window, self.hop))
            self._raised[context_s] = scores
        return self._raised[context_s]

    def _raise(self, context: CallContext) -> NDArray[np.float64]:
        seams = deque(self.seams.tolist())
        scores = []
        for start, score in zip(self.starts.tolist(), self.scores.tolist(), strict=True):
            while seams and seams[0] <= start:
                context.forget()
                seams.popleft()
            scores.append(raised(score, context.factor(start, score)))
        return np.array(scores, np.float64)

    def highest(self, begin_s: float, end_s: float, context_s: float = 0.0) -> float:
        """The highest score of the windows that share sound with a span, by a context; 0 where there is no window."""
        near = (self.starts < end_s * self.rate) & (self.starts + self.window > begin_s * self.rate)
        return float(self.in_context(context_s)[near].max(initial=0.0))
