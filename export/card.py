"""The model card: what a model is, how well it does, what it costs and where it comes from, for a person to read.

Everything in it is in the model file; nothing is computed again and nothing can differ from what the device runs. What
was not measured is said to be so.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer
from export.card_continuous import continuous


def write_card(model: Path, output: Path) -> tuple[Path, Path]:
    """Write the text and, beside it, the picture.

    Args:
        model: model file.
        output: a .md file, or a folder for files named after the model.

    Returns:
        The paths of text and picture.
    """
    from export.cardpicture import draw

    model_file = ModelFile.read(model)
    text = output if output.suffix == ".md" else output / f"{model.stem}.md"
    picture = text.with_suffix(".png")
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(markdown(model_file, picture.name), encoding="utf-8")
    draw(model_file, picture)
    return text, picture


def markdown(model_file: ModelFile, picture: str) -> str:
    """The card's text; `picture` is the file name it links to."""
    data, network = model_file.metadata, model_file.network()
    point, origin = data.operating_point, data.provenance
    bands, frames = data.frontend.shape
    lines = [
        f"# {data.name} {data.version}",
        "",
        data.summary or "A spiking network that hears whales.",
        "",
        f"![Architecture, weights, activity, ROC and calibration]({picture})",
        "",
        "| | |",
        "|---|---|",
        f"| Labels | {', '.join(data.labels)}; reported: {data.label} |",
        f"| Input | {data.frontend.kind}, {bands} × {frames}, {data.frontend.window_seconds:g} s"
        f" at {data.frontend.sample_rate} Hz |",
        f"| Network | {network.parameters:,} parameters, {network.neurons:,} neurons, {network.time_steps} time steps,"
        f" reset {network.layers[0].reset}, stem {network.stem} |",
        f"| File | {len(model_file.data):,} bytes, SHA-256 `{model_file.digest}` |",
        f"| Operating point | score ≥ {point.threshold:g}, goes on down to {point.threshold_low:g},"
        f" at least {point.min_windows} {'window' if point.min_windows == 1 else 'windows'}"
        + (f", the call rises by at least {point.min_rise_hz:g} Hz" if point.min_rise_hz else "")
        + (f", calls of the last {point.context_s:g} s make others likelier |" if point.context_s else " |"),
        f"| Score | {_calibration(data.calibration.method)}, fitted on {data.calibration.note or 'unknown windows'} |",
        "",
        *([point.note, ""] if point.note else []),
        *_layers(network, data.metrics.get("operations")),
        *_quality(data.metrics),
        *continuous(data.metrics.get("continuous")),
        *_cost(data.metrics.get("operations")),
        "## Known weaknesses",
        "",
        *([f"- {weakness}" for weakness in data.weaknesses] or ["None were recorded."]),
        "",
        "## Provenance",
        "",
        f"- Data: {origin.data}",
        f"- {origin.credit}" if origin.credit else "- No credit line.",
        f"- Weights: {origin.licence}. Made {origin.created or 'on an unknown day'}"
        f" with version {origin.project_version or 'unknown'}.",
        *_commands(origin.command),
        "",
    ]
    return "\n".join(lines)


def _commands(joined: str) -> list[str]:
    """The commands that made the file, an option a line."""
    if not joined:
        return []
    commands = [[shlex.quote(word) for word in shlex.split(command)] for command in joined.split(" && ")]
    lines = [" ".join(f"\\\n    {word}" if word.startswith("--") else word for word in words) for words in commands]
    note = "`--calibration` names the output of `python -m train crossval` with the same data and network."
    return ["- Commands:", "", "```sh", *lines, "```", *(["", note] if "--calibration" in joined else [])]


def synapses(layer: Layer) -> str:
    """A layer's synapses in a few words."""
    pooled = {"none": "", "sum": "sums of {} × {} spikes, ".format(*layer.pool_size), "global_sum": "sums over time, "}
    before = pooled[layer.pool]
    if layer.kind == "dense":
        return f"{before}dense, {layer.channels} neurons"
    _, _, height, width = layer.weight.shape
    stride = "" if layer.stride == (1, 1) else ", stride {} × {}".format(*layer.stride)
    pool = "" if layer.max_pool == (1, 1) else ", max-pool {} × {}".format(*layer.max_pool)
    return f"{before}{height} × {width} convolution, {layer.channels} channels{stride}{pool}"


def _calibration(method: str) -> str:
    return {
        "platt": "a logistic curve of the margin (Platt)",
        "isotonic": "a rising curve of the margin (isotonic)",
    }.get(method, f"a curve of the margin ({method})")


