"""A call as it was followed, and the calls in the sound of an event."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.contour.excess import TENTHS, Excess
from edge_daemon.detection.contour.picture import CallPicture
from edge_daemon.detection.contour.ridge import Ridge, ridges

WEAKEST = 0.25
"""A second call in an event gathers at least this share of the strongest one; less is an echo or noise."""

ALIKE = 0.25
"""… and sweeps the same way, at least this share as far; what does not is another sound beside the call."""

_NEAR = np.arange(-3, 4)  # bands of a tone, from its middle: the frame's weights spread it so far


@dataclass(frozen=True, slots=True)
class TrackedCall:
    """One call in an event; samples are counted from the event's begin, and may lie before it.

    Attributes:
        begin: first sample of its first frame.
        end: sample after its last frame.
        first: sample in the middle of the first frame, where the contour begins.
        step: samples from one point of the contour to the next.
        hz: the contour: fundamental in each frame, hertz.
        peak_hz: where it stood out most.
        above_background_db: mean power on the contour over each band's own level, in frames of `excess.FRAME_S`.
        level_db: root-mean-square level in the call's band over its time, dB re full scale; None for silence.
        picture: of it and what is around it, where that was asked for.
    """

    begin: int
    end: int
    first: int
    step: int
    hz: tuple[float, ...]
    peak_hz: float
    above_background_db: float
    level_db: float | None
    picture: CallPicture | None = None

    @property
    def low_hz(self) -> float:
        """Lowest frequency of the contour."""
        return min(self.hz)

    @property
    def high_hz(self) -> float:
        """Highest frequency of the contour."""
        return max(self.hz)

    @property
    def sweep_hz(self) -> float:
        """How far it rises, or falls where negative: from the mean of its first quarter to that of its last, hertz."""
        quarter = max(len(self.hz) // 4, 1)
        return (sum(self.hz[-quarter:]) - sum(self.hz[:quarter])) / quarter

    def moved(self, by: int) -> TrackedCall:
        """The same call, counted from a sample `by` samples earlier."""
        picture = None if self.picture is None else replace(self.picture, begin=self.picture.begin + by)
        return replace(self, begin=self.begin + by, end=self.end + by, first=self.first + by, picture=picture)

    def slope_hz_s(self, rate: int) -> float:
        """How steeply it rises from its first to its last point, hertz per second."""
        return (self.hz[-1] - self.hz[0]) * rate / ((len(self.hz) - 1) * self.step)


def calls_in(
    samples: NDArray[np.float32],
    rate: int,
    call_band_hz: tuple[float, float],
    event: tuple[int, int],
    *,
    pictures: bool = False,
) -> tuple[TrackedCall, ...]:
    """The calls of an event, in order of time; none shares time with another.

    A call belongs to the event if its middle lies in it; where none does, the strongest that shares time with it is
    taken.

    Args:
        samples: float32 [n], finite: the event's sound, with some on both sides.
        rate: samples per second.
        call_band_hz: where the species calls.
        event: begin and end of the event within the samples.
        pictures: make a picture of each.
    """
    excess = Excess.of(samples, rate, call_band_hz)
    if excess is None:
        return ()
    begin, end = event
    found = [(ridge, *_span(ridge, excess)) for ridge in ridges(excess.tenths_db)]
    chosen = [one for one in found if begin <= (one[1] + one[2]) // 2 < end]
    if not chosen:
        touching = [one for one in found if one[1] < end and one[2] > begin]
        chosen = [max(touching, key=lambda one: one[0].total)] if touching else []
    least = WEAKEST * max((ridge.total for ridge, _, _ in chosen), default=0)
    calls = [(ridge, _call(ridge, excess, samples, rate, begin)) for ridge, _, _ in chosen if ridge.total >= least]
    sweep_hz = max(calls, key=lambda one: one[0].total)[1].sweep_hz if calls else 0.0
    calls = [one for one in calls if one[1].sweep_hz * sweep_hz >= ALIKE * sweep_hz**2]
    if not pictures:
        return tuple(call for _, call in calls)
    return tuple(
        replace(call, picture=CallPicture.of(excess, ridge.first, ridge.end, rate, begin)) for ridge, call in calls
    )


def _span(ridge: Ridge, excess: Excess) -> tuple[int, int]:
    """From the first frame's begin to the last one's end, samples of the sound."""
    begin = excess.first - excess.frame // 2 + ridge.first * excess.step
    return begin, begin + (len(ridge.bands) - 1) * excess.step + excess.frame


def _call(ridge: Ridge, excess: Excess, samples: NDArray[np.float32], rate: int, event_begin: int) -> TrackedCall:
    begin, end = _span(ridge, excess)
    frames = np.arange(ridge.first, ridge.end)
    bands = _tops(excess.tenths_db, frames, ridge.bands)
    on_path = _at(excess.tenths_db, frames, bands)
    hz = _between_bands(excess, frames, bands)
    strongest = int(on_path.argmax())
    above = 10 * math.log10(float((10.0 ** (on_path / (10 * TENTHS))).sum()) / len(frames))
    edges = (float(hz.min()) - excess.band_hz, float(hz.max()) + excess.band_hz)
    return TrackedCall(
        begin=begin - event_begin,
        end=end - event_begin,
        first=begin + excess.frame // 2 - event_begin,
        step=excess.step,
        hz=tuple(round(one, 1) for one in hz.tolist()),
        peak_hz=round(float(hz[strongest]), 1),
        above_background_db=round(above, 1),
        level_db=_level_db(samples[begin:end], rate, edges),
    )


def _tops(tenths_db: NDArray[np.int32], frames: NDArray[np.int64], bands: NDArray[np.int64]) -> NDArray[np.int64]:
    """The strongest bands within a tone's width of a path, int64 [frames]: to the path all loud bands are alike."""
    near = np.minimum(np.maximum(bands[:, None] + _NEAR, 0), tenths_db.shape[1] - 1)
    place = _at(tenths_db, frames[:, None], near).argmax(axis=1)
    tops: NDArray[np.int64] = near[np.arange(len(bands)), place]
    return tops


