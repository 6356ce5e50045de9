"""`python -m train figures`: pictures of a cross-validation."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
def figures(results: Path) -> None:
    """Draw learning curves, ROC, precision-recall and reliability of a folder of cross-validation results."""
    from train.figures import draw_all

    for path in draw_all(results):
        click.echo(str(path))
