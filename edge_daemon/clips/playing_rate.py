"""The rate at which browsers play a sound: they refuse those below a few kilohertz, and a model's may be 2 kHz."""

from __future__ import annotations

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
"""What browsers play, Hz."""


def playing_rate(rate: int) -> int:
    """The lowest of `RATES` that keeps all of the sound; above 48 kHz that."""
    return next((offered for offered in RATES if offered >= rate), RATES[-1])
