"""What is wrong in a configuration file, and where: one clear sentence with key, line and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_daemon.errors import ConfigError, sentence


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: keys and indices from the root to the value; () for the file as a whole.
        place: where it stands.
        sentence: what is wrong, to be read after the key's path ("is above 65535").
        hint: what to do about it, or empty.
    """

    path: tuple[str | int, ...]
    place: Place
    sentence: str
    hint: str = ""

    @property
    def key(self) -> str:
        """The path as a person writes it: `mqtt.tls.ca_file`, `schedule.daily[0]`."""
        return key_text(self.path)

    def text(self, file: str) -> str:
        """The whole line: `FILE:LINE:COLUMN: KEY SENTENCE. HINT`."""
        whole = sentence(self.key or "the file", self.sentence)
        return f"{file}:{self.place.line}:{self.place.column}: {whole} {self.hint}".rstrip()


class ProblemsFound(Exception):  # noqa: N818 - carries findings to the loader, which makes an error of them
    """Problems on their way to the loader, which knows the file's name."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.text("-") for problem in problems))
        self.problems = tuple(problems)


class ConfigFileError(ConfigError):
    """A configuration file with problems; the message has one line for each.

    Args:
        file: the file's name.
        problems: at least one.
    """

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.text(file) for problem in problems))
        self.file = file
        self.problems = tuple(problems)


def key_text(path: Sequence[str | int]) -> str:
    """Path as a person writes it; control characters are shown as escapes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if part.isprintable() else repr(part)[1:-1]
            text += f".{shown[:80]}" if text else shown[:80]
    return text
