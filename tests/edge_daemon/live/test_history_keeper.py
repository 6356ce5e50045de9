"""No detection that was ever on the disk is missing from the history, whenever the power is cut."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from edge_daemon.detection.document import Detection
from edge_daemon.history.history import BoardHistory
from edge_daemon.history.table import HistoryFilter
from edge_daemon.live.history_entries import entry_from, entry_of
from edge_daemon.live.history_keeper import HistoryKeeper
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.database import Database
from edge_daemon.storage.reserve import Reserve
from edge_daemon.testing.machine import ManualTime

EXAMPLE = Detection.model_json_schema(by_alias=True)["examples"][0]
BEGIN_NS, END_NS = 1_238_328_903_250_000_000, 1_238_328_904_750_000_000  # 2009-03-29T12:15:03.25Z and 1.5 s later


def detection(number: int) -> Detection:
    return Detection.model_validate({**EXAMPLE, "id": str(UUID(int=number))})


class Board:
    """Outbox and history of one device, over its lives."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.time = folder, ManualTime()
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.db", time=self.time, rng=random.Random(0))
        self.history = BoardHistory(
            self.folder / "history.db", time=self.time, rng=random.Random(0), keep_s=1e9, max_bytes=10**9
        )
        self.mailbox = TimedMailbox(self.outbox, self.time, lambda _seconds: None)
        self.mailbox.when_acknowledged.append(self.history.mark_delivered)
        times: SampleTime = None  # type: ignore[assignment]  # nobody asks for ages here
        clock = ProvenClock(self.folder / "clock.json", "boot", times, self.time)
        reserve = Reserve(self.folder / "reserve", self.time)
        self.keeper = HistoryKeeper(self.history, self.outbox, clock, self.time, reserve)

    def find(self, number: int) -> None:
        one = detection(number)
        document = one.to_json()
        self.history.put(entry_of(one, document, BEGIN_NS, END_NS))
        self.mailbox.put(Message(str(one.id), "t", document.encode(), "detection", 2, END_NS))

    def power_cut(self) -> None:
        """What is in memory is gone."""
        self.outbox._file._database._drop()
        self.history._database._drop()
        self.start()

    def on_disk(self) -> set[str]:
        """Detections in the history's file."""
        return {entry.id for entry in self.history.entries(HistoryFilter())} - self.history.pending()


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_what_is_sent_before_the_history_is_written_stays_in_the_outbox(board: Board) -> None:
    board.find(1)
    [sent] = board.mailbox.take(9, "newest_first", frozenset())
    board.mailbox.acknowledge(sent.id)
    assert board.outbox.commit()
    board.power_cut()
    board.keeper.tick()
    assert board.history.commit()
    [entry] = board.history.entries(HistoryFilter())
    assert (entry.id, entry.begin_utc_ns, entry.end_utc_ns) == (sent.id, BEGIN_NS, END_NS)
    assert entry == replace(entry_of(detection(1), sent.payload.decode(), BEGIN_NS, END_NS), delivered=True)
    assert not board.mailbox.take(9, "newest_first", frozenset())  # it is known that the broker has it
    assert board.outbox.commit()
    assert not board.outbox.newest("detection", 9)
    assert not board.outbox.sent()


def test_what_the_history_has_is_not_taken_over_again(board: Board) -> None:
    board.find(1)
    assert board.outbox.commit()
    assert board.history.commit()
    board.power_cut()
    board.keeper.tick()
    assert not board.history.pending()


def test_a_detection_costs_two_writes(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    assert board.outbox.commit()
    assert board.history.commit()
    writes: list[str] = []
    transact = Database.transact

    def counted(database: Database, work: Any, *, force: bool = False) -> Any:
        writes.append(database.path.name)
        return transact(database, work, force=force)

    monkeypatch.setattr(Database, "transact", counted)
    for number in range(1, 21):  # one in three seconds, over a good link
        board.find(number)
        for one in board.mailbox.take(9, "newest_first", frozenset()):
            board.mailbox.acknowledge(one.id)
        for _ in range(6):
            board.time.advance(0.5)
            board.outbox.tick()
            board.keeper.tick()
    assert 20 <= len(writes) <= 40, writes


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b'{"begin_utc": null, "end_utc": null}'])
def test_a_document_that_is_not_understood_is_no_entry(payload: bytes) -> None:
    assert entry_from(Message("a", "t", payload, "detection", 2, 0)) is None
    assert entry_from(Message("a", "t", json.dumps(EXAMPLE).encode(), "clip", 2, 0)) is None
