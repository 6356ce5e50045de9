"""The model card's picture: the architecture, weights and activity of its layers, ROC, calibration and recall."""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import Any

import matplotlib

from edge_daemon.model.model_file import ModelFile, ModelMetadata
from edge_daemon.model.network import IntegerNetwork

matplotlib.use("Agg")
from matplotlib import pyplot  # the backend has to be chosen first
from matplotlib.patches import FancyArrow, Rectangle

BLUE, ORANGE, GREY = "#27607d", "#c76a1b", "#8a8a8a"


def draw(model: ModelFile, path: Path) -> None:
    """Draw everything into one PNG file; panels without numbers say so."""
    metadata, network = model.metadata, model.network()
    recall = [sound for sound in metadata.metrics.get("continuous") or () if sound.get("front")]
    figure = pyplot.figure(figsize=(11, 11 + 4 * bool(recall)), layout="constrained")
    heights = (0.8, 1, 1.5, 1.5)[: 4 if recall else 3]
    rows = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    _architecture(figure.add_subplot(rows[0, :]), metadata, network)
    _weights(figure.add_subplot(rows[1, 0]), network)
    _activity(figure.add_subplot(rows[1, 1]), network, metadata.metrics.get("operations"))
    _roc(figure.add_subplot(rows[2, 0]), metadata.metrics)
    _calibration(figure.add_subplot(rows[2, 1]), metadata.metrics.get("reliability"))
    if recall:
        _recall(figure.add_subplot(rows[3, :]), recall[0])
    figure.suptitle(f"{metadata.name} {metadata.version}", fontsize=14)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _architecture(axis: Any, metadata: ModelMetadata, network: IntegerNetwork) -> None:
    """A block for each layer's neurons: as high as its bands, as long as its frames, as deep as its channels."""
    axis.axis("off")
    shapes = network.shapes()
    step, x = 1.0, 0.0
    for number, (channels, bands, frames) in enumerate(shapes):
        # square roots keep two labels visible beside five thousand pixels
        width, height = 0.08 + 0.42 * (frames / shapes[0][2]) ** 0.5, 0.1 + 0.9 * (bands / shapes[0][1]) ** 0.5
        sheets = min(6, 1 + int(log2(channels)))
        for sheet in reversed(range(sheets)):
            corner = (x + 0.025 * sheet - width / 2, 0.03 * sheet - height / 2)
            colour = GREY if number == 0 else BLUE
            axis.add_patch(Rectangle(corner, width, height, facecolor=colour, edgecolor="white", linewidth=0.8))
        if number == 0:
            under = f"{metadata.frontend.kind}\n{bands} × {frames}"
        else:
            layer = network.layers[number - 1]
            under = f"{channels} neurons" if layer.kind == "dense" else f"{channels} × {bands} × {frames}\nneurons"
            over = _synapses_in_lines(layer)
            axis.text(x, 0.68, f"{layer.name}\n{over}", ha="center", va="bottom", fontsize=8.5)
            axis.add_patch(
                FancyArrow(x - step * 0.66, 0, step * 0.3, 0, width=0.012, head_width=0.07, head_length=0.05,
                           length_includes_head=True, color=GREY)
            )  # fmt: skip
        axis.text(x, -0.62, under, ha="center", va="top", fontsize=9)
        x += step
    stem = "" if network.stem == "none" else f"\n{network.stem.replace('_', ' ')} taken away"
    axis.text(0, 0.68, f"features{stem}", ha="center", va="bottom", fontsize=8.5)
    steps = "time step" if network.time_steps == 1 else "time steps"
    result = f"{network.time_steps} {steps},\nthen the score of\n{metadata.label}"
    axis.text(x - step * 0.66, 0, result, ha="left", va="center", fontsize=9)
    axis.set(xlim=(-0.5, x + 0.35), ylim=(-1.0, 1.35))


def _synapses_in_lines(layer: Any) -> str:
    if layer.kind == "dense":
        pool = {"none": "", "sum": "sums of {} × {}\n".format(*layer.pool_size), "global_sum": "sums over time\n"}
        return f"{pool[layer.pool]}dense"
    lines = ["{} × {} kernels".format(*layer.weight.shape[2:])]
    if layer.stride != (1, 1):
        lines.append("stride {} × {}".format(*layer.stride))
    if layer.max_pool != (1, 1):
        lines.append("max-pool {} × {}".format(*layer.max_pool))
    return "\n".join(lines)


