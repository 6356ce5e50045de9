"""The two filters through which sound is brought from one rate to another, one behind the other.

The first one leaves out most samples (`comb_filter`). The second one is soxr's own response at what is left, read off
from impulses, and makes up for the first one's droop.

Taps and what lies between the filters are whole multiples of small units. So with sound of whole numbers (up to 24
bits) every product and every sum is exact in float64, in whatever order a processor adds: in the first filter up to
full scale, in the second one as long as the weighted magnitudes under it add up to less than 1. Sound up to −14 dB re
full scale never exceeds that at usual rates (−23 dB at 22.05 kHz). Louder sound, and floating-point sound, is rounded
at the 53rd bit on the way, which hardly ever is seen in the last bit of the result (`docs/performance.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.comb_filter import comb_taps, response

QUALITY = "HQ"
"""Of soxr: linear phase, flat to 0.91 of the Nyquist frequency, images and aliases below −120 dB."""
TAP = 2.0**-25
"""The second filter's taps are whole multiples of this."""
UNIT = 2.0**-28
"""What lies between the filters is rounded to whole multiples of this: −179 dB re full scale."""


@dataclass(frozen=True, eq=False)
class FilterPair:
    """Filters from one rate to another.

    Attributes:
        step: source samples that become one in the first filter; 1 if there is none.
        first: float64 [n], n odd: its taps, symmetric.
        late: samples by which its output is late.
        reach: samples between the filters that the second one sees beyond a period on each side.
        second: float64 [2 · reach + down / step, up], its taps for each output of a period.
    """

    step: int
    first: NDArray[np.float64]
    late: int
    reach: int
    second: NDArray[np.float64]


@lru_cache(maxsize=4)
def design(up: int, down: int, margin: int) -> FilterPair:
    """Filters that see no more than `margin` periods on both sides of a period.

    Args:
        up: output samples in a period, coprime to `down`.
        down: source samples in a period.
        margin: periods.
    """
    step = first_step(up, down)
    taps = comb_taps(step, up / down / 2) if step > 1 else np.ones(1)
    late = max(0, -(-(len(taps) // 2 + 1 - step) // step))
    low = down // step
    reach = margin * low - late
    matrix = _soxr_response(up, low, step, reach)
    if step > 1:
        length = 2 * len(matrix)
        # beyond the wanted band soxr's response is nothing
        frequency = np.minimum(np.fft.rfftfreq(length), up / low / 2) / step
        spectrum = np.fft.rfft(matrix, length, axis=0) / response(taps, frequency)[:, None]
        matrix = np.fft.irfft(spectrum, length, axis=0)[: len(matrix)]
    return FilterPair(step, taps, late, reach, np.rint(matrix / TAP) * TAP)


def first_step(up: int, down: int) -> int:
    """How many source samples become one in the first filter: as many as leave 1.5 × the wanted rate."""
    return max(step for step in range(1, max(1, 2 * down // (3 * up)) + 1) if down % step == 0)


def _soxr_response(up: int, down: int, step: int, reach: int) -> NDArray[np.float64]:
    """What soxr makes of impulses, float64 [reach + down + reach, up].

    Args:
        up: output samples in a period.
        down: samples in a period, each of which stands for `step` of the source.
        step: likewise.
        reach: samples beyond a period on each side.
    """
    import soxr

    # an impulse at each place in a period, so far from each other that no response meets another
    apart = -(-2 * (reach + down) // down) * down + 1
    places = (reach // down + 2) * down + np.arange(down) * apart
    impulses = np.zeros((int(places[-1]) + reach + 2 * down) * step)
    impulses[places * step] = step
    heard = soxr.resample(impulses, down * step, up, quality=QUALITY)
    samples, outputs = np.arange(-reach, down + reach), np.arange(up)
    impulse = places[samples % down]
    where = outputs + (up * ((impulse - samples) // down))[:, None]
    near = np.abs(outputs * down / up - samples[:, None]) <= reach
    return np.where(near, heard[np.clip(where, 0, len(heard) - 1)], 0.0)
