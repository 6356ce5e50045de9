"""A picture of a network at work on one window: what it saw, which neurons fired when, how the labels' membranes rose.

Time steps are the network's own, not moments of sound: the network looks at the same two seconds in each of them.
matplotlib draws it (extra `report`); finding the window and computing it needs nothing beyond the daemon.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.detector import Detector
from edge_daemon.detection.events import ScoredWindow
from edge_daemon.errors import AudioError, ModelError, StorageError
from edge_daemon.model.frontend import FrontEnd
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import Trace, run

_BATCH = 32


@dataclass(frozen=True, slots=True)
class WindowTrace:
    """One window and what the network made of it.

    Attributes:
        begin_s: the window's begin in the recording, seconds.
        features: uint8 [bands, frames].
        score: calibrated probability of a call.
        trace: spikes and membranes of every layer, for this one window.
    """

    begin_s: float
    features: NDArray[np.uint8]
    score: float
    trace: Trace


def trace_window(detector: Detector, recording: Path, at_s: float | None = None, channel: int = 0) -> WindowTrace:
    """Run the network on one window of a recording.

    Args:
        detector: hears the recording as a replay does.
        recording: a sound file.
        at_s: the window that contains this moment nearest its centre, seconds; None takes the highest score.
        channel: which channel, from 0.

    Raises:
        AudioError: the file cannot be read, or holds no window.
    """
    spec = detector.model.metadata.frontend
    windows, sound = _heard(detector, recording, channel)
    if not windows:
        raise AudioError(f"{recording} contains no sound.", "Choose another recording.")
    best = max(windows, key=lambda window: window.score)
    if at_s is not None:
        middle = at_s * spec.sample_rate - spec.window / 2
        best = min(windows, key=lambda window: abs(window.start - middle))
    samples = sound[best.start : best.start + spec.window]
    features = FrontEnd(spec)(np.pad(samples, (0, spec.window - len(samples))))
    trace = run(detector.model.network(), features[None], keep=True)
    return WindowTrace(best.start / spec.sample_rate, features, best.score, trace)


def draw(model: ModelFile, shown: WindowTrace, title: str, picture: Path) -> None:
    """Draw the window, the spikes of each layer over time steps, and the membranes of the labels' neurons.

    Raises:
        ModelError: matplotlib is missing.
        StorageError: the picture cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ModelError("Drawing needs matplotlib.", "pip install 'edge-daemon[report]'") from error
    layers = model.network().layers
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    rows: Any = figure.subfigures(3, 1, height_ratios=[1.0, 1.25, 0.9])
    figure.suptitle(f"{title}, {shown.begin_s:.2f} s: score {shown.score:.3f}", fontsize=12)
    _draw_features(rows[0].subplots(), model, shown)
    for number, axes in enumerate(rows[1].subplots(1, len(layers))):
        _draw_spikes(axes, shown.trace.spikes[number], layers[number].name, first=number == 0)
    _draw_membranes(rows[2].subplots(), model, shown)
    try:
        figure.savefig(picture, dpi=120)
    except (OSError, ValueError) as error:
        raise StorageError(f"{picture} cannot be written: {error}.", "Choose a name ending in .png or .pdf.") from error


def _heard(detector: Detector, recording: Path, channel: int) -> tuple[list[ScoredWindow], NDArray[np.float32]]:
    """All windows of a recording, and its sound at the model's rate, float32 [n], zeros where some is missing."""
    windows: list[ScoredWindow] = []
    sound = [np.zeros(0, np.float32)]
    with closing(FileSource(recording, channel=channel)) as source:
        pipeline = detector.pipeline(source.rate, batch=_BATCH, pad_short=True)
        while (item := source.read()) is not None:
            output = pipeline.push(item)
            windows += output.windows
            sound += [_samples(piece) for piece in output.sound]
    output = pipeline.finish()
    return windows + output.windows, np.concatenate([*sound, *map(_samples, output.sound)])


def _samples(piece: Block | Gap) -> NDArray[np.float32]:
    return piece.samples if isinstance(piece, Block) else np.zeros(piece.length, np.float32)


def _draw_features(axes: Any, model: ModelFile, shown: WindowTrace) -> None:
    spec = model.metadata.frontend
    edges, times = spec.band_edges_hz(), spec.frame_centres_s()
    # edges overlap for triangular bands: between two bands the line is half way
    lines = np.concatenate([edges[:1, 0], (edges[:-1, 1] + edges[1:, 0]) / 2, edges[-1:, 1]])
    step = (times[1] - times[0]) if len(times) > 1 else spec.window_seconds
    columns = np.concatenate([times - step / 2, times[-1:] + step / 2])
    axes.pcolormesh(columns, lines, shown.features, cmap="magma", rasterized=True)
    axes.set(xlabel="time in the window, s", ylabel="frequency, Hz", title="What the network sees")
    axes.set_xlim(0, spec.window_seconds)


def _draw_spikes(axes: Any, spikes: NDArray[np.bool_], name: str, *, first: bool) -> None:
    """Neurons upwards, time steps to the right; a mark where one fired in a step."""
    steps = len(spikes)
    flat = spikes.reshape(steps, -1)
    axes.imshow(flat.T, aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=1, interpolation="antialiased")
    axes.set_title(f"{name}: {int(flat.sum()):,} spikes\nof {flat.shape[1]:,} neurons", fontsize=9)
    axes.set_xticks(range(steps), [str(step + 1) for step in range(steps)])
    if flat.shape[1] <= 10:
        axes.set_yticks(range(flat.shape[1]))
    axes.set_xlabel("time step")
    if first:
        axes.set_ylabel("neuron")


def _draw_membranes(axes: Any, model: ModelFile, shown: WindowTrace) -> None:
    """Membranes in thresholds, a line a label, with a dot at each spike."""
    last = model.network().layers[-1]
    membranes = shown.trace.membranes[-1][:, 0, :, 0, 0] / last.threshold
    fired = shown.trace.spikes[-1][:, 0, :, 0, 0]
    steps = np.arange(1, len(membranes) + 1)
    for label, name in enumerate(model.metadata.labels):
        (line,) = axes.plot(steps, membranes[:, label], marker="", label=name, linewidth=1.8)
        at = fired[:, label]
        axes.plot(steps[at], membranes[at, label], "o", color=line.get_color())
    axes.axhline(1.0, color="grey", linestyle="--", linewidth=1, label="threshold")
    axes.set_xticks(steps)
    axes.set(xlabel="time step", ylabel="membrane, thresholds", title="Output neurons (dots: spikes)")
    axes.legend(loc="best", fontsize=9)
