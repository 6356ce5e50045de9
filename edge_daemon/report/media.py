"""Picture, sound and scores of one detection, as the page takes them."""

from __future__ import annotations

import base64
from typing import Any

from edge_daemon.errors import AudioError
from edge_daemon.report.clip import encode
from edge_daemon.report.entry import Entry, Listened
from edge_daemon.report.excerpt import SoundExcerpt, read_excerpt
from edge_daemon.report.gathering import MARGIN_S
from edge_daemon.report.picture import WIDTH, Painter
from edge_daemon.report.spectrogram import frame_length, spectrogram

LONGEST_S = 15.0
"""Longest excerpt; of a longer event it is the beginning."""


class MediaMaker:
    """Makes the media of detections.

    Args:
        rate: the model's samples per second: higher frequencies played no part.
        channel: counted from 0.
        call_band_hz: where the species calls.

    Attributes:
        top_hz: upper edge of the pictures: twice the call's, as far as the sound reaches.
    """

    def __init__(self, rate: int, channel: int, call_band_hz: tuple[float, float]) -> None:
        self._rate = rate
        self._channel = channel
        self._frame = frame_length(rate, call_band_hz)
        self._pad_s = self._frame / 2 / rate
        self.top_hz = min(rate / 2, 2 * call_band_hz[1])
        self._low_hz = call_band_hz[0] / 2
        self._painter = Painter(self.top_hz, self._low_hz)

    def make(self, entry: Entry, recording: Listened) -> dict[str, Any]:
        """The detection's media; where the recording cannot be read any more, a sentence says so."""
        begin_s = max(0.0, entry.begin_s - MARGIN_S)
        end_s = min(entry.end_s + MARGIN_S, begin_s + LONGEST_S)
        made: dict[str, Any] = {"begin": round(begin_s, 6), "end": round(end_s, 6)}
        try:
            # half a frame more on both sides, so that the picture is of whole frames up to its edges
            span = begin_s - self._pad_s, end_s + self._pad_s
            wide = read_excerpt(recording.path, *span, self._rate, self._channel, recording.followed_by)
            excerpt = wide.part(begin_s, end_s)
        except AudioError as error:
            made["problem"] = str(error)
        else:
            made |= {"begin": round(excerpt.begin_s, 6), "end": round(excerpt.end_s, 6)}
            made["picture"] = _base64(self._picture(wide, excerpt))
            made["sound"] = _base64(encode(excerpt.samples, excerpt.rate, self._low_hz))
        if entry.box is not None and entry.box.low_hz is not None:
            made["box"] = [round(edge, 3) for edge in entry.box if edge is not None]
        if entry.contour is not None:
            made["contour"] = [round(entry.contour.begin_s, 4), entry.contour.step_s, entry.contour.hz]
        if entry.curve is not None:
            made["cell"] = entry.curve.cell_s
            made["cells"] = [round(float(begin), 4) for begin in entry.curve.begins_s]
            made["scores"] = [round(float(score), 4) for score in entry.curve.scores]
        return made

    def _picture(self, wide: SoundExcerpt, shown: SoundExcerpt) -> bytes:
        sound = spectrogram(wide.samples, wide.rate, self._frame, WIDTH // 2)
        return self._painter.draw(sound, shown.begin_s - wide.begin_s, shown.end_s - wide.begin_s)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
