"""What the last minutes say of a window: where calls came, another is likelier.

Whales call in bouts. A score is the chance of a call in sea where calls are rare; once several were heard, the same
sound is more likely one, too. So the odds of a score are multiplied by how many times more windows hold a call than
usual (Bayes' theorem with another prior; Saerens, Latinne and Decaestecker, Neural Computation 14, 2002). The mean
score of the minutes before estimates that share. Odds are never lowered, and no sound vouches for itself: windows
count once their sound lies before the one that is judged, so the first call is judged as it sounds.

Scores are kept as whole numbers and the rest is products and a quotient, so the same windows give the same bits on
every processor, and what lies further back than the memory leaves no trace.
"""

from __future__ import annotations

from collections import deque

LEAST_S = 30.0
"""A memory is as long as this, or there is none: a few windows say nothing of the sea."""
MOST_S = 600.0
USUAL_SHARE = 0.02
"""Share of windows that hold a call where nothing is raised: some 36 calls an hour, each in four windows."""
MOST = 8.0
"""Odds are multiplied by this at most: dense song must not vouch for itself."""
LEAST_HEARD = 1e-30
"""Least score of a window in which there is sound; a score of 0 says that there was none."""
_ONE = 1 << 20  # a score of 1


def is_memory(context_s: float) -> bool:
    """Whether scores can be remembered for so long: not at all, or from `LEAST_S` to `MOST_S`."""
    return context_s == 0 or LEAST_S <= context_s <= MOST_S


def least_score(score: float) -> float:
    """The least score of a window that context might raise to a score, 0…1, or a trifle less."""
    return score / (score + MOST * (1 - score)) * (1 - 1e-9)


def raised(score: float, factor: float) -> float:
    """A score whose odds are multiplied by a factor of 1 or more, from the score to 1."""
    if factor == 1 or score == 1:
        return score
    return min(1.0, max(score, score * factor / (score * factor + 1 - score)))


class CallContext:
    """Raises the scores of one stream's windows, pushed in order of time.

    What is missing from the memory, by a gap or since the stream has just begun, counts as usual; so does a window
    without sound, whose score is 0 (others have `LEAST_HEARD` at least).

    Args:
        memory: how far back scores are remembered, samples at the model's rate.
        window: samples in a window.
        hop: samples from one window to the next.
    """

    def __init__(self, memory: int, window: int, hop: int) -> None:
        self._window, self._hop = window, hop
        self.remember(memory)
        self._overlapping: deque[tuple[int, int]] = deque()  # share sound with what is judged
        self._kept: deque[tuple[int, int]] = deque()
        self._total = 0

    def remember(self, memory: int) -> None:
        """Another memory, samples, from the next window on; what is remembered stays, as far as it lies within."""
        self._memory = memory
        self._most = max(1, memory // self._hop)  # windows in a memory without a gap

    def factor(self, start: int, score: float) -> float:
        """By how much the odds of the next window are multiplied, 1…`MOST`.

        Args:
            start: index of its first sample, after that of the window before.
            score: its own, 0…1, which counts later.
        """
        last = start - self._window
        while self._overlapping and self._overlapping[0][0] <= last:
            self._kept.append(self._overlapping.popleft())
            self._total += self._kept[-1][1]
        while self._kept and self._kept[0][0] <= last - self._memory:
            self._total -= self._kept.popleft()[1]
        if score > 0:
            self._overlapping.append((start, round(score * _ONE)))
        missing = max(0, self._most - len(self._kept))
        calls = self._total + missing * USUAL_SHARE * _ONE
        others = max(self._most, len(self._kept)) * _ONE - calls
        if calls * (1 - USUAL_SHARE) >= MOST * others * USUAL_SHARE:
            return MOST
        return max(1.0, calls * (1 - USUAL_SHARE) / (others * USUAL_SHARE))

    def forget(self) -> None:
        """Begin anew: nobody knows how long ago the windows before were."""
        self._overlapping.clear()
        self._kept.clear()
        self._total = 0
