"""Spectrograms as pictures, drawn by matplotlib without its global state.

A picture holds the sound alone. The page draws axes, box and playing position over it, where they stay readable on a
phone and in the dark, and where the box can be taken away to see what is under it.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from edge_daemon.errors import UsageError
from edge_daemon.report.spectrogram import Spectrogram

WIDTH, HEIGHT = 480, 200
"""Pixels: sharp enough on a phone, 12 kB."""
_DPI = 100
_QUALITY = 65
_DARK, _BRIGHT = 0.45, 0.998
"""Shares of the picture below the darkest and the brightest colour: noise stays dark, one click does not rule."""
_LEAST_RANGE_DB = 20.0


def require_matplotlib() -> None:
    """Say before the work, not after it, that pictures cannot be drawn.

    Raises:
        UsageError: matplotlib is missing.
    """
    try:
        import matplotlib.figure  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise UsageError("The report's pictures need matplotlib.", "pip install 'edge-daemon[report]'") from error


class Painter:
    """Draws spectrograms, one after the other on the same canvas.

    Args:
        top_hz: upper edge of the pictures; their lower edge is 0 Hz.
        ignore_below_hz: what lies lower has no say in the choice of colours: swell and mooring drown whales.

    Raises:
        UsageError: matplotlib is missing.
    """

    def __init__(self, top_hz: float, ignore_below_hz: float = 0.0) -> None:
        require_matplotlib()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._top_hz = top_hz
        self._ignore_below_hz = ignore_below_hz
        self._figure: Any = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI)
        FigureCanvasAgg(self._figure)
        self._axes: Any = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._image: Any = self._axes.imshow(
            np.zeros((2, 2)), origin="lower", aspect="auto", interpolation="bilinear", cmap="magma"
        )

    def draw(self, sound: Spectrogram, begin_s: float, end_s: float) -> bytes:
        """A WebP picture of begin_s…end_s by 0…top_hz.

        Args:
            sound: what to draw.
            begin_s: left edge of the picture, seconds after the first frame's centre.
            end_s: its right edge, likewise.
        """
        level, band, frame = sound.level_db, sound.band_hz, sound.frame_s
        bands, frames = level.shape
        rows = slice(int(self._ignore_below_hz / band), int(self._top_hz / band) + 1)
        columns = slice(max(0, round(begin_s / frame)), round(end_s / frame) + 1)
        dark, bright = (float(value) for value in np.quantile(level[rows, columns], (_DARK, _BRIGHT)))
        self._image.set_data(level)
        self._image.set_clim(dark, max(bright, dark + _LEAST_RANGE_DB))
        # a pixel of the matrix is centred on its band and frame
        self._image.set_extent((-frame / 2, (frames - 0.5) * frame, -band / 2, (bands - 0.5) * band))
        self._axes.set(xlim=(begin_s, end_s), ylim=(0, self._top_hz))
        file = io.BytesIO()
        self._figure.savefig(file, format="webp", dpi=_DPI, pil_kwargs={"quality": _QUALITY, "method": 4})
        return file.getvalue()
