"""Ctrl-C and SIGTERM end a command alike: whole files only, a sentence, and the exit code that shells expect."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from edge_daemon.cli.say import say


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised in the main thread as Ctrl-C is."""


@contextmanager
def interruptible(advice: str = "") -> Iterator[None]:
    """While the block runs, SIGTERM unwinds it as Ctrl-C does; then the command ends with exit code
    128 + the signal's number, as shells have it.

    Args:
        advice: what is told after "Interrupted.".
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt as error:
        say(f"Interrupted. {advice}".rstrip(), err=True)
        raise click.exceptions.Exit(
            128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)
