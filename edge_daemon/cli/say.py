"""What a command prints, harmless for the terminal: file names and payloads may hold escape sequences."""

from __future__ import annotations

import click

from edge_daemon.system.printable import printable


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text.

    Args:
        text: of one or more lines.
        err: to standard error.
        nl: with a line end after it.
    """
    click.echo(printable(text), err=err, nl=nl)
