"""First weights for sound: short chirps of random place, pitch and sweep, in place of white noise.

A fully connected network on samples has to find out that sound is made of tones, anew for each place in the window.
From white first weights nothing points there: a call comes with any phase, so on average it adds nothing to any
weighted sum, and the gradient has nothing to begin with. A neuron whose weights are a chirp answers to energy in its
corner of time and frequency; training goes on from there.
"""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor

RATE = 2000.0
"""Samples per second that the pitches are meant for."""
PITCH_HZ = (50.0, 300.0)
"""In the middle of a chirp, even over octaves: where calls and what resembles them are."""
SWEEP_HZ_S = (-50.0, 250.0)
"""Slopes; an up-call rises by about 100 Hz in a second."""
WIDTH_S = (0.08, 0.2)
"""Standard deviation of the Gaussian that a chirp is cut out by."""
LENGTH = 10.0
"""A step of Adam is as long whatever the weights are: long ones stay chirps while the layers behind them learn. The
strength of the currents is for batch-norm to set (`norm=batch`)."""


def chirp_bank(neurons: int, samples: int) -> Tensor:
    """Weights of length `LENGTH`, float [neurons, samples]; drawn with torch's generator.

    Args:
        neurons: chirps.
        samples: in a window, at `RATE`.
    """

    def drawn(least: float, greatest: float) -> Tensor:
        return least + (greatest - least) * torch.rand(neurons, 1, dtype=torch.float64)

    time = torch.arange(samples, dtype=torch.float64)[None] / RATE - drawn(0.0, samples / RATE)
    width, sweep, phase = drawn(*WIDTH_S), drawn(*SWEEP_HZ_S), drawn(0.0, 2 * pi)
    pitch = drawn(log(PITCH_HZ[0]), log(PITCH_HZ[1])).exp()
    wave = torch.exp(-(time**2) / (2 * width**2)) * torch.cos(2 * pi * (pitch + sweep * time / 2) * time + phase)
    bank: Tensor = LENGTH * (wave / wave.norm(dim=1, keepdim=True).clamp_min(1e-9)).float()
    return bank
