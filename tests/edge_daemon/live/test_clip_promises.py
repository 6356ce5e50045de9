"""A clip that a detection names comes, or a document says that it does not: whatever ends the daemon."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.clips.clip import Clip, ClipRequest
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clips.retention import Retention
from edge_daemon.clips.store import ClipStore
from edge_daemon.errors import StorageError
from edge_daemon.live.clip_promises import ENDED, ClipPromises
from edge_daemon.live.clip_queue import MOST_CLIPS, ClipQueue
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.outbox.table import SCHEMA, VERSION
from edge_daemon.testing.machine import ManualTime, MemoryClipFiles

NAME = "2026-01-01/buoy-7_20260101T000000.000Z_00000001.flac"


class Card:
    """What outlives a power cut, and the parts of a daemon that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.time = folder, MemoryClipFiles(10**9), ManualTime()
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.db", time=self.time, rng=random.Random(0))
        self.promises = ClipPromises("buoy-7", "t/lost_clips", self.outbox, self.files, self.time, lambda: True)
        rules = Retention(max_bytes=10**9, max_age_s=1e9, min_free_bytes=0)
        store = ClipStore(self.files, rules, time=self.time, rng=random.Random(0))
        self.queue = ClipQueue(store, self.promises, lambda: None)

    def power_cut(self) -> None:
        """What is in memory is gone."""
        self.outbox._file._database._drop()
        self.start()

    def find(self, name: str = NAME) -> None:
        """A detection that names a clip, on the disk."""
        self.queue.promise(name, "the detection")
        utc_ns = self.time.utc_ns()
        self.outbox.put(Message("the detection", "t/detections", b"{}", "detection", 2, utc_ns, promise=name))
        assert self.outbox.commit()

    def clip(self, name: str = NAME) -> Clip:
        samples = np.zeros(200, np.float32)
        request = ClipRequest("1", 0, 200, self.time.utc_ns(), "synchronised", "buoy-7", "call", 0.9, "s", "m", None)
        return Clip(name, samples, 2000, 0, request, ())

    def told(self) -> list[tuple[str, str]]:
        """Clips that documents on the disk or on their way call lost, and why."""
        found = [m for m in self.outbox.take(1000) if m.topic == "t/lost_clips"]
        self.outbox.release()
        documents = [LostClip.model_validate_json(message.payload) for message in found]
        return [(one.clip, one.reason) for one in documents]


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def test_a_promise_is_on_the_disk_with_its_detection_and_stays_when_that_is_sent(card: Card) -> None:
    card.find()
    assert card.outbox.promises() == {NAME: "the detection"}
    card.outbox.acknowledge("the detection")
    assert card.outbox.commit()
    assert card.outbox.report().depth == 0
    assert card.outbox.promises() == {NAME: "the detection"}


def test_a_promise_and_its_detection_are_one_transaction(card: Card) -> None:
    card.find()
    path = card.folder / "outbox.db-wal"
    whole = path.read_bytes()
    found = set()
    for length in (*range(0, len(whole), 512), len(whole)):
        folder = card.folder / str(length)
        folder.mkdir()
        (folder / "outbox.db").write_bytes((card.folder / "outbox.db").read_bytes())
        (folder / "outbox.db-wal").write_bytes(whole[:length])
        cut = Outbox(folder / "outbox.db", time=card.time, rng=random.Random(0))
        found.add((len(cut.take(9)), len(cut.promises())))
        cut.close()
    assert found == {(0, 0), (1, 1)}


def test_a_clip_that_a_power_cut_took_is_called_lost_once(card: Card) -> None:
    card.find()
    card.power_cut()
    card.promises.tick()
    assert card.told() == [(NAME, ENDED)]
    assert card.promises.lost == 1
    card.time.advance(120.0)
    card.promises.tick()
    card.power_cut()
    card.promises.tick()
    assert card.told() == [(NAME, ENDED)]  # the same document, not yet sent
    assert card.promises.lost == 0


@pytest.mark.parametrize("moment", ["before its document is written", "after"])
def test_a_second_power_cut_changes_nothing(card: Card, moment: str) -> None:
    card.find()
    card.power_cut()
    if moment == "after":
        card.promises.tick()
    card.power_cut()
    card.promises.tick()
    assert card.told() == [(NAME, ENDED)]


def test_a_clip_that_is_there_is_not_called_lost(card: Card) -> None:
    card.find()
    card.queue.put(card.clip())
    card.queue.tick()
    card.power_cut()
    card.promises.tick()
    assert card.told() == []
    assert card.outbox.commit()
    assert card.outbox.promises() == {}


def fail(card: Card) -> None:
    card.files.broken = True
    card.queue.put(card.clip())
    card.queue.tick()


def crowd(card: Card) -> None:
    for number in range(MOST_CLIPS):
        card.queue.put(card.clip(f"other {number}"))
    card.queue.put(card.clip())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (fail, "Clips cannot be stored: Input/output error."),
        (crowd, "16 others waited for the disk"),
        (lambda card: card.queue.lost(NAME), "its sound was no longer there"),
    ],
)
def test_whatever_takes_a_clip_is_told(card: Card, fault: Callable[[Card], None], reason: str) -> None:
    card.find()
    fault(card)
    card.promises.tick()
    assert card.told() == [(NAME, reason)]


def test_what_is_kept_or_taken_back_is_forgotten(card: Card) -> None:
    card.find()
    card.queue.put(card.clip())
    card.queue.tick()
    card.find("other.flac")
    card.queue.lost("other.flac")
    card.promises.tick()
    assert card.outbox.commit()
    assert card.outbox.promises() == {}


def test_an_outbox_of_an_older_program_takes_promises_too(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.db")) as old:
        old.executescript(
            SCHEMA[: SCHEMA.index("CREATE TABLE IF NOT EXISTS promise")] + f"PRAGMA user_version={VERSION}"
        )
    card = Card(tmp_path)
    card.find()
    assert card.outbox.promises() == {NAME: "the detection"}


def test_a_card_that_fails_at_the_start_is_asked_again(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    card.find()
    card.power_cut()
    with monkeypatch.context() as broken:
        broken.setattr(card.outbox, "promises", fails)
        card.promises.tick()
    card.promises.tick()
    assert card.told() == [(NAME, ENDED)]


def fails() -> dict[str, str]:
    raise StorageError("The card is away.")
