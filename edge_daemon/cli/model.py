"""`edge-daemon model`: look into model files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_daemon.cli.model_option import MODEL
from edge_daemon.cli.model_raster import raster
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.model.model_file import ModelFile


@click.group()
def model() -> None:
    """Inspect model files."""


model.add_command(raster)


@model.command(short_help="Print what a model file contains.")
@click.argument("file", required=False, type=MODEL)
@click.option("--json", "as_json", is_flag=True, help="Print the metadata and all figures as JSON.")
def info(file: Path | None, as_json: bool) -> None:
    """Print what a model file contains: FILE, or the name of a model in the package (default: right_whale)."""
    from edge_daemon.model.model_file import ModelFile, default_model_path

    model_file = ModelFile.read(file or default_model_path())
    if as_json:
        found = {"path": str(model_file.path), "bytes": len(model_file.data), "digest": model_file.digest}
        document = {**found, "metadata": json.loads(model_file.metadata.model_dump_json())}
        say(json.dumps(document, indent=2, ensure_ascii=False))
        return
    width = 16
    for name, text in describe(model_file):
        first, *rest = text.splitlines() or [""]
        say(f"{name:<{width}}{first}")
        for line in rest:
            say(" " * width + line)


def describe(model_file: ModelFile) -> list[tuple[str, str]]:
    """The metadata as (name, text) lines for a person; empty entries are left out."""
    metadata = model_file.metadata
    frontend, network, point = metadata.frontend, metadata.network, metadata.operating_point
    layers = model_file.network().layers
    weights = sum(layer.weight.size for layer in layers)
    bands, frames = frontend.shape
    settings = frontend.model_dump(exclude={"kind", "sample_rate", "window"})
    lines = [
        ("model", f"{metadata.name}, version {metadata.version}"),
        ("", metadata.summary),
        ("file", f"{model_file.path}, {len(model_file.data) / 1000:.0f} kB"),
        ("digest", model_file.digest),
        ("detects", f"{metadata.label} (labels: {', '.join(metadata.labels)})"),
        (
            "hears",
            f"windows of {frontend.window_seconds:g} s at {frontend.sample_rate} Hz\n"
            f"{frontend.kind}, {bands} bands × {frames} frames" + (f" ({_listed(settings)})" if settings else ""),
        ),
        (
            "network",
            f"{len(layers)} layers, {weights:,} weights, {network.time_steps} time steps, stem {network.stem}\n"
            + "\n".join(f"{layer.name}: {layer.kind} {'×'.join(map(str, layer.weight.shape))}" for layer in layers),
        ),
        (
            "threshold",
            f"{point.threshold:g}, down to {point.threshold_low:g} inside an event, at least {point.min_windows}"
            f" window{'s' if point.min_windows > 1 else ''}"
            + (f", the call rises by at least {point.min_rise_hz:g} Hz" if point.min_rise_hz else "")
            + (f", calls of the last {point.context_s:g} s make others likelier" if point.context_s else "")
            + (f"\n{point.note}" if point.note else ""),
        ),
        ("measured", _measured(metadata.metrics)),
        ("weaknesses", "\n".join(metadata.weaknesses)),
        ("trained on", metadata.provenance.data),
        ("credit", metadata.provenance.credit),
        ("licence", metadata.provenance.licence),
        ("made by", metadata.provenance.command),
        ("made on", metadata.provenance.created),
    ]
    return [(name, text) for name, text in lines if text]


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _measured(metrics: dict[str, Any]) -> str:
    """Figures and words, one a line; what is nested, such as all settings of the training, is for `--json`."""
    lines = []
    for name, value in metrics.items():
        if isinstance(value, float):
            lines.append(f"{name}: {value:.4g}")
        elif not isinstance(value, dict | list):
            lines.append(f"{name}: {value}")
    if len(lines) < len(metrics):
        lines.append("more with --json")
    return "\n".join(lines)