def _weights(axis: Any, network: IntegerNetwork) -> None:
    sizes = [layer.weight.size for layer in network.layers]
    bars = axis.barh([layer.name for layer in network.layers], sizes, color=BLUE)
    axis.bar_label(bars, [f"{size:,}" for size in sizes], padding=4)
    axis.set(title="Weights of a layer (8 bits each)", xlim=(0, 1.2 * max(sizes)))
    _plain(axis)


def _activity(axis: Any, network: IntegerNetwork, found: dict[str, Any] | None) -> None:
    axis.set(title="Spikes of a neuron in a time step")
    if not found:
        _absent(axis)
        return
    possible = [neurons * network.time_steps for neurons in found["neurons_a_layer"]]
    rates = [spikes / most for spikes, most in zip(found["spikes_a_layer"], possible, strict=True)]
    bars = axis.barh([layer.name for layer in network.layers], rates, color=ORANGE)
    axis.bar_label(bars, [f"{rate:.1%}" for rate in rates], padding=4)
    axis.set(xlim=(0, 1.2 * max([*rates, 0.01])))
    _plain(axis)


def _plain(axis: Any) -> None:
    """Bars from first to last layer downwards; their labels say the numbers."""
    axis.invert_yaxis()
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.set_xticks([])
    axis.tick_params(axis="y", length=0)


def _roc(axis: Any, metrics: dict[str, Any]) -> None:
    folds = metrics.get("random_folds")
    median = f", median AUC {folds['median_auc']:.4f}" if folds else ""
    axis.set(
        title=f"ROC of held-out clips{median}", xlabel="share of noise clips called", ylabel="share of calls found"
    )
    if not metrics.get("roc"):
        _absent(axis)
        return
    # few false positives are what matters, so that end is stretched
    wrong, recall = zip(*[(max(x, 1e-4), y) for x, y in metrics["roc"]], strict=True)
    axis.plot(wrong, recall, color=BLUE, linewidth=2)
    axis.set(xscale="log", xlim=(1e-3, 1), ylim=(0, 1.02))
    axis.set_xticks([1e-3, 1e-2, 1e-1, 1], ["0.1 %", "1 %", "10 %", "100 %"])
    axis.grid(alpha=0.3)


def _calibration(axis: Any, rows: list[list[float]] | None) -> None:
    axis.set(title="Calibration on held-out clips", xlabel="score", ylabel="share of calls")
    if not rows:
        _absent(axis)
        return
    score, share, windows = zip(*rows, strict=True)
    total = sum(windows)
    bars = axis.bar(score, [count / total for count in windows], width=0.05, color="#e8d5c2", label="share of clips")
    axis.bar_label(bars, [f"{count:,.0f}" for count in windows], fontsize=7, color=GREY, padding=1)
    axis.plot([0, 1], [0, 1], ":", color=GREY, label="perfect")
    axis.plot(score, share, "o-", color=ORANGE, linewidth=2, label="share of calls")
    axis.set(xlim=(-0.03, 1.03), ylim=(0, 1.02))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left", fontsize=9)


def _recall(axis: Any, sound: dict[str, Any]) -> None:
    """The best of any rules as a line, the rules that the file recommends as a point, both with their intervals."""
    least = 0.05  # where rates of 0 are drawn
    rates, recall, low, high = zip(*((max(at[0], least), *at[1:]) for at in sound["front"]), strict=True)
    axis.step(rates, recall, where="post", color=BLUE, linewidth=2, label="best rules at each rate")
    axis.fill_between(rates, low, high, step="post", color=BLUE, alpha=0.15, linewidth=0)
    own = sound["figures"][0]
    x, y = max(own["false_alarms_per_hour"], least), own["recall"]
    arms = [
        [[max(at - ends[0], 0)], [max(ends[1] - at, 0)]]
        for at, ends in ((x, own["false_alarms_interval"]), (y, own["recall_interval"]))
    ]
    axis.errorbar([x], [y], xerr=arms[0], yerr=arms[1], color=ORANGE, marker="o", capsize=3, label=own["rules"])
    axis.set(title=f"Continuous sound: {sound['data']}", xlabel="false alarms an hour", ylabel="share of calls found")
    axis.set(xscale="log", xlim=(least, 100), ylim=(0, 1.02))
    axis.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", fontsize=9)


def _absent(axis: Any) -> None:
    axis.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axis.transAxes, color=GREY)
    axis.set(xticks=[], yticks=[])
