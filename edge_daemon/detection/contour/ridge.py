"""The strongest ridge in an excess: the path through frames and bands that gathers most, by dynamic programming.

Each frame on a path counts what its band stands out, less `THRESHOLD_DB`: a tone gains, noise loses. So the best path
begins and ends with its call (a local alignment, as of sequences). Two rules keep it to one call: leaving the frequency
costs, and a path that has lost `DROP_DB` since its best ends there, so that a pause parts two calls.

The path is whole, but cautious: the faint begin of a call stays below the threshold. So both ends are followed on at
`FAINT_DB`, from band to neighbouring band, as long as that gains.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.contour.excess import TENTHS

THRESHOLD_DB = 7.0
"""Excess above which a frame speaks for a call."""
HIGHEST_DB = 18.0
"""Excess beyond which a frame says no more: a loud stretch shall not pay for a long detour."""
STEEPEST = 4
"""Bands that a path may move from frame to frame (490 Hz/s at 2 kHz)."""
STEEP_DB = 0.8
"""Cost of each band but the first that it moves."""
DROP_DB = 12.5
"""Loss since its best after which a path ends."""
LEAST_DB = 30.0
"""What a ridge gathers at least, over all its frames."""
LEAST_FRAMES = 6
"""Frames of a ridge at least (0.3 s with the frame's own length)."""
FAINT_DB = 3.5
"""Excess above which a frame speaks for a faint end."""
FAINT_STEEP_DB = 2.0
"""Cost of a band that a faint end moves."""
FAINT_DROP_DB = 10.0
"""Loss since its best after which a faint end is given up."""

_PART_FRAMES, _MOST_PARTS = 16, 4  # frames of a part at least; parts that are followed at the same time
_SHIFT, _NUMBER_SHIFT = 32, 28  # sums above the one, numbers of moves above the other, floors below
_FLOOR = (1 << _NUMBER_SHIFT) - 1
_NO_GAIN = -(1 << 29)
_LARGEST_NUMBER = (1 << _SHIFT - _NUMBER_SHIFT) - 1
# arrays without a dimension: numpy takes twice as long over numbers, and over arrays of one
_NOTHING = np.array(0)
_WITHOUT_NUMBER = np.array(~(((1 << _SHIFT) - 1) ^ _FLOOR))
_DROP = np.array(round(DROP_DB * TENTHS) + 1, np.int32)
# what each move costs, and its number: of equally good ones the first is taken, since numbers decide behind sums
_MOVES = np.array(
    [
        [((2 * STEEPEST - number) << _NUMBER_SHIFT) - (round(STEEP_DB * TENTHS * max(abs(move) - 1, 0)) << _SHIFT)]
        for number, move in enumerate(range(-STEEPEST, STEEPEST + 1))
    ]
)
_SUM_HALF = 1 if sys.byteorder == "little" else 0


@dataclass(frozen=True, slots=True)
class Ridge:
    """A path.

    Attributes:
        first: its first frame.
        bands: int64 [frames], the band in each frame.
        total: what it gathered, tenths of a decibel.
    """

    first: int
    bands: NDArray[np.int64]
    total: int

    @property
    def end(self) -> int:
        """The frame after its last one."""
        return self.first + len(self.bands)


def ridges(tenths_db: NDArray[np.int32]) -> list[Ridge]:
    """All ridges, in order of time; none shares a frame with another.

    Args:
        tenths_db: int32 [frames, bands], the excess in tenths of a decibel.
    """
    capped = np.minimum(tenths_db, round(HIGHEST_DB * TENTHS))
    gain = capped - np.int32(round(THRESHOLD_DB * TENTHS))
    # a path gathers no more than each frame's best band
    most = [0, *np.maximum(gain.max(axis=1, initial=0), 0).cumsum().tolist()]
    paths = _Paths(gain)
    found: list[Ridge] = []
    waiting = [(0, len(gain), False)]
    while waiting:
        begin, end, begin_anew = waiting.pop()
        if end - begin < LEAST_FRAMES or most[end] - most[begin] < LEAST_DB * TENTHS:
            continue
        if begin_anew:
            paths.begin_anew(begin, end)
        ridge = paths.strongest(begin, end)
        if ridge is None:
            continue
        if len(ridge.bands) >= LEAST_FRAMES:
            found.append(ridge)
        # sums come from before, so they hold in front of the ridge, but not behind it
        waiting.append((begin, ridge.first, False))
        waiting.append((ridge.end, end, True))
    found.sort(key=lambda ridge: ridge.first)
    free = 0
    for number, ridge in enumerate(found):
        following = found[number + 1].first if number + 1 < len(found) else len(capped)
        found[number] = _with_faint_ends(ridge, capped, free, following)
        free = found[number].end
    return found


class _Paths:
    """The best path to each band of each frame.

    A frame's state depends on that of the frame before alone, and paths through noise are short. So parts of the sound
    are followed at the same time, side by side, each as if nothing were before it; then what comes over the seams is
    followed on, until it makes no difference any more. A call of numpy costs more than what it does to so few bands.

    Args:
        gain: int32 [frames, bands].
    """

    def __init__(self, gain: NDArray[np.int32]) -> None:
        frames, bands = gain.shape
        parts = min(max(frames // _PART_FRAMES, 1), _MOST_PARTS)
        self._steps, width = -(-frames // parts), bands + STEEPEST
        # with bands between the parts that no path enters, and such frames behind the last one
        laid = np.full((self._steps, parts * width), _NO_GAIN, np.int32)
        states, chosen = np.empty(laid.shape, np.int64), np.empty(laid.shape, np.int64)
        # the same by part: [parts, frames of a part, bands]
        self._gain = laid.reshape(self._steps, parts, width).swapaxes(0, 1)
        self._states = states.reshape(self._steps, parts, width).swapaxes(0, 1)
        self._chosen = chosen.reshape(self._steps, parts, width).swapaxes(0, 1)
        for part in range(parts):
            own = gain[part * self._steps : (part + 1) * self._steps]
            self._gain[part, : len(own), :bands] = own
        _Front(parts * width).follow(laid, _NOTHING, states, chosen)
        self._front = _Front(width)
        self._sums, _ = _halves(self._states)
        for part in range(1, parts):
            self._follow_on(part * self._steps, (part + 1) * self._steps, self._states[part - 1, -1])

    def begin_anew(self, frame: int, end: int) -> None:
        """From this frame on, up to another one, no path comes from before."""
        self._follow_on(frame, end, _NOTHING)

    def _follow_on(self, frame: int, end: int, before: NDArray[np.int64]) -> None:
        while frame < end:
            part, step = divmod(frame, self._steps)
            some = part, slice(step, step + end - frame)
            if self._front.follow(self._gain[some], before, self._states[some], self._chosen[some], known=True):
                break
            frame, before = (part + 1) * self._steps, self._states[part, -1]

    def strongest(self, begin: int, end: int) -> Ridge | None:
        """The path with the largest sum in these frames; None if it gathers less than `LEAST_DB`."""
        highest = self._sums.max(axis=2).reshape(-1)[begin:end]
        frame = int(highest.argmax())
        total = int(highest[frame])
        if total < LEAST_DB * TENTHS:
            return None
        frame += begin
        part, step = divmod(frame, self._steps)
        band = int(self._sums[part, step].argmax())
        path, chosen = [band], self._chosen.item(part, step, band)
        while chosen >> _SHIFT > chosen & _FLOOR:  # where it does not, the path begins
            frame -= 1
            part, step = divmod(frame, self._steps)
            band += STEEPEST - (chosen >> _NUMBER_SHIFT & _LARGEST_NUMBER)
            path.append(band)
            chosen = self._chosen.item(part, step, band)
        return Ridge(frame, np.array(path[::-1], np.int64), total)


class _Front:
    """Where paths have come to: takes them from frame to frame.

    Args:
        bands: how many, side by side.
    """

    def __init__(self, bands: int) -> None:
        # the states of the frame before, with bands that nobody comes from on both sides
        padded = np.zeros(bands + 2 * STEEPEST, np.int64)
        self._inside = padded[STEEPEST : STEEPEST + bands]
        # row k: the frame before as it lies k − STEEPEST bands higher; a view, made once
        strides = (padded.itemsize, padded.itemsize)
        self._sources = np.ndarray((len(_MOVES), bands), np.int64, padded, strides=strides)
        self._moves = np.repeat(_MOVES, bands, axis=1)
        self._candidates = np.empty_like(self._moves)
        self._begin, self._least = np.empty(bands, np.bool_), np.empty(bands, np.int32)

    def follow(
        self,
        gain: NDArray[np.int32],
        before: NDArray[np.int64],
        states: NDArray[np.int64],
        chosen: NDArray[np.int64],
        *,
        known: bool = False,
    ) -> bool:
        """Follow paths through some frames.

        Args:
            gain: int32 [frames, bands].
            before: int64 [bands], states of the frame before.
            states: int64 [frames, bands], written: what a path gathers and, in the lower `_SHIFT` bits, the floor:
                where that falls to it, the path ends. 0 where no path is.
            chosen: int64 [frames, bands], written: the state in the frame before from which each path would come, with
                the number of the move; where that does not lie above the floor, one begins.
            known: those that follow from other states before are there: end where they are the same.

        Returns:
            Whether it ended so.
        """
        sources, moves, candidates, inside = self._sources, self._moves, self._candidates, self._inside
        begin, least = self._begin, self._least
        # the halves of a state as numbers of their own: a call of numpy costs more than what it does to so few bands
        sums, floors = _halves(inside)
        inside[:] = before
        for gained, best, state in zip(gain, chosen, states, strict=True):
            np.add(sources, moves, out=candidates)
            np.maximum.reduce(candidates, axis=0, out=best)
            np.bitwise_and(best, _WITHOUT_NUMBER, out=inside)
            np.less_equal(sums, floors, out=begin)
            np.putmask(inside, begin, _NOTHING)
            np.add(sums, gained, out=sums)
            np.maximum(inside, _NOTHING, out=inside)
            np.subtract(sums, _DROP, out=least)
            np.maximum(floors, least, out=floors)
            if known and inside.tobytes() == state.tobytes():
                return True
            state[:] = inside
        return False


def _halves(states: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Views of sums and of what is below them, int32 of the same shape."""
    halves = states.view(np.int32).reshape(*states.shape, 2)
    return halves[..., _SUM_HALF], halves[..., 1 - _SUM_HALF]


def _with_faint_ends(ridge: Ridge, capped: NDArray[np.int32], begin: int, end: int) -> Ridge:
    """The ridge, followed on at both ends within the frames begin … end."""
    ahead = _faint_end(capped[begin : ridge.first][::-1], int(ridge.bands[0]))
    behind = _faint_end(capped[ridge.end : end], int(ridge.bands[-1]))
    bands = np.array([*ahead[::-1], *ridge.bands.tolist(), *behind], np.int64)
    return Ridge(ridge.first - len(ahead), bands, ridge.total)


def _faint_end(frames: NDArray[np.int32], band: int) -> list[int]:
    """Bands in the frames that follow a ridge's end, as far as they gain.

    Args:
        frames: int32 [frames, bands], away from the ridge.
        band: in which it ended.
    """
    last = frames.shape[1] - 1
    cost = round(FAINT_STEEP_DB * TENTHS)
    total = best = 0
    bands: list[int] = []
    kept = 0
    for frame in frames:
        gains = [(int(frame[to]) - cost * (to != band), to) for to in (band, band - 1, band + 1) if 0 <= to <= last]
        gain, band = max(gains, key=lambda one: one[0])
        total += gain - round(FAINT_DB * TENTHS)
        bands.append(band)
        if total > best:
            best, kept = total, len(bands)
        elif total < best - FAINT_DROP_DB * TENTHS:
            break
    return bands[:kept]
