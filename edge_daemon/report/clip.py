"""Sound for the page's player: small, playable in every browser, and loud enough to be heard.

Browsers refuse rates below a few kilohertz, so the sound is brought to at least 8 kHz. It is FLAC of twelve bits:
the noise of the rounding lies 60 dB below the loudest moment, under any hydrophone's own, and halves the file.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from edge_daemon.clips.playing_rate import playing_rate

_BITS = 12
_PEAK = 0.9
_LOUDSPEAKER_HZ = 200.0
"""What the loudspeakers of a laptop or phone just give."""


def playing_speed(low_hz: float) -> int:
    """1, 2 or 4: how much faster calls must be played for their lowest frequency to be heard on a loudspeaker."""
    return next((speed for speed in (1, 2, 4) if low_hz * speed >= _LOUDSPEAKER_HZ), 4)


def above(samples: NDArray[np.float32], rate: int, low_hz: float) -> NDArray[np.float32]:
    """Sound without what lies below a frequency, faded in over a third of an octave; nothing moves in time.

    Args:
        samples: float32 [n], n ≥ 1.
        rate: samples per second.
        low_hz: what lies here and above stays as it is, hertz.
    """
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    bottom = low_hz / 2 ** (1 / 3)
    share = np.clip((frequency - bottom) / max(low_hz - bottom, 1e-9), 0.0, 1.0)
    gain = 0.5 - 0.5 * np.cos(np.pi * share)
    return np.fft.irfft(np.fft.rfft(samples) * gain, len(samples)).astype(np.float32)


def encode(samples: NDArray[np.float32], rate: int, low_hz: float) -> bytes:
    """A FLAC file, the loudest moment just below full scale; silence stays silence.

    Args:
        samples: float32 [n], n ≥ 1, finite.
        rate: samples per second.
        low_hz: what lies below is left out.
    """
    playing = playing_rate(rate)
    sound = above(samples, rate, low_hz)
    if playing != rate:
        sound = soxr.resample(sound, rate, playing, quality="HQ")
    peak = float(np.abs(sound).max(initial=0.0))
    steps = 1 << (_BITS - 1)
    rounded = np.rint(sound * (_PEAK / peak if peak > 0 else 0.0) * steps)
    file = io.BytesIO()
    # FLAC stores the lowest bits, all zero, once a block
    whole = (rounded * ((1 << 15) // steps)).astype(np.int16)
    soundfile.write(file, whole, playing, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return file.getvalue()
