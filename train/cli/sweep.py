"""`python -m train sweep`: a recipe over a grid of settings."""

from __future__ import annotations

from pathlib import Path

import click

from train.cli.device_option import with_device


@click.command()
@click.option("--grid", required=True, type=click.Path(path_type=Path), help="Grid file; see train/sweep.py.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes on this machine.")
@click.option("--dask", help="Address of a dask.distributed scheduler, in place of --jobs.")
@with_device
def sweep(grid: Path, output: Path, jobs: int, dask: str | None, device: str) -> None:
    """Run a recipe over a grid of settings and print the table. Run it again to continue after an interruption."""
    from train import sweep as sweeping
    from train.tables import write_tables

    chosen = sweeping.Grid.read(grid)
    results = sweeping.sweep(chosen, output, jobs, dask, device, report=click.echo)
    click.echo(write_tables(chosen, results, output))