def _at(tenths_db: NDArray[np.int32], frames: NDArray[np.int64], bands: NDArray[np.int64]) -> NDArray[np.int32]:
    """What stands at these places, int32 of their shape; several times as fast as by two lists of places."""
    found: NDArray[np.int32] = tenths_db.reshape(-1).take(frames * tenths_db.shape[1] + bands)
    return found


def _between_bands(excess: Excess, frames: NDArray[np.int64], bands: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frequencies of a path, float64 [frames]: a parabola through the band and its neighbours says where its top is."""
    last = len(excess.hz) - 1
    own = _at(excess.tenths_db, frames, bands)
    below = _at(excess.tenths_db, frames, np.maximum(bands - 1, 0))
    above = _at(excess.tenths_db, frames, np.minimum(bands + 1, last))
    bend = 2 * own - below - above
    top = (own >= below) & (own >= above) & (bend > 0) & (bands > 0) & (bands < last)
    shift = np.where(top, (above - below) / np.where(top, 2 * bend, 1.0), 0.0)
    hz: NDArray[np.float64] = excess.hz[bands] + shift * excess.band_hz
    return hz


def _level_db(samples: NDArray[np.float32], rate: int, band_hz: tuple[float, float]) -> float | None:
    """Root-mean-square level of a band, dB re full scale, to 0.1 dB."""
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    first, last = max(1, int(hz.searchsorted(band_hz[0]))), int(hz.searchsorted(band_hz[1], "right"))
    inside = np.fft.rfft(samples)[first:last]
    power = 2 * float((inside.real**2 + inside.imag**2).sum()) / len(samples) ** 2
    return round(10 * math.log10(power), 1) if power > 0 else None
