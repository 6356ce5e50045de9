"""`python -m train sample`: the package's synthetic sample."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Folder.  [default: the package's assets]")
def sample(output: Path | None) -> None:
    """Make the package's synthetic sample again, with the list of its calls."""
    from train.sample import ASSETS, write_sample

    sound, text = write_sample(output or ASSETS)
    click.echo(f"{sound} ({sound.stat().st_size / 1000:.0f} kB) and {text}")
