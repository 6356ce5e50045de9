"""Columns of a spectrogram as they come, small enough to be sent to a page: a byte for each frequency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap
from edge_daemon.levels.input_meter import decibels

FRAME_S = 0.25
STEP_S = 0.125
TOP_HZ = 500.0
AT_ONCE = 4
"""Columns that are made together: half a second of sound."""
FLOOR_DB, STEP_DB = -150.0, 0.625
"""Of a byte 1, and from a byte to the next one, dB re a sine at full scale; a byte 0 is missing sound."""
_FIRST_BIN = 2
"""The offset fills the two below."""
_LONGEST_GAP = 64
"""Columns of a gap that are told; a page shows no more of it anyway."""


@dataclass(frozen=True, slots=True)
class WaterfallPiece:
    """Some columns that follow each other.

    Attributes:
        end: the sample after the last of them.
        columns: bytes [n × rows], a column after the other, the lowest frequency first.
        rms_db: root mean square of the new sound, dB re full scale; None for missing sound.
        peak_db: its highest magnitude, likewise.
    """

    end: int
    columns: bytes
    rms_db: float | None = None
    peak_db: float | None = None


class Waterfall:
    """Makes columns of a stream; frames of a quarter second, Hann-weighted, overlapping by half.

    Args:
        rate: samples per second.

    Attributes:
        rows: frequencies of a column.
        low_hz, step_hz: the lowest, and from one to the next, Hz.
        step_s: from a column to the next one, s.
    """

    def __init__(self, rate: int) -> None:
        self._frame, self._hop = round(FRAME_S * rate), round(STEP_S * rate)
        self.step_hz, self.step_s = rate / self._frame, self._hop / rate
        self.low_hz = _FIRST_BIN * self.step_hz
        self.rows = min(self._frame // 2, round(TOP_HZ / self.step_hz)) - _FIRST_BIN + 1
        places = np.arange(AT_ONCE)[:, None] * self._hop + np.arange(self._frame)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self._frame) / self._frame)
        self._places, self._window = places, window * (2 / float(np.sum(window)))
        self._need = self._frame + (AT_ONCE - 1) * self._hop
        self._held: list[NDArray[np.float32]] = []
        self._count = 0

    def restart(self) -> None:
        """Forget what is held: nobody has looked for a while."""
        self._held, self._count = [], 0

    def push(self, piece: Block | Gap) -> Iterator[WaterfallPiece]:
        """The next block or gap; yields the columns that it completes."""
        if isinstance(piece, Gap):
            self.restart()
            columns = min(_LONGEST_GAP, piece.length // self._hop)
            if columns:
                yield WaterfallPiece(piece.end, bytes(columns * self.rows))
            return
        self._held.append(piece.samples)
        self._count += len(piece.samples)
        if self._count < self._need:
            return
        sound = np.concatenate(self._held)
        done = 0
        while len(sound) - done >= self._need:
            fresh = sound[done : done + AT_ONCE * self._hop]
            end = piece.end - len(sound) + done + self._need
            yield WaterfallPiece(
                end, self._columns(sound[done:]), decibels(float(fresh.std())), decibels(float(np.abs(fresh).max()))
            )
            done += AT_ONCE * self._hop
        self._held, self._count = [sound[done:]], len(sound) - done

    def _columns(self, sound: NDArray[np.float32]) -> bytes:
        with np.errstate(all="ignore"):  # samples may be anything; what is no number is silent
            spectra = np.fft.rfft(sound[self._places] * self._window)[:, _FIRST_BIN : _FIRST_BIN + self.rows]
            power = spectra.real**2 + spectra.imag**2
            levels = 10 * np.log10(np.fmax(power, 1e-20))
        columns: NDArray[np.uint8] = np.clip(np.rint((levels - FLOOR_DB) / STEP_DB) + 1, 1, 255).astype(np.uint8)
        return columns.tobytes()
