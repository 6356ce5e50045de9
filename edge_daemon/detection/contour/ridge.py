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

_BEGIN = 127  # no path comes from before
_SHIFT, _NUMBER_SHIFT = 32, 28  # sums above the one, numbers of moves above the other, floors below
_FLOOR = (1 << _NUMBER_SHIFT) - 1
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
    found: list[Ridge] = []
    waiting = [(0, len(gain), _Paths.through(gain))]
    while waiting:
        begin, end, paths = waiting.pop()
        ridge = paths.strongest(end - begin)
        if ridge is None:
            continue
        ridge = Ridge(ridge.first + begin, ridge.bands, ridge.total)
        if len(ridge.bands) >= LEAST_FRAMES:
            found.append(ridge)
        # sums come from before, so they hold in front of the ridge, but not behind it
        waiting.append((begin, ridge.first, paths))
        if end - ridge.end >= LEAST_FRAMES:
            known = paths.behind(ridge.end - begin, end - begin)
            waiting.append((ridge.end, end, _Paths.through(gain[ridge.end : end], known)))
    found.sort(key=lambda ridge: ridge.first)
    free = 0
    for number, ridge in enumerate(found):
        following = found[number + 1].first if number + 1 < len(found) else len(gain)
        found[number] = _with_faint_ends(ridge, capped, free, following)
        free = found[number].end
    return found


@dataclass(frozen=True, slots=True)
class _Paths:
    """The best path to each band of each frame.

    Attributes:
        states: int64 [frames, bands], what it gathers and, in the lower `_SHIFT` bits, the floor: where that falls to
            it, the path ends.
        came: int8 [frames, bands], bands from there to where it was in the frame before; `_BEGIN` where it begins.
    """

    states: NDArray[np.int64]
    came: NDArray[np.int8]

    @classmethod
    def through(cls, gain: NDArray[np.int32], known: _Paths | None = None) -> _Paths:
        """All best paths.

        Args:
            gain: int32 [frames, bands].
            known: paths through the same frames that came from before them. What follows a frame depends on that frame
                alone, so where both agree on one, the rest is the same.
        """
        frames, bands = gain.shape
        moves = np.arange(-STEEPEST, STEEPEST + 1)
        costs = np.rint(STEEP_DB * TENTHS * np.maximum(np.abs(moves) - 1, 0)).astype(np.int64)
        # of moves that are equally good the first is taken: it has the highest number, and numbers decide behind sums
        numbers = (2 * STEEPEST - np.arange(len(moves))) << _NUMBER_SHIFT
        offsets = (numbers - (costs << _SHIFT))[:, None]
        states = np.empty((frames, bands), np.int64)
        chosen = np.empty((frames, bands), np.int64)
        begins = np.empty((frames, bands), np.bool_)
        # the states of the frame before, with bands that nobody comes from on both sides
        before = np.full(bands + 2 * STEEPEST, -(1 << _SHIFT + 29), np.int64)
        inside = before[STEEPEST : STEEPEST + bands]
        # row k: the frame before as it lies k − STEEPEST bands higher; a view, made once
        sources = np.ndarray((len(moves), bands), np.int64, before, strides=(before.itemsize, before.itemsize))
        candidates = np.empty_like(sources)
        # the halves of a state as numbers of their own: a call of numpy costs more than what it does to so few bands
        best_sums, best_floors = _halves(chosen)
        sums, floors = _halves(inside)
        value, floor = np.empty(bands, np.int32), np.empty(bands, np.int32)
        drop = np.int32(round(DROP_DB * TENTHS) + 1)
        nothing, mask = np.int32(0), np.int32(_FLOOR)
        done = 0
        for best, best_sum, best_floor, begin, state, gained in zip(
            chosen, best_sums, best_floors, begins, states, gain, strict=True
        ):
            np.add(sources, offsets, out=candidates)
            np.maximum.reduce(candidates, axis=0, out=best)
            np.bitwise_and(best_floor, mask, out=floor)
            np.less_equal(best_sum, floor, out=begin)
            np.add(best_sum, gained, out=value)
            np.putmask(value, begin, gained)
            np.putmask(floor, begin, nothing)
            np.maximum(value, nothing, out=sums)
            np.subtract(sums, drop, out=value)
            np.maximum(floor, value, out=floors)
            state[:] = inside
            done += 1
            if known is not None and state.tobytes() == known.states[done - 1].tobytes():
                states[done:] = known.states[done:]
                break
        came = np.empty((frames, bands), np.int8)
        number = chosen[:done] >> _NUMBER_SHIFT & (1 << _SHIFT - _NUMBER_SHIFT) - 1
        came[:done] = np.where(begins[:done], _BEGIN, STEEPEST - number)
        if known is not None:
            came[done:] = known.came[done:]
        return cls(states, came)

    def behind(self, frame: int, end: int) -> _Paths:
        """The part from one frame to another."""
        return _Paths(self.states[frame:end], self.came[frame:end])

    def strongest(self, frames: int) -> Ridge | None:
        """The path with the largest sum in the first frames; None if it gathers less than `LEAST_DB`."""
        sums = self.states[:frames] >> _SHIFT
        frame, band = divmod(int(sums.argmax()), sums.shape[1]) if sums.size else (0, 0)
        if not sums.size or sums[frame, band] < LEAST_DB * TENTHS:
            return None
        total, path = int(sums[frame, band]), [band]
        while (move := int(self.came[frame, band])) != _BEGIN and sums[frame - 1, band + move] > 0:
            frame, band = frame - 1, band + move
            path.append(band)
        return Ridge(frame, np.array(path[::-1], np.int64), total)


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
