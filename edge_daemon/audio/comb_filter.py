"""The filter that leaves out most samples of a recording before the sharp one sees it: combs one behind the other.

A comb of as many taps as samples become one has a zero at each frequency that is folded to 0 Hz when the others are
left out. Combs whose zeros are turned a little, each by another angle (rotated sincs), have zeros all over the bands
that are folded onto the sound that is wanted; what lies between these bands is left alone, since the sharp filter takes
it away. So nine taps for each sample that is kept do what takes twenty with a filter that stops everything. Zeros lie
as Chebyshev's do, which makes the worst of a band the least.

Inside the wanted band the combs droop, by 9 dB at its upper end; the sharp filter makes up for it.

Sources: L. Lo Presti, "Efficient modified-sinc filters for sigma-delta A/D converters", IEEE Trans. Circuits Syst. II
47 (2000); L. Milić, "Multirate filtering for digital signal processing" (2009).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

TAP = 2.0**-29
"""Taps are whole multiples of this: samples of 24 bits times taps, and their sums, are exact in float64."""
_STOP_DB = 130.0  # what is folded onto the wanted band, below what that band passes


@lru_cache(maxsize=8)
def comb_taps(step: int, edge: float) -> NDArray[np.float64]:
    """Taps, float64 [n], n odd: positive, symmetric, their sum 1 but for rounding.

    Args:
        step: samples that become one, 2 or more.
        edge: upper end of the wanted band, cycles per sample; below 1 / (2 · step).
    """
    # an even number of combs if `step` is even, so that there is a middle tap
    designs = (_combs(step, edge, combs) for combs in count(2, 2 - step % 2))
    taps = next(design for design in designs if _folded_db(design, step, edge) < -_STOP_DB)
    return np.rint(taps / TAP) * TAP


def response(taps: NDArray[np.float64], frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amplitude of symmetric taps [n] at frequencies in cycles per sample, float64 [the frequencies' shape]."""
    middle = len(taps) // 2
    waves = np.cos(2 * np.pi * frequency[..., None] * np.arange(1, middle + 1))
    amplitude: NDArray[np.float64] = taps[middle] + 2 * (waves * taps[middle + 1 :]).sum(axis=-1)
    return amplitude


def _combs(step: int, edge: float, combs: int) -> NDArray[np.float64]:
    places = np.arange(step) - (step - 1) / 2
    taps = np.ones(1, np.complex128)
    for turn in edge * np.cos(np.pi * (2 * np.arange(combs) + 1) / (2 * combs)):
        taps = np.convolve(taps, np.exp(2j * np.pi * turn * places))
    real: NDArray[np.float64] = taps.real / taps.real.sum()
    return real


def _folded_db(taps: NDArray[np.float64], step: int, edge: float) -> float:
    """Strongest of what is folded onto the wanted band, dB re what is passed where it comes to lie.

    That comes from around 1 / step: what is folded from further up is weaker.
    """
    wanted = np.linspace(0, edge, 33)
    folded = 1 / step + np.stack((wanted, -wanted))
    ratio = np.abs(response(taps, folded)) / response(taps, wanted)
    return float(20 * np.log10(ratio.max()))
