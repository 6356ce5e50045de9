"""The formats in which detections are written: each is a file `detections_NAME.py` of this folder with a `FORMAT`.

A new format is one new file; `edge-daemon replay --formats` knows it by that name. Names are told without importing
any format, so that the command line's help stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, TextIO

from edge_daemon import tables

if TYPE_CHECKING:
    from edge_daemon.detection.document import Detection

_PREFIX = "detections_"


class RunTable(Protocol):
    """A table of all recordings that grows while a run goes on."""

    def add(self, detections: Iterable[Detection], sound: Path, seconds: float, /) -> None:
        """Append the detections of one recording, in order.

        Args:
            detections: in order of time.
            sound: path of the recording.
            seconds: its length.
        """


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """A table for each recording.

    Attributes:
        ending: of the table's name, after the recording's.
        write: writes the detections of one recording, in order; the path is the recording's.
        by_default: written without being asked for.
    """

    ending: str
    write: Callable[[TextIO, Iterable[Detection], Path], None]
    by_default: bool = True


@dataclass(frozen=True, slots=True)
class RunFormat:
    """One table for a run.

    Attributes:
        file_name: the table's name.
        table: begins the table in a file that is open for text, without translation of line ends.
        by_default: written without being asked for.
    """

    file_name: str
    table: Callable[[TextIO], RunTable]
    by_default: bool = True


def format_names() -> tuple[str, ...]:
    """Names of the formats, in order of the alphabet."""
    files = sorted(module.name for module in iter_modules(tables.__path__))
    return tuple(name.removeprefix(_PREFIX) for name in files if name.startswith(_PREFIX))


def load_format(name: str) -> RecordingFormat | RunFormat:
    """The format of that name, one of `format_names`."""
    found: RecordingFormat | RunFormat = import_module(f"{tables.__name__}.{_PREFIX}{name}").FORMAT
    return found
