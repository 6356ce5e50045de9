"""`python -m train study`: the page with the study's tables, from result files."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--page",
    default="docs/study.md",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Page whose marks say what is made where.",
)
@click.option(
    "--root",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that the paths in the marks are below.",
)
def study(page: Path, root: Path) -> None:
    """Make the tables and heat maps of the study's page anew from the results that are there. Nothing is trained."""
    from train.study.page import draw_maps, render

    text = page.read_text(encoding="utf-8")
    for path in draw_maps(text, root):
        click.echo(str(path))
    page.write_text(render(text, root), encoding="utf-8")
    click.echo(str(page))
