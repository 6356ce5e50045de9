"""The station's database: opened, brought to the form that this program knows, and used in short transactions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from edge_daemon.errors import StorageError

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION = 20_090_329
BUSY_S = 30
"""How long SQLite waits for another writer."""


class StationDatabase:
    """The database; each thread takes connections of its own from it.

    Args:
        address: as `DatabaseSection.address`.

    Raises:
        StorageError: it cannot be opened.
    """

    def __init__(self, address: str) -> None:
        self.sqlite = address.startswith("sqlite")
        try:
            if self.sqlite:
                _make_private(Path(address.removeprefix("sqlite:///")))
                self.engine = create_engine(address, connect_args={"timeout": BUSY_S})
                event.listen(self.engine, "connect", _prepare_sqlite)
                event.listen(self.engine, "begin", _begin_sqlite)
            else:
                self.engine = create_engine(address, pool_pre_ping=True)
        except (SQLAlchemyError, ImportError) as error:
            raise StorageError(f"The database cannot be opened: {error}", "Check section `database`.") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or, after an exception, nothing."""
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT: both databases have it, each under its own name."""
        return sqlite.insert(table) if self.sqlite else postgresql.insert(table)

    def one_at_a_time(self, connection: Connection, lock: int) -> None:
        """Wait until no other transaction has this lock, and have it until the end of this one.

        SQLite has one writer anyway.
        """
        if not self.sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(lock)))

    def migrate(self, target: str = "head") -> None:
        """Bring the form of the tables up (or down) to a version; of two stations at once, one waits.

        Raises:
            StorageError: the database cannot be reached, or a newer program has changed it.
        """
        try:
            with self.writing() as connection:
                self.one_at_a_time(connection, _MIGRATION)
                known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
                if (now := MigrationContext.configure(connection).get_current_revision()) not in {None, *known}:
                    hint = "Update this program, or go back with the newer one: edge-daemon shore migrate --to VERSION"
                    raise StorageError(f"The database has version {now}, which this program does not know.", hint)
                settings = AlembicConfig()
                settings.set_main_option("script_location", str(_MIGRATIONS))
                settings.attributes["connection"] = connection
                down = target == "base" or (target != "head" and now is not None and int(target) < int(now))
                (command.downgrade if down else command.upgrade)(settings, target)
        except SQLAlchemyError as error:
            raise StorageError(f"The database cannot be used: {_reason(error)}.", "Check section `database`.") from None

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _reason(error: SQLAlchemyError) -> str:
    """The database's own words, in one line, without the statement."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def _make_private(path: Path) -> None:
    """An empty file that nobody else may read, unless there is one; SQLite gives its other files the same rights."""
    with suppress(OSError):  # what is wrong with the place is told when it is opened
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # one that will write waits for its turn at its begin, not in the middle, where it could only fail
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
