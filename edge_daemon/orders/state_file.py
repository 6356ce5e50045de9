"""The file of the orders' state: read, changed and written under a lock, whole or not at all.

The daemon and a command by hand may both want to change it, so each change reads the file again. Its first line is the
digest of the rest: a bit that has rotted must not become another threshold, or another counter.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_daemon.errors import StorageError
from edge_daemon.orders.setup import OrderedValue, Setup
from edge_daemon.orders.trial_state import OrdersState, Outstanding, Trial
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.system.regular_file import content

VERSION = 1
MOST_BYTES = 1_000_000
LOCK = ".lock"


class StateFile:
    """The state on disk.

    Args:
        path: of the file; its folder must exist to be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> OrdersState:
        """The state; an empty one where there is no file.

        Raises:
            StorageError: it cannot be read, or is damaged.
        """
        try:
            data = content(self._path, MOST_BYTES + 1)
        except FileNotFoundError:
            return OrdersState()
        except OSError as error:
            raise StorageError(f"{self._path} cannot be read: {error.strerror or error}.") from error
        return _parsed(self._path, data)

    def change(self, event: Callable[[OrdersState], OrdersState]) -> OrdersState:
        """Apply an event to the state on disk and write what comes of it, before anything else can.

        Raises:
            StorageError: it cannot be read or written; then it is as it was.
        """
        with self._locked():
            before = self.read()
            after = event(before)
            if after != before:
                self._write(after)
            return after

    def replace(self, state: OrdersState) -> None:
        """Write a state in place of whatever is there.

        Raises:
            StorageError: it cannot be written.
        """
        with self._locked():
            self._write(state)

    def _write(self, state: OrdersState) -> None:
        body = json.dumps({"version": VERSION, **asdict(state)}, sort_keys=True, indent=1)
        if len(body) > MOST_BYTES - 100:  # what is not read again must not be written
            raise StorageError(f"{self._path} would be longer than {MOST_BYTES} bytes.")
        with whole_file(self._path) as file:
            self._give(file.fileno())
            file.write(f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}")

    def _give(self, descriptor: int) -> None:
        """What root writes by hand belongs to whom the folder belongs: the daemon must read and write it, too."""
        if os.geteuid() == 0:
            folder = self._path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(f"{self._path}{LOCK}", flags, 0o666)
            self._give(descriptor)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _parsed(path: Path, data: bytes) -> OrdersState:
    digest, _, body = data.partition(b"\n")
    try:
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise ValueError("digest")
        found = json.loads(body)
        if found["version"] != VERSION:
            raise ValueError("version")
        return OrdersState(
            counters={str(key): int(counter) for key, counter in found["counters"].items()},
            confirmed=setup_from(found["confirmed"]),
            former=None if found["former"] is None else setup_from(found["former"]),
            trial=None
            if found["trial"] is None
            else Trial(**{**found["trial"], "setup": setup_from(found["trial"]["setup"])}),
            untold=tuple(Outstanding(**one) for one in found["untold"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(
            f"{path} is damaged, or of another version of edge-daemon.", "edge-daemon orders clear begins it anew."
        ) from error


def setup_from(found: dict[str, Any]) -> Setup:
    """A setup from plain data, as `asdict` makes it; raises ValueError, TypeError or KeyError for other data."""
    values = {str(key): OrderedValue(**value) for key, value in found["values"].items()}
    return Setup(values, found["model"], found["model_counter"])
