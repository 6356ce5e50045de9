"""A clip that a detection names comes, or a document says that it does not: whatever ends the daemon."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.clips.clip import Clip, ClipRequest
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clips.retention import Retention
from edge_daemon.clips.store import ClipStore
from edge_daemon.live.clip_promises import ENDED, MOST, ClipPromises
from edge_daemon.live.clip_queue import MOST_CLIPS, ClipQueue
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.testing.machine import ManualTime, MemoryClipFiles

NAME = "2026-01-01/buoy-7_20260101T000000.000Z_00000001.flac"


class Card:
    """What outlives a power cut, and the parts of a daemon that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.time = folder, MemoryClipFiles(10**9), ManualTime()
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.db", time=self.time, rng=random.Random(0))
        self.promises = ClipPromises(
            self.folder / "promises.json", "buoy-7", "t/lost_clips", self.outbox, self.files, self.time, lambda: True
        )
        rules = Retention(max_bytes=10**9, max_age_s=1e9, min_free_bytes=0)
        store = ClipStore(self.files, rules, time=self.time, rng=random.Random(0))
        self.queue = ClipQueue(store, self.promises, lambda: None)

    def power_cut(self) -> None:
        """What is in memory is gone."""
        self.outbox._database._drop()
        self.start()

    def find(self, name: str = NAME) -> None:
        """A detection that names a clip, on the disk."""
        self.queue.promise(name, name[-13:-5])
        self.outbox.put(Message(name, "t/detections", name.encode(), "detection", 2, self.time.utc_ns()))
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


def test_a_promise_is_on_the_disk_before_its_detection(card: Card) -> None:
    seen: list[object] = []
    card.outbox.before_commit.append(lambda: seen.append(json.loads((card.folder / "promises.json").read_bytes())))
    card.find()
    assert seen == [{NAME: "00000001"}]


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
    card.find("2026-01-01/other_00000002.flac")
    assert json.loads((card.folder / "promises.json").read_bytes()) == {"2026-01-01/other_00000002.flac": "00000002"}


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


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff"])
def test_a_damaged_record_promises_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "promises.json").write_bytes(content)
    card = Card(tmp_path)
    card.promises.tick()
    assert card.told() == []


def test_the_record_has_a_bound(card: Card) -> None:
    for number in range(MOST + 5):
        card.queue.promise(f"{number:08d}.flac", "x")
    card.find()
    assert len(json.loads((card.folder / "promises.json").read_bytes())) == MOST
