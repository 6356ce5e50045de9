"""The recorder: hydrophone, filter and converter, which turn pressure into samples.

Instruments differ more than oceans do. Most cut off the lowest frequencies (a high-pass filter against swell and
flow), and many lift the higher ones (pre-emphasis, "pre-whitening"), because the sea falls by 20 to 30 dB from 50 Hz
to 1 kHz and a converter's range is better used that way. The challenge's buoys do both: their background is nearly
flat above 100 Hz and dark below 70 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE


@dataclass(frozen=True, slots=True)
class Recorder:
    """One instrument.

    Args:
        high_pass_hz: corner (−3 dB) of the Butterworth high-pass filter.
        order: its order, 1 … 8.
        emphasis: slope above the corner in powers of frequency: 0 none, 1 is +20 dB a decade, relative to 100 Hz.
        full_scale_db: peak pressure that reaches full scale, dB re 1 µPa.
    """

    high_pass_hz: float = 10.0
    order: int = 2
    emphasis: float = 0.0
    full_scale_db: float = 145.0

    def response(self, samples: int, rate: int = RATE) -> NDArray[np.complex128]:
        """Gain at each frequency of a transform of `samples` samples, complex [samples // 2 + 1].

        Zero phase: only magnitudes matter to a spectrogram, and times stay true. |H|² = 1 / (1 + (f_c/f)^{2·order}).
        """
        hz = np.maximum(np.fft.rfftfreq(samples, 1.0 / rate), 1e-3)
        gain = 1.0 / np.sqrt(1.0 + (self.high_pass_hz / hz) ** (2 * self.order)) * (hz / 100.0) ** self.emphasis
        response: NDArray[np.complex128] = gain.astype(np.complex128)
        return response

    def filter(self, pressure: NDArray[np.float64], rate: int = RATE) -> NDArray[np.float64]:
        """Pressure (float64 [N, samples]) through the filter, same shape and unit."""
        samples = pressure.shape[1]
        spectrum = np.fft.rfft(pressure, axis=1) * self.response(samples, rate)
        filtered: NDArray[np.float64] = np.fft.irfft(spectrum, n=samples, axis=1)
        return filtered

    @property
    def pascal_per_full_scale(self) -> float:
        """Peak pressure at full scale, pascal."""
        return float(1e-6 * 10.0 ** (self.full_scale_db / 20.0))


def draw_recorder(rng: np.random.Generator) -> Recorder:
    """An instrument drawn at random: two in three are pre-whitened buoys, the rest are plain recorders."""
    if rng.random() < 0.67:
        return Recorder(rng.uniform(45.0, 90.0), int(rng.integers(2, 5)), rng.uniform(0.7, 1.2), rng.uniform(140, 160))
    return Recorder(rng.uniform(5.0, 35.0), int(rng.integers(1, 4)), rng.uniform(0.0, 0.7), rng.uniform(140, 160))
