"""From found to gone: no message is lost on its way, none is sent again that is known to be sent, the history is whole.

Random sequences of writing, sending, acknowledging, failures of either file, kills and restarts come over outbox and
history together; after each step the account is made.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from edge_daemon.detection.document import Detection
from edge_daemon.errors import StorageError
from edge_daemon.history.history import BoardHistory
from edge_daemon.live.history_entries import entry_of
from edge_daemon.live.history_keeper import HistoryKeeper
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.outbox import table
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.database import Database
from edge_daemon.storage.reserve import Reserve
from edge_daemon.testing.machine import ManualTime

RUNS = 200
STEPS = 60
EXAMPLE = Detection.model_json_schema(by_alias=True)["examples"][0]


class Board:
    """Outbox and history of one device, over its lives, and what must be true of them."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng, self.time = folder, rng, ManualTime()
        self.broken: dict[str, str] = {}  # by the file's name: "dead", or "full" of which only inserts suffer
        self.silent = False  # the disk takes calls and does not return
        self.ending = False  # nobody finds or sends any more
        self.number = 0
        self.found: set[str] = set()  # and not lost in a kill, or printed at a stop
        self.acknowledged: set[str] = set()
        self.final: set[str] = set()  # may never be sent again
        self.sent_again = 0
        self.lost = 0
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.db", time=self.time, rng=random.Random(0))
        self.history = BoardHistory(
            self.folder / "history.db", time=self.time, rng=random.Random(0), keep_s=1e9, max_bytes=10**9
        )
        for name, database in (("outbox", self.outbox._file._database), ("history", self.history._database)):
            database.transact = self._failing(name, database)  # type: ignore[method-assign]
        from_disk = self.outbox._from_disk
        self.outbox._from_disk = lambda *a: (0, [], False) if self.silent else from_disk(*a)  # type: ignore[method-assign]
        self.mailbox = TimedMailbox(self.outbox, self.time, lambda _seconds: None)
        self.mailbox.when_acknowledged.append(self.history.mark_delivered)
        times: SampleTime = None  # type: ignore[assignment]  # nobody asks for ages here
        clock = ProvenClock(self.folder / "clock.json", "boot", times, self.time)
        reserve = Reserve(self.folder / "reserve", self.time)
        self.keeper = HistoryKeeper(self.history, self.outbox, clock, self.time, reserve)
        self.under_way: list[str] = []

    def _failing(self, name: str, database: Database) -> Callable[..., Any]:
        transact = database.transact

        def meets(work: Callable[[sqlite3.Connection], Any], *, force: bool = False) -> Any:
            if self.broken.get(name) == "dead" or (name == "history" and name in self.broken):
                raise StorageError("The disk fails.")
            if name == "outbox" and not (self.silent or self.ending) and self.rng.random() < 0.3:
                self.overtake()
            return transact(work, force=force)

        return meets

    def overtake(self) -> None:
        """A write takes so long that messages are found, sent and acknowledged meanwhile."""
        self.silent = True
        for _ in range(self.rng.randint(1, 3)):
            self.rng.choice([self.find, self.send, self.acknowledge])()
        self.silent = False

    # what happens

    def find(self) -> None:
        self.number += 1
        one = Detection.model_validate({**EXAMPLE, "id": str(UUID(int=self.number))})
        document = one.to_json()
        self.history.put(entry_of(one, document, 0, 10**9))
        self.mailbox.put(Message(str(one.id), "t", document.encode(), "detection", 2, 10**9))
        self.found.add(str(one.id))

    def send(self) -> None:
        taken = [one.id for one in self.mailbox.take(2, "newest_first", frozenset())]
        assert not self.final & set(taken)
        self.sent_again += len(self.acknowledged & set(taken))
        self.under_way += taken

    def acknowledge(self) -> None:
        if self.under_way:
            name = self.under_way.pop(self.rng.randrange(len(self.under_way)))
            self.mailbox.acknowledge(name)
            self.acknowledged.add(name)
            self.final.add(name)  # as long as this life lasts

    def write(self) -> None:
        if self.outbox.commit(force=True):
            unsent = self.rows("outbox", "message") - self.rows("outbox", "sent") - self.final
            unsent |= {message.id for message in self.outbox.unsaved()}
            assert self.outbox.report().depth == len(unsent)

    def write_history(self) -> None:
        self.history.commit(force=True)

    def wait(self) -> None:
        self.time.advance(self.rng.uniform(1, 20))
        self.outbox.tick()
        self.keeper.tick()

    def fail(self) -> None:
        self.broken[self.rng.choice(["outbox", "history"])] = self.rng.choice(["dead", "full"])

    def mend(self) -> None:
        self.broken.clear()

    def kill(self) -> None:
        """What is in memory is gone; of it, what was not written before."""
        self._end(self.outbox.unsaved() + self.outbox.unrecorded())

    def stop(self) -> None:
        """What is in memory is written, or printed."""
        self.ending = True
        self.keeper.close()
        done = self.outbox.close()
        self.ending = False
        left = self.outbox.unsaved() + self.outbox.unrecorded()
        assert done or "outbox" in self.broken
        assert not (done and left)
        if self.broken.get("outbox") != "dead":
            assert self.final & self.rows("outbox", "message") <= self.rows("outbox", "sent")
        if not self.broken:
            assert self.final.isdisjoint(self.rows("outbox", "message"))
        self._end(left)

    def _end(self, taken: Iterable[Message]) -> None:
        gone = {message.id for message in taken} - self.rows("outbox", "message")
        self.lost += len(gone)
        self.found -= gone
        left = self.rows("outbox", "message")
        self.final = self.acknowledged - (left - self.rows("outbox", "sent"))
        self.outbox._file._database._drop()
        self.history._database._drop()
        self.start()
        if self.rng.random() < 0.5:
            self.send()  # the broker may be quicker than the disk's thread
        self.keeper.tick()

    # the account

    def rows(self, name: str, of: str) -> set[str]:
        """Ids in a table on disk."""
        path = self.folder / f"{name}.db"
        if not path.exists():
            return set()
        with contextlib.closing(sqlite3.connect(path)) as reader, contextlib.suppress(sqlite3.OperationalError):
            return {one for (one,) in reader.execute(f"SELECT id FROM {of}")}  # noqa: S608 our words
        return set()

    def check(self) -> None:
        on_disk, history = self.rows("outbox", "message"), self.rows("history", "entry")
        marked = self.rows("outbox", "sent")
        assert marked <= on_disk & self.acknowledged
        unsent = {message.id for message in self.outbox.unsaved()}
        late = {message.id for message in self.outbox.unrecorded()}
        to_come = unsent | (on_disk - marked)  # else it has been sent
        assert self.found - self.acknowledged <= to_come
        assert self.found & self.acknowledged <= history | on_disk | late

    def finish(self) -> None:
        """All faults are over, and time passes."""
        self.mend()
        self.ending = True
        self.outbox.release()
        self.under_way.clear()
        while taken := self.mailbox.take(9, "newest_first", frozenset()):
            assert self.final.isdisjoint(one.id for one in taken)
            for one in taken:
                self.mailbox.acknowledge(one.id)
                self.acknowledged.add(one.id)
        for _ in range(4):
            self.time.advance(61)
            self.keeper.tick()
            self.outbox.tick()
        assert self.found <= self.acknowledged
        with contextlib.closing(sqlite3.connect(self.folder / "history.db")) as reader:
            delivered = {one for (one,) in reader.execute("SELECT id FROM entry WHERE delivered")}
        assert self.found <= delivered
        assert not self.rows("outbox", "message")
        assert not self.rows("outbox", "sent")


