"""Excerpts as browsers play them: what comes from a device has its model's rate, which most browsers refuse."""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr

from edge_daemon.clips.playing_rate import playing_rate

MOST_SAMPLES = 4_000_000
"""Unpacked, and at the rate of playing: a small file may hold very many. What is behind is not played."""


def playable(sound: bytes) -> bytes | None:
    """The same sound as FLAC at a rate that browsers play; None if it cannot be read.

    Args:
        sound: a FLAC or WAV file, as a device has sent it.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            rate, playing = file.samplerate, playing_rate(file.samplerate)
            most = min(MOST_SAMPLES, MOST_SAMPLES * rate // playing) // file.channels
            samples = file.read(most, dtype="float32", always_2d=True)[:, 0]
        if playing != rate:
            samples = soxr.resample(samples, rate, playing, quality="HQ")
        made = io.BytesIO()
        whole = np.rint(np.clip(np.nan_to_num(samples), -1.0, 1.0) * 32767).astype(np.int16)
        soundfile.write(made, whole, playing, format="FLAC", subtype="PCM_16")
    except (soundfile.LibsndfileError, ValueError, RuntimeError, ZeroDivisionError):  # damaged, or no sound at all
        return None
    return made.getvalue()
