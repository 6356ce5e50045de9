"""A file that a key of the configuration names: opened, or refused in a sentence about the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_daemon.errors import ConfigValueError
from edge_daemon.system.regular_file import NotRegularError, open_regular


@contextmanager
def open_named(key: str, path: Path, hint: str = "") -> Iterator[BinaryIO]:
    """The file at `path`, which `key` names, open for reading inside the block.

    Raises:
        ConfigValueError: it is absent, is not a file, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            yield file
        return
    except FileNotFoundError:
        wrong = "does not exist"
    except NotRegularError:
        wrong = "is not a file"
    except (OSError, ValueError) as error:
        wrong = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise ConfigValueError(key, f"names {path}, which {wrong}", hint)
