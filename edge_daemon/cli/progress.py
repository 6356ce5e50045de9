"""How far the work is: a bar with the time left where a person watches, nothing where none does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge_daemon.cli.say import say
from edge_daemon.system.printable import printable


@dataclass(frozen=True, slots=True)
class Progress:
    """A bar, or its absence.

    Attributes:
        watch: tell it how much is done, in the unit of the total.
        say: print a line on standard error without spoiling the bar.
    """

    watch: Callable[[float], None]
    say: Callable[[str], None]


@contextmanager
def progress(title: str, total: float) -> Iterator[Progress]:
    """A bar on standard error while the block runs, if that is a terminal.

    Args:
        title: what is being done.
        total: how much there is to do.
    """
    if not sys.stderr.isatty() or total <= 0:
        yield Progress(lambda _done: None, lambda text: say(text, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield Progress(
            lambda done: bar.update(task, completed=min(done, total)),
            lambda text: console.print(printable(text), markup=False, highlight=False, soft_wrap=True),
        )
