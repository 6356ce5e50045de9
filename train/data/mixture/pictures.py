"""Pictures of clips laid into the sea: calls of many days in the sound of others, where no sound is left of the clips.

A data set of clips can hold pictures alone, without sound and without level: the window's own minimum and maximum are
0 and 255. Their scale is found again from the noise in them. The level of stationary noise in a band jumps from a frame
to one that shares no sample with it by as many decibels in any sea and at any loudness, because its power is spread
by the same law (chi-squared); so the jumps of a picture, in its own units, tell how many decibels a unit is. Power is
then added to power, with a cross term whose phase is drawn for each band and moves as slowly as frames overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.frontend import LogMelSpec

JUMP_DB = 3.93
"""Median jump of the level of noise in a band between frames without a common sample, dB, as `LogMelSpec()` draws it.

Over 225 windows of sea it was 3.7 to 4.2 (from the fifth to the 95th per cent)."""
STEADY_HZ = 200.0
"""From here on up a band's jumps are taken: calls sweep below."""
NEIGHBOURS = 3
"""Bands that a pure tone is seen in: a Hann window's main lobe."""
FLOOR = 1e-8
"""Least power, of the greatest: the front end's 80 dB."""
PEAK = 255.0


def decibels(pictures: NDArray[np.uint8], spec: LogMelSpec) -> NDArray[np.float32]:
    """Levels of pictures.

    Args:
        pictures: uint8 [N, bands, frames], as the front end gives them.
        spec: the front end.

    Returns:
        float32 [N, bands, frames], dB re each picture's maximum.
    """
    apart = -(-spec.n_fft // spec.hop)
    steady = pictures[:, spec.band_edges_hz()[:, 0] >= STEADY_HZ].astype(np.float32)
    jump = np.median(np.abs(steady[:, :, apart:] - steady[:, :, :-apart]), axis=(1, 2))
    scale = JUMP_DB / np.maximum(jump, 1.0)
    levels: NDArray[np.float32] = ((pictures - np.float32(PEAK)) * scale[:, None, None]).astype(np.float32)
    return levels


def lay(
    clips: NDArray[np.uint8],
    seas: NDArray[np.uint8],
    ratio_db: NDArray[np.float64],
    shift: NDArray[np.int64],
    spec: LogMelSpec,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Lay clips into other sound.

    Args:
        clips: uint8 [N, bands, frames], pictures of clips.
        seas: uint8 of the same shape, pictures of the sound that they are laid into.
        ratio_db: float64 [N], each band's median level of the clip over the sea's: the clip gets the sea's colour.
        shift: int64 [N], by how many frames each clip comes later; what leaves on one side enters on the other.
        spec: the front end of both.
        rng: source of randomness, for phases.

    Returns:
        uint8 [N, bands, frames], scaled as the front end does.
    """
    clip, sea = decibels(clips, spec), decibels(seas, spec)
    gain = np.median(sea, axis=2) - np.median(clip, axis=2) + ratio_db[:, None]
    places = (np.arange(clip.shape[2])[None, :] - shift[:, None]) % clip.shape[2]
    clip_power = 10.0 ** (np.take_along_axis(clip + gain[:, :, None], places[:, None, :], axis=2) / 10.0)
    sea_power = 10.0 ** (sea / 10.0)
    cross = 2.0 * np.sqrt(clip_power * sea_power) * _cosines(clips.shape, -(-spec.n_fft // spec.hop), rng)
    power = np.maximum(clip_power + sea_power + cross, 0.0)
    level = 10.0 * np.log10(np.maximum(power / power.max(axis=(1, 2), keepdims=True), FLOOR))
    low = level.min(axis=(1, 2), keepdims=True)
    laid: NDArray[np.uint8] = np.rint(level / np.minimum(low, -1e-9) * -PEAK + PEAK).astype(np.uint8)
    return laid


def _cosines(shape: tuple[int, ...], apart: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Cosines of phases that turn as slowly as frames (`apart` share no sample) and bands (three of them) overlap."""
    count, bands, frames = shape
    wide = rng.standard_normal((2, count, bands + NEIGHBOURS - 1, frames + apart - 1), np.float32)
    real, imaginary = _sums(_sums(wide, apart, 3), NEIGHBOURS, 2)
    cosines: NDArray[np.float64] = real / np.maximum(np.hypot(real, imaginary), 1e-12)
    return cosines


def _sums(values: NDArray[np.float32], length: int, axis: int) -> NDArray[np.float32]:
    """Sums of neighbours along an axis, which grows shorter by one less than their number."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis)
    summed: NDArray[np.float32] = windows.sum(axis=-1)
    return summed
