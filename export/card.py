"""The model card: what a model is, how well it does, what it costs and where it comes from, for a person to read.

Everything in it is in the model file; nothing is computed anew and nothing can differ from what the device runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_daemon.bundle import Bundle


def write_card(model: Path, folder: Path) -> tuple[Path, Path]:
    """Write NAME.md and NAME.png.

    Args:
        model: model file.
        folder: where to.

    Returns:
        The two paths.
    """
    bundle = Bundle.read(model)
    folder.mkdir(parents=True, exist_ok=True)
    text, picture = folder / f"{model.stem}.md", folder / f"{model.stem}.png"
    text.write_text(markdown(bundle, picture.name), encoding="utf-8")
    draw(bundle, picture)
    return text, picture


def markdown(bundle: Bundle, picture: str) -> str:
    """The card's text; `picture` is the file name it links to."""
    data, network = bundle.metadata, bundle.network()
    point, origin = data.operating_point, data.provenance
    bands, frames = data.frontend.shape
    lines = [
        f"# {data.name} {data.version}",
        "",
        data.summary or "A spiking network that hears whales.",
        "",
        f"![Architecture, ROC, calibration and activity]({picture})",
        "",
        "| | |",
        "|---|---|",
        f"| Labels | {', '.join(data.labels)}; reported: {data.label} |",
        f"| Input | {data.frontend.kind}, {bands} × {frames}, {data.frontend.window_seconds:g} s"
        f" at {data.frontend.sample_rate} Hz |",
        f"| Network | {network.parameters:,} parameters, {network.neurons:,} neurons, {network.time_steps} time steps,"
        f" reset {network.layers[0].reset}, stem {network.stem} |",
        f"| File | {len(bundle.data):,} bytes, SHA-256 `{bundle.digest}` |",
        f"| Operating point | score ≥ {point.threshold:g}, goes on down to {point.threshold_low:g},"
        f" at least {point.min_windows} windows |",
        "",
        point.note,
        "",
        *_quality(data.metrics),
        *_cost(data.metrics.get("operations")),
        "## Known weaknesses",
        "",
        *([f"- {weakness}" for weakness in data.weaknesses] or ["None were recorded."]),
        "",
        "## Provenance",
        "",
        f"- Data: {origin.data}",
        f"- {origin.credit}" if origin.credit else "- No credit line.",
        f"- Weights: {origin.licence}. Made {origin.created} with version {origin.project_version}.",
        f"- Command: `{origin.command}`",
        "",
    ]
    return "\n".join(lines)


def _quality(metrics: dict[str, Any]) -> list[str]:
    rows = []
    for split in ("random", "blocked"):
        found = metrics.get(f"{split}_folds")
        if found:
            folds = ", ".join(f"{auc:.4f}" for auc in found["auc"])
            rows.append(f"| {split} | {found['median_auc']:.4f} | {found['median_auc_float']:.4f} | {folds} |")
    if not rows:
        return []
    head = ["## Held-out AUC", "", "| folds | median | median, float network | each fold |", "|---|---|---|---|"]
    return [*head, *rows, ""]


def _cost(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return []
    return [
        "## Operations and energy a window",
        "",
        f"Counted on {found['windows']} windows; the first layer once, as multiply-accumulates, the rest as accumulates"
        " a spike (definitions of NeuroBench). Energy is arithmetic alone in a 45 nm process (Horowitz, ISSCC 2014): it"
        " compares kinds of arithmetic, it does not predict a battery's life.",
        "",
        "| | multiply-accumulates | accumulates | membrane updates | float32, nJ | integers, nJ |",
        "|---|---|---|---|---|---|",
        f"| this network | {found['multiply_accumulates']:,.0f} | {found['accumulates']:,.0f} |"
        f" {found['membrane_updates']:,.0f} | {found['energy_float_nj']:,.0f} | {found['energy_integer_nj']:,.0f} |",
        f"| a conventional network of the same shape | {found['conventional_multiply_accumulates']:,.0f} | 0 | 0 |"
        f" {found['conventional_energy_float_nj']:,.0f} | {found['conventional_energy_integer_nj']:,.0f} |",
        "",
        f"Activation sparsity {found['activation_sparsity']:.1%}.",
        "",
    ]


def draw(bundle: Bundle, path: Path) -> None:
    """The card's picture: weights and spikes a layer, ROC, reliability; panels without numbers say so."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    metrics, network = bundle.metadata.metrics, bundle.network()
    figure, ((left, right), (low, corner)) = pyplot.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
    names = [layer.name for layer in network.layers]
    left.bar(names, [layer.weight.size for layer in network.layers], color="#27607d")
    left.set(title="Weights a layer", yscale="log")
    found = metrics.get("operations")
    if found:
        possible = [neurons * network.time_steps for neurons in found["neurons_a_layer"]]
        right.bar(names, [s / p for s, p in zip(found["spikes_a_layer"], possible, strict=True)], color="#c76a1b")
    right.set(title="Spikes a neuron and time step", ylim=(0, None))
    if metrics.get("roc"):
        wrong, recall = zip(*metrics["roc"], strict=True)
        low.plot(wrong, recall, color="#27607d")
    low.plot([0, 1], [0, 1], ":", color="grey")
    low.set(
        title="ROC, held-out random folds", xlabel="false-positive share", ylabel="recall", xlim=(0, 1), ylim=(0, 1)
    )
    if metrics.get("reliability"):
        score, share, _ = zip(*metrics["reliability"], strict=True)
        corner.plot(score, share, "o-", color="#c76a1b")
    corner.plot([0, 1], [0, 1], ":", color="grey")
    corner.set(title="Calibration, held-out random folds", xlabel="score", ylabel="share of calls", xlim=(0, 1))
    for panel, there in ((right, found), (low, metrics.get("roc")), (corner, metrics.get("reliability"))):
        if not there:
            panel.text(0.5, 0.5, "not measured", ha="center", va="center", transform=panel.transAxes)
    figure.suptitle(f"{bundle.metadata.name} {bundle.metadata.version}")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