@pytest.fixture
def folder() -> Any:
    """A folder whose fsync costs nothing, if there is one."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


@pytest.mark.slow
@pytest.mark.parametrize("tenth", [0, *(pytest.param(tenth, marks=pytest.mark.long) for tenth in range(1, 10))])
def test_whatever_happens(folder: Path, tenth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[Board] = []
    insert = table.insert

    def insert_where_there_is_room(connection: sqlite3.Connection, messages: Iterable[Message]) -> None:
        added = list(messages)
        if added and boards[-1].broken.get("outbox") == "full":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        insert(connection, added)

    monkeypatch.setattr(table, "insert", insert_where_there_is_room)
    for seed in range(tenth * RUNS // 10, (tenth + 1) * RUNS // 10):
        rng = random.Random(seed)
        (folder / str(seed)).mkdir()
        boards.append(board := Board(folder / str(seed), rng))
        often = [board.find, board.find, board.send, board.acknowledge, board.acknowledge, board.write]
        steps = [*often, board.write_history, board.wait, board.fail, board.mend, board.kill, board.stop]
        came: list[str] = []
        try:
            for _ in range(STEPS):
                step = rng.choice(steps)
                came.append(step.__name__)
                step()
                board.check()
            board.finish()
        except AssertionError as error:
            raise AssertionError(f"in run {seed}, after {', '.join(came)}: {error}") from error
    assert sum(board.lost for board in boards)
    assert sum(board.sent_again for board in boards)
