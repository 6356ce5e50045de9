"""The picture of one mistake: spectrogram with calls and events, and the score curve below."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.event_rules import EventRules
from train.data.sound_file import read_window
from train.data.whole_recordings import JudgedRecording
from train.evaluation.mistakes import Mistake
from train.evaluation.model_result import Question
from train.evaluation.scores import Scores

AROUND_S = 4.0
WIDTH, HEIGHT, DPI = 480, 300, 100
COLOURS = 64
"""Of the picture: half of the bytes of full colour."""
FRAME_S = 0.256


def draw_mistake(
    mistake: Mistake, scored: Scores, events_s: NDArray[np.float64], rules: EventRules, asked: Question
) -> bytes:
    """A PNG of the sound around a mistake.

    Args:
        mistake: what to show, with `AROUND_S` on both sides.
        scored: scores of its recording.
        events_s: float64 [events, 2], events in that recording, seconds.
        rules: how scores became events.
        asked: recordings.

    Raises:
        DataError: the recording cannot be read any more.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    recording = asked.corpus.recordings[mistake.recording]
    first_s, last_s = max(mistake.begin_s - AROUND_S, 0.0), min(mistake.end_s + AROUND_S, recording.duration_s)
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    sound_axis, score_axis = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    level_db, hz, at_s = _spectrogram(recording, first_s, last_s, scored.rate, asked.channel)
    dark, bright = np.quantile(level_db, (0.4, 0.998))
    sound_axis.pcolormesh(at_s, hz, level_db, cmap="magma", vmin=dark, vmax=max(bright, dark + 20), rasterized=True)
    top_hz = float(hz[-1])
    for begin_s, end_s in recording.calls:
        sound_axis.plot([begin_s, end_s], [0.97 * top_hz] * 2, color="#3ddc84", linewidth=4, solid_capstyle="butt")
    for begin_s, end_s in events_s:
        sound_axis.plot([begin_s, end_s], [0.91 * top_hz] * 2, color="#5cc8ff", linewidth=4, solid_capstyle="butt")
    sound_axis.set_ylabel("Hz", fontsize=7)
    middle_s = (scored.starts + scored.window / 2) / scored.rate
    score_axis.plot(middle_s, scored.in_context(rules.context_s), ".-", color="#27607d", linewidth=1, markersize=3)
    for threshold, style in ((rules.threshold, "-"), (rules.threshold_low, ":")):
        score_axis.axhline(threshold, color="grey", linestyle=style, linewidth=0.8)
    score_axis.set(ylim=(-0.03, 1.03), xlim=(first_s, last_s))
    score_axis.set_ylabel("score", fontsize=7)
    for axis in (sound_axis, score_axis):
        axis.tick_params(labelsize=7)
    canvas.draw()
    file = BytesIO()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _spectrogram(
    recording: JudgedRecording, first_s: float, last_s: float, rate: int, channel: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Levels in dB [bands, frames] up to a quarter of the rate (500 Hz at 2 kHz), bands in Hz, frames in seconds."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    length = round(FRAME_S * rate)
    # an instant more or less at the end of a file is no reason to shift the picture
    sound = read_window(recording.path, first_s, max(int((last_s - first_s) * rate), length), rate, channel)
    transform = ShortTimeFFT(hann(length, sym=False), hop=max(length // 16, 1), fs=rate, scale_to="psd")
    power = transform.spectrogram(sound.astype(np.float64), padding="even")
    shown = transform.f <= rate / 4
    level_db = 10 * np.log10(np.maximum(power[shown], 1e-20))
    return level_db, transform.f[shown], first_s + transform.t(len(sound))
