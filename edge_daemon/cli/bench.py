"""`edge-daemon bench`: what this machine makes of the daemon's work."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.model_option import MODEL
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.bench import BenchReport


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take model, backend, hop and the sound card's rate and blocks from this configuration.",
)
@click.option("--model", type=MODEL, metavar="FILE", help="Use another model (file or name).")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 3600), default=8.0, show_default=True, metavar="S", help="Measuring time."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def bench(config: Path | None, model: Path | None, seconds: float, as_json: bool) -> int:
    """Measure how fast the daemon's work runs on this machine, and how much capacity is left.

    The real pipeline processes real sound for some seconds; no sound card or broker is needed. A daemon that is
    running continues, but makes the figures worse. Run for minutes (--seconds 600) to see if the board overheats.
    """
    from edge_daemon.bench import bench as measure
    from edge_daemon.config import load_by_hand, load_text
    from edge_daemon.detection.detector import DetectorSettings, open_detector
    from edge_daemon.health.board import LinuxBoard

    loaded = load_text(b"version: 1\n", {}) if config is None else load_by_hand(config)
    began = perf_counter()
    settings = DetectorSettings.from_config(loaded.config)
    with loaded.locating_errors():
        detector = open_detector(settings if model is None else replace(settings, model=model))
    load_s = perf_counter() - began
    with closing(detector):
        board = LinuxBoard(loaded.config.storage.folder)
        report = measure(loaded.config, detector, board, seconds=seconds, model_load_s=load_s)
    say(json.dumps(asdict(report), indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(report)))
    return 0


def _lines(report: BenchReport) -> list[str]:
    """A table that can be pasted into an issue: Markdown, readable as it is."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    cores = "1 core" if report.cores == 1 else f"{report.cores} cores"
    whole = report.stages[-1]
    lines = [
        f"{report.machine}, {cores}; {versions}",
        f"{report.model} on {report.backend}, windows of {report.window_s:g} s every {report.hop_s:g} s,"
        f" sound at {report.source_rate} Hz",
        "",
        "| stage, ms a window | p50 | p99 | mean without pauses |",
        "|---|---:|---:|---:|",
        *(
            f"| {times.stage} | {times.p50_ms:.2f} | {times.p99_ms:.2f} | {times.busy_mean_ms:.2f} |"
            for times in report.stages
        ),
        "",
        "| | |",
        "|---|---:|",
        f"| processor, of one core | {report.cpu_share:.2%} |",
        f"| channels that one core could carry | {report.channels_per_core:,} |",
        f"| memory, and its peak | {_megabytes(report.memory_mb)}, {report.peak_memory_mb:.0f} MB |",
        f"| start of model and backend | {report.model_load_s:.2f} s |",
    ]
    if report.energy_nj is not None:
        lines.append(f"| energy of a window's arithmetic, estimated | {report.energy_nj / 1000:.2f} µJ |")
        lines.append(f"| synaptic operations of a window, counted | {report.synaptic_operations:,.0f} |")
    if report.temperature_c is not None:
        lines.append(f"| processor's temperature at the end | {report.temperature_c:.0f} °C |")
    lines += [
        "",
        f"Measured on {report.windows} windows with a pause after each, as at sea, and {report.busy_windows} without"
        f" ({1e3 * report.hop_s / whole.busy_mean_ms:,.0f} × real time). Without sound card, broker and disk."
        " Energy: integer arithmetic in 45 nm, without memory.",
    ]
    return lines + [f"WARNING: {warning}" for warning in report.warnings]


def _megabytes(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} MB"
