"""`python -m train ocean`: recordings of the synthetic ocean, to judge a network by."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder; a sub-folder for each kind.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind; may be repeated.  [default: all]")
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(0.1), help="Of each kind.")
@click.option("--seed", default=1, show_default=True)
def ocean(output: Path, kinds: tuple[str, ...], minutes: float, seed: int) -> None:
    """Make recordings of sounds that are no up-call, kind by kind, 15 minutes a file."""
    from edge_daemon.errors import UsageError
    from train.ocean.kinds import OTHER_SOUNDS
    from train.ocean.recordings import write_recordings

    unknown = [kind for kind in kinds if kind not in OTHER_SOUNDS]
    if unknown:
        raise UsageError(f"There is no kind of sound called {unknown[0]!r}.", f"There are {', '.join(OTHER_SOUNDS)}.")
    for kind in kinds or OTHER_SOUNDS:
        paths = write_recordings(output / kind, kind, 60.0 * minutes, seed)
        click.echo(f"{output / kind}: {len(paths)} recordings")