def _layers(network: IntegerNetwork, counted: dict[str, Any] | None) -> list[str]:
    lines = [
        "## Layers",
        "",
        "| layer | synapses | neurons | weights | leak | spikes a window | a neuron and step |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    spikes = counted["spikes_a_layer"] if counted else [None] * len(network.layers)
    for layer, shape, fired in zip(network.layers, network.shapes()[1:], spikes, strict=True):
        channels, bands, frames = shape
        neurons = channels * bands * frames
        grid = f"{neurons:,}" if layer.kind == "dense" else f"{channels} × {bands} × {frames} = {neurons:,}"
        rate = "not counted | " if fired is None else f"{fired:,.1f} | {fired / neurons / network.time_steps:.1%}"
        leaks = sorted({k / 256 for k in layer.beta_256.tolist()})
        leak = f"{leaks[0]:.3f}" if len(leaks) == 1 else f"{leaks[0]:.3f} to {leaks[-1]:.3f}"
        lines.append(f"| {layer.name} | {synapses(layer)} | {grid} | {layer.weight.size:,} | {leak} | {rate} |")
    return [*lines, ""]


def _quality(metrics: dict[str, Any]) -> list[str]:
    rows = []
    for split, what in (("random", "random folds"), ("blocked", "blocks, in order of time")):
        found = metrics.get(f"{split}_folds")
        if found:
            auc = found["auc"]
            parts = ", ".join(f"{value:.4f}" for value in auc)
            rows.append(
                f"| {what} | {found['median_auc']:.4f} | {min(auc):.4f} to {max(auc):.4f} | {parts} |"
                f" {found['median_auc_float']:.4f} |"
            )
        else:
            rows.append(f"| {what} | not measured | | | |")
    return [
        "## Held-out AUC",
        "",
        "Of the recipe, each part judged by a network that learned from the others. Neighbouring clips resemble each"
        " other, and random folds share them; blocks do not.",
        "",
        "| parts | median | least to greatest | each part | median, real-valued weights |",
        "|---|---:|---|---|---:|",
        *rows,
        "",
    ]


def _source(counted: dict[str, Any]) -> str:
    """Where the counted windows were from; files of earlier versions do not say."""
    return f", spread evenly over {counted['source']}" if counted.get("source") else ""


def _cost(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return []
    lines = [
        "## Operations and energy a window",
        "",
        f"Means over {found['windows']:,} windows{_source(found)}. Definitions of NeuroBench (Yik et al., Nature"
        " Communications 16, 1545,"
        " 2025), but for the first layer, whose input does not change: its products are multiply-accumulates, counted"
        " once; the rest are accumulates, one for each weight that a spike adds. Energy is arithmetic alone in a 45 nm"
        " process (Horowitz, ISSCC 2014, fig. 1.1.9): it compares kinds of arithmetic, it does not predict a battery's"
        " life.",
        "",
        "| | multiply-accumulates | accumulates | membrane updates | float32, nJ | integers, nJ |",
        "|---|---:|---:|---:|---:|---:|",
        f"| conventional network of the same shape, every product once |"
        f" {found['conventional_multiply_accumulates']:,.0f} | 0 | 0 |"
        f" {found['conventional_energy_float_nj']:,.0f} | {found['conventional_energy_integer_nj']:,.0f} |",
    ]
    if "dense_multiply_accumulates" in found:
        lines.append(
            f"| this network on a processor, every product of every step | {found['dense_multiply_accumulates']:,.0f} |"
            f" 0 | {found['dense_membrane_updates']:,.0f} | {found['dense_energy_float_nj']:,.0f} |"
            f" {found['dense_energy_integer_nj']:,.0f} |"
        )
    lines += [
        f"| this network where only spikes are worked on | {found['multiply_accumulates']:,.0f} |"
        f" {found['accumulates']:,.0f} | {found['membrane_updates']:,.0f} | {found['energy_float_nj']:,.0f} |"
        f" {found['energy_integer_nj']:,.0f} |",
        "",
    ]
    if costs := found.get("costs_pj"):
        lines += [
            "; ".join(
                f"{kind}: {cost['multiply_accumulate']:g} pJ a multiply-accumulate,"
                f" {cost['accumulate']:g} an accumulate, {cost['membrane_update']:g} a membrane update"
                for kind, cost in costs.items()
            )
            + ".",
            "",
        ]
    return [*lines, f"Activation sparsity {found['activation_sparsity']:.1%}.", ""]
