"""Nothing put is lost, nothing acknowledged comes back, nothing dropped goes uncounted."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_daemon.errors import StorageError
from edge_daemon.outbox import table as outbox_table
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage import damaged_file
from edge_daemon.testing.machine import ManualTime

DAY = 86_400


def message(name: str, *, priority: int = 5, kind: str = "detection", created: int = 0, dated: bool = True) -> Message:
    return Message(name, f"t/{kind}", f"payload of {name}".encode(), kind, priority, created, dated)


def make(path: Path, time: ManualTime | None = None, **limits: float) -> Outbox:
    return Outbox(
        path,
        time=time or ManualTime(),
        rng=random.Random(0),
        limits=OutboxLimits(**limits),  # type: ignore[arg-type]
    )


def ids(messages: list[Message]) -> list[str]:
    return [m.id for m in messages]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    outbox = make(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


def test_a_message_stays_until_it_is_acknowledged(box: Outbox) -> None:
    box.put(message("a"))
    [taken] = box.take(10)
    assert taken == message("a")
    assert box.take(10) == []  # under way
    box.release()
    assert ids(box.take(10)) == ["a"]
    box.acknowledge("a")
    box.release()
    assert box.take(10) == []
    assert box.report().depth == 0


def test_the_same_id_twice_is_one_message(box: Outbox) -> None:
    box.put(message("a"))
    box.put(message("a"))
    assert box.commit()
    box.put(message("a"))
    assert ids(box.take(10)) == ["a"]
    assert box.take(10) == []
    assert box.commit()
    assert box.report().depth == 1


def test_after_a_restart_all_unacknowledged_are_offered_again(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    for name in "abc":
        outbox.put(message(name, created=7))
    outbox.take(2)
    outbox.acknowledge("c")
    assert outbox.close()
    again = make(tmp_path / "o.db").take(10, "oldest_first")
    assert again == [message("a", created=7), message("b", created=7)]


def test_priority_first_then_the_order_asked_for(box: Outbox) -> None:
    for name, priority in [("a1", 1), ("b5", 5), ("c5", 5), ("d1", 1), ("e9", 9)]:
        box.put(message(name, priority=priority))
    assert ids(box.take(10, "newest_first")) == ["e9", "c5", "b5", "d1", "a1"]
    box.release()
    assert ids(box.take(10, "oldest_first")) == ["e9", "b5", "c5", "a1", "d1"]
    box.release(["c5", "a1"])
    assert ids(box.take(1, "newest_first")) == ["c5"]


@pytest.mark.parametrize("committed", [True, False])
def test_priorities_that_rest_are_passed_over(tmp_path: Path, committed: bool) -> None:
    folder = tmp_path / "o" if committed else tmp_path / "in the way" / "o"
    if not committed:  # the disk fails: they are offered from memory
        (tmp_path / "in the way").write_text("")
    outbox = make(folder)
    for name, priority in [("a1", 1), ("b5", 5), ("c5", 5), ("e9", 9)]:
        outbox.put(message(name, priority=priority))
    assert ids(outbox.take(10, "oldest_first", {5})) == ["e9", "a1"]
    outbox.release()
    assert ids(outbox.take(2, "oldest_first", {9, 1})) == ["b5", "c5"]
    assert outbox.take(10, "oldest_first", {9, 1}) == []


def test_order_of_arrival_stands_whatever_the_clock_said(box: Outbox) -> None:
    box.put(message("first", created=10**18))
    box.put(message("second", created=0))
    assert ids(box.take(10, "oldest_first")) == ["first", "second"]


def test_commits_when_enough_wait_or_the_oldest_has_waited(tmp_path: Path) -> None:
    time = ManualTime()
    outbox = make(tmp_path / "o.db", time, commit_rows=3, commit_within_s=2, forget_within_s=5)
    outbox.put(message("a"))
    time.advance(1.9)
    outbox.put(message("b"))
    assert outbox.tick()
    assert outbox.report().held == 2  # 1.9 s: not due
    time.advance(0.1)
    assert outbox.tick()
    assert outbox.report().held == 0
    for name in "cde":
        outbox.put(message(name))
    assert outbox.tick()
    assert outbox.report().held == 0  # three of three
    outbox.take(5)
    outbox.acknowledge("a")
    assert outbox.tick()
    time.advance(4.9)
    assert outbox.tick()
    assert rows(tmp_path / "o.db") == 5  # acknowledgements wait longer
    time.advance(0.1)
    assert outbox.tick()
    assert rows(tmp_path / "o.db") == 4
    outbox.acknowledge("b")
    outbox.put(message("f"))
    time.advance(2)
    assert outbox.tick()
    assert rows(tmp_path / "o.db") == 4  # one less, one more, at once


def test_what_others_have_not_written_down_is_not_deleted(tmp_path: Path) -> None:
    time = ManualTime()
    outbox = make(tmp_path / "o.db", time)
    waits = {"a"}
    outbox.not_yet = lambda: waits
    for name in "ab":
        outbox.put(message(name))
    for taken in outbox.take(9):
        outbox.acknowledge(taken.id)
    for _ in range(3):
        time.advance(20)
        assert outbox.tick()
        assert rows(tmp_path / "o.db") == 1
        assert outbox.report().depth == 0
        assert outbox.take(9) == []
    waits.clear()
    time.advance(20)
    assert outbox.tick()
    assert rows(tmp_path / "o.db") == 0


def test_what_is_marked_as_sent_waits_for_others_alone(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    outbox.not_yet = lambda: {"a", "b"}
    for name in "abc":
        outbox.put(message(name))
    assert outbox.commit()
    for taken in outbox.take(2, "oldest_first"):
        outbox.acknowledge(taken.id)
    assert outbox.close()
    outbox = make(tmp_path / "o.db", max_rows=2)
    outbox.not_yet = lambda: waits
    waits = {"a", "b"}
    assert outbox.tick()
    assert outbox.report().depth == 1
    assert ids(outbox.take(9)) == ["c"]
    assert sorted(outbox.sent()) == ["a", "b"]
    assert ids(outbox.newest("detection", 9)) == ["c", "b", "a"]  # for the others
    outbox.expire(10**18)
    outbox.put(message("d"))
    assert outbox.commit()
    assert outbox.report().dropped == {}  # neither their age nor their number counts
    outbox.forget(["a", "b"])
    waits = {"b"}
    assert outbox.commit()
    assert outbox.report().depth == 2
    assert outbox.sent() == ["b"]
    assert outbox.close()


def test_what_was_sent_from_memory_is_written_for_the_others(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way of the folder")
    time = ManualTime()
    outbox = make(tmp_path / "state" / "o.db", time, hold_rows=3)
    outbox.not_yet = lambda: waits
    waits = {"a", "c", "d", "e"}
    for name in "abcde":
        outbox.put(message(name))
        outbox.acknowledge(outbox.take(1)[0].id)
    assert ids(outbox.unrecorded()) == ["c", "d", "e"]  # the others were too many
    outbox.put(message("unsent"))
    (tmp_path / "state").unlink()
    waits = {"c", "e"}
    time.advance(61)
    assert outbox.tick()
    assert not outbox.unrecorded()
    assert sorted(outbox.sent()) == ["c", "e"]
    assert ids(outbox.take(9)) == ["unsent"]
    outbox._file._database._drop()  # a kill
    outbox = make(tmp_path / "state" / "o.db")
    assert ids(outbox.take(9)) == ["unsent"]
    assert set(ids(outbox.newest("detection", 9))) == {"unsent", "e", "c"}


def test_a_mark_that_an_older_program_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    outbox.put(message("a"))
    assert outbox.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "o.db")) as connection, connection:
        connection.execute("INSERT INTO sent VALUES ('b')")
    outbox = make(tmp_path / "o.db")
    assert outbox.tick()
    assert outbox.report().depth == 1
    assert outbox.sent() == []


def rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])


def test_beyond_max_rows_the_oldest_of_the_lowest_priority_go(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db", max_rows=3)
    for name, priority, kind in [("d1", 5, "detection"), ("c1", 1, "clip"), ("d2", 5, "detection"), ("c2", 1, "clip")]:
        outbox.put(message(name, priority=priority, kind=kind))
    assert outbox.commit()
    assert outbox.report().dropped == {"clip/rows": 1}
    for name in ["d3", "d4"]:
        outbox.put(message(name))
    assert outbox.close()
    outbox = make(tmp_path / "o.db", max_rows=3)
    assert ids(outbox.take(10, "oldest_first")) == ["d2", "d3", "d4"]
    assert outbox.report().dropped == {"clip/rows": 2, "detection/rows": 1}  # counted across restarts


def test_what_is_under_way_is_not_dropped(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db", max_rows=2)
    outbox.put(message("a"))
    outbox.take(1)
    for name in "bc":
        outbox.put(message(name))
    assert outbox.commit()
    outbox.release()
    assert ids(outbox.take(10, "oldest_first")) == ["a", "c"]


def test_expiry_spares_the_undated_the_young_and_those_under_way(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db", max_age_s=10 * DAY)
    now = 1000 * DAY * 10**9
    old, young = now - 10 * DAY * 10**9 - 1, now - 10 * DAY * 10**9
    outbox.put(message("flying", created=old))
    outbox.take(1)
    for name, created, dated in [("old", old, True), ("undated", 0, False), ("young", young, True)]:
        outbox.put(message(name, created=created, dated=dated))
    assert outbox.commit()
    outbox.put(message("held", created=old))
    outbox.expire(now)
    outbox.release()
    assert ids(outbox.take(10, "oldest_first")) == ["flying", "undated", "young"]
    assert outbox.report().dropped == {"detection/age": 2}


def test_memory_is_bounded_while_the_disk_fails_and_all_is_written_when_it_heals(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    time = ManualTime()
    outbox = make(tmp_path / "state" / "o.db", time, hold_rows=3)
    for name, priority in [("low", 1), ("a", 5), ("b", 5), ("c", 5)]:
        outbox.put(message(name, priority=priority))
    assert not outbox.commit()
    report = outbox.report()
    assert (report.depth, report.held, report.available) == (3, 3, False)
    assert report.dropped == {"detection/memory": 1}
    assert ids(outbox.take(1)) == ["c"]  # published from memory all the same
    outbox.acknowledge("c")
    (tmp_path / "state").unlink()
    time.advance(61)
    assert outbox.tick()
    report = outbox.report()
    assert (report.depth, report.held, report.available) == (2, 0, True)
    assert outbox.close()
    outbox = make(tmp_path / "state" / "o.db")
    assert ids(outbox.take(10, "oldest_first")) == ["a", "b"]
    assert outbox.report().dropped == {"detection/memory": 1}


def test_rotten_bytes_are_not_published_but_counted(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    outbox.put(message("a"))
    outbox.put(message("b"))
    assert outbox.close()
    content = (tmp_path / "o.db").read_bytes()
    assert content.count(b"payload of a") == 1
    (tmp_path / "o.db").write_bytes(content.replace(b"payload of a", b"payload 0f a"))
    outbox = make(tmp_path / "o.db")
    assert ids(outbox.take(10)) == ["b"]
    assert outbox.commit()
    assert outbox.report().dropped == {"detection/damaged": 1}
    assert rows(tmp_path / "o.db") == 1


@pytest.mark.parametrize(
    "rot", ["payload = CAST(payload AS TEXT)", "payload = 10000000000000", "kind = x'ff', crc = 0"]
)
def test_a_payload_of_another_type_holds_up_nobody(tmp_path: Path, rot: str) -> None:
    # one bit of a row's header is what tells bytes from text
    outbox = make(tmp_path / "o.db")
    for name in "abc":
        outbox.put(message(name))
    assert outbox.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "o.db")) as connection, connection:
        connection.execute(f"UPDATE message SET {rot} WHERE id = 'b'")  # noqa: S608 our words
    outbox = make(tmp_path / "o.db")
    assert ids(outbox.take(10, "oldest_first")) == ["a", "c"]
    assert outbox.commit()
    kind = "unknown" if rot.startswith("kind") else "detection"
    assert outbox.report().dropped == {f"{kind}/damaged": 1}
    assert rows(tmp_path / "o.db") == 2
    outbox.close()


def test_what_was_never_written_need_not_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    outbox = make(tmp_path / "in the way" / "o.db")
    for n in range(1000):  # months without a disk: each is sent from memory and gone
        outbox.put(message(str(n)))
        assert ids(outbox.take(1)) == [str(n)]
        outbox.acknowledge(str(n))
    assert outbox.report().depth == outbox.report().held == 0
    assert not outbox._waiting.acknowledged
    assert outbox.commit() is False


def test_a_message_put_again_while_its_disk_is_away_is_deleted_when_it_is_back(tmp_path: Path) -> None:
    time = ManualTime()
    outbox = make(tmp_path / "state" / "o.db", time)
    outbox.put(message("a"))
    assert outbox.commit()
    outbox._file._database.close()
    (tmp_path / "state").rename(tmp_path / "away")
    (tmp_path / "state").write_text("a file in the way of the folder")
    outbox.put(message("a"))
    assert ids(outbox.take(1)) == ["a"]
    outbox.acknowledge("a")
    (tmp_path / "state").unlink()
    (tmp_path / "away").rename(tmp_path / "state")
    time.advance(100)
    assert outbox.take(1) == []
    assert outbox.commit()
    assert outbox.report().depth == rows(tmp_path / "state" / "o.db") == 0
    outbox.close()


def test_what_is_remembered_of_messages_sent_without_a_disk_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    outbox = make(tmp_path / "in the way" / "o.db", hold_rows=10)
    for n in range(100):
        outbox.put(message(str(n)))
        assert ids(outbox.take(1)) == [str(n)]
        outbox.acknowledge(str(n))
    assert list(outbox._waiting.sent_from_memory) == [str(n) for n in range(90, 100)]


def test_rows_that_cannot_be_deleted_are_not_read_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make(tmp_path / "o.db")
    for n in range(500):
        outbox.put(message(str(n)))
        outbox.tick()
    assert outbox.commit()

    def full(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(outbox._file._database, "transact", full)
    read: list[str] = []
    monkeypatch.setattr(outbox_table, "_read", lambda *row: read.append(row[0]) or (message(row[0]), True))
    for n in range(490):
        outbox.acknowledge(str(n))
    assert ids(outbox.take(5, "oldest_first")) == ["490", "491", "492", "493", "494"]
    assert read == ["490", "491", "492", "493", "494"]


def test_a_damaged_file_costs_what_cannot_be_read_and_nothing_else(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    for n in range(500):
        outbox.put(message(f"m{n:03d}"))
    assert outbox.close()
    with (tmp_path / "o.db").open("r+b") as file:
        file.seek((tmp_path / "o.db").stat().st_size // 8192 * 4096)
        file.write(b"\xee" * 4096)
    outbox = make(tmp_path / "o.db")
    outbox.put(message("new"))
    taken = ids(outbox.take(1000))
    assert "new" in taken
    assert len(taken) > 400
    assert len(outbox.set_aside) == 1
    assert outbox.set_aside[0].exists()
    assert outbox._file._database.report().salvaged == len(taken) - 1


@pytest.mark.parametrize("step", range(6))
def test_a_power_cut_while_a_damaged_file_is_set_aside_costs_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    class PowerCut(BaseException):
        pass

    outbox = make(tmp_path / "o.db")
    for n in range(500):
        outbox.put(Message(str(n), "t", b"x" * 1000, "detection", 5, 0))
    assert outbox.close()
    content = bytearray((tmp_path / "o.db").read_bytes())
    content[4096 * 60 : 4096 * 61] = b"\xff" * 4096
    (tmp_path / "o.db").write_bytes(content)
    steps = 0

    def cut(call: Callable[..., Any]) -> Callable[..., Any]:
        def until_then(*args: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > step:
                raise PowerCut
            return call(*args)

        return until_then

    with monkeypatch.context() as patch:
        patch.setattr(damaged_file, "salvage", cut(damaged_file.salvage))
        patch.setattr(Path, "rename", cut(Path.rename))
        with contextlib.suppress(PowerCut):
            make(tmp_path / "o.db").take(1000)
    outbox = make(tmp_path / "o.db")
    assert len(outbox.take(1000)) >= 480
    assert len(list(tmp_path.glob("o.db.damaged-*Z"))) == 1
    assert not list(tmp_path.glob("*.fresh*"))
    outbox.close()


def test_rows_lost_to_damage_while_running_are_counted(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    for n in range(10):
        outbox.put(message(f"m{n}"))
    assert outbox.commit()
    outbox._file._database.close()
    (tmp_path / "o.db").write_bytes(b"\xee" * 40_000)
    outbox.put(message("new"))
    assert outbox.commit()
    assert outbox.report().depth == 1
    assert outbox.report().dropped == {"unknown/damaged": 10}


def test_refuses_impossible_bounds() -> None:
    with pytest.raises(ValueError, match="bounds"):
        OutboxLimits(max_rows=0)


# --- threads --------------------------------------------------------------------------------------------------


def test_a_stalling_card_holds_up_neither_put_nor_acknowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = make(tmp_path / "o.db")
    writing, go_on = threading.Event(), threading.Event()
    transact = outbox._file._database.transact

    def stall(*arguments: object, **options: object) -> object:
        writing.set()
        assert go_on.wait(30)
        return transact(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox._file._database, "transact", stall)
    outbox.put(message("a"))
    writer = threading.Thread(target=outbox.commit)
    writer.start()
    assert writing.wait(30)
    outbox.put(message("b"))  # would wait for ever if it needed the disk
    outbox.acknowledge("a")
    assert outbox.report().held == 1
    go_on.set()
    writer.join()
    assert ids(outbox.take(10)) == ["b"]  # acknowledged while it was being written: gone
    assert outbox.close()


def test_threads_that_put_take_and_acknowledge_lose_and_repeat_nothing(tmp_path: Path) -> None:
    outbox = make(tmp_path / "o.db")
    names = {f"{thread}-{n}" for thread in range(3) for n in range(100)}
    delivered: list[str] = []
    finished = threading.Event()

    def produce(thread: int) -> None:
        for n in range(100):
            outbox.put(message(f"{thread}-{n}"))

    def deliver() -> None:
        while not finished.is_set() or outbox.report().depth:
            for taken in outbox.take(7):
                delivered.append(taken.id)
                outbox.acknowledge(taken.id)

    producers = [threading.Thread(target=produce, args=(k,)) for k in range(3)]
    consumers = [threading.Thread(target=deliver) for _ in range(2)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join()
    finished.set()
    for thread in consumers:
        thread.join()
    assert sorted(delivered) == sorted(names)
    assert outbox.close()
    assert rows(tmp_path / "o.db") == 0


def test_what_another_thread_sent_between_reading_and_taking_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make(tmp_path / "o.db")
    for n in range(4):
        outbox.put(message(f"m{n}"))
    read = outbox._from_disk
    by_the_other: list[str] = []

    def read_and_be_overtaken(*arguments: object) -> object:
        found = read(*arguments)  # type: ignore[arg-type]  # passed on as they are
        if not by_the_other:
            monkeypatch.setattr(outbox, "_from_disk", read)
            for taken in outbox.take(2):
                by_the_other.append(taken.id)
                outbox.acknowledge(taken.id)
            assert outbox.commit()
        return found

    monkeypatch.setattr(outbox, "_from_disk", read_and_be_overtaken)
    mine = [taken.id for taken in outbox.take(4)]
    assert len(by_the_other) == 2
    assert sorted(mine + by_the_other) == ["m0", "m1", "m2", "m3"]


def test_what_comes_while_others_are_taken_is_not_sent_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make(tmp_path / "o.db")
    outbox.put(message("a"))
    read = outbox._from_disk

    def read_and_put(*arguments: object) -> object:
        found = read(*arguments)  # type: ignore[arg-type]  # passed on as they are
        outbox.put(message("b"))
        return found

    monkeypatch.setattr(outbox, "_from_disk", read_and_put)
    assert ids(outbox.take(9)) == ["a"]
    assert ids(outbox.unsaved()) == ["b"]
    monkeypatch.setattr(outbox, "_from_disk", read)
    assert ids(outbox.take(9)) == ["b"]


# --- power cuts -----------------------------------------------------------------------------------------------


def after_power_cut(folder: Path, source: Path, wal_bytes: int) -> Outbox:
    """The outbox as a new process finds it: main file and write-ahead log, this cut short, no shared memory."""
    folder.mkdir()
    shutil.copy(source, folder / "o.db")
    (folder / "o.db-wal").write_bytes(source.with_name("o.db-wal").read_bytes()[:wal_bytes])
    return make(folder / "o.db", max_rows=10**6)


@settings(max_examples=25, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_what_was_reported_durable_survives_a_cut_at_any_byte(rng: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outbox = make(folder / "o.db")
        assert outbox.commit()
        log = folder / "o.db-wal"
        written: set[str] = set()
        acknowledged: set[str] = set()
        durable: list[tuple[int, set[str], set[str]]] = []  # size of the log, what must be there, what must be gone
        for n in range(rng.randrange(1, 40)):
            outbox.put(message(f"m{n}"))
            written.add(f"m{n}")
            if rng.random() < 0.2:
                victim = rng.choice(sorted(written))
                acknowledged.add(victim)
                outbox.acknowledge(victim)
            if rng.random() < 0.3:
                assert outbox.commit()
                durable.append((log.stat().st_size, written - acknowledged, set(acknowledged)))
        cut = rng.randint(0, log.stat().st_size)
        found = set(ids(after_power_cut(folder / "cut", folder / "o.db", cut).take(10_000)))
        assert found <= written
        for size, present, gone in durable:
            if size <= cut:
                assert present - acknowledged <= found
                assert not gone & found
        outbox.close()


CHILD = """
import random, sys
from pathlib import Path
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.clock.time_source import SystemTime

outbox = Outbox(Path(sys.argv[1]), time=SystemTime(), rng=random.Random(0), limits=OutboxLimits(commit_rows=5))
generation, n = sys.argv[2], 0
while True:
    name = f"{generation}-{n}"
    n += 1
    outbox.put(Message(name, "t", b"x" * 300, "detection", 5, 0))
    if outbox.report().held >= 5:
        outbox.tick()
        print("durable", name, flush=True)
    if n % 7 == 0:
        for taken in outbox.take(3, "oldest_first"):
            print("published", taken.id, flush=True)
            print("acknowledging", taken.id, flush=True)
            outbox.acknowledge(taken.id)
"""


@pytest.mark.slow
def test_kill_9_again_and_again_loses_nothing_durable_and_nothing_published(tmp_path: Path) -> None:
    rng = random.Random(1)
    path = tmp_path / "o.db"
    must_have: set[str] = set()
    acknowledged: set[str] = set()
    for generation in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), str(generation)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(rng.randrange(1, 120))]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        for line in lines:
            if not line.endswith("\n") or not line.strip():
                continue
            word, name = line.split()
            if word == "durable":
                prefix, last = name.split("-")
                must_have |= {f"{prefix}-{n}" for n in range(int(last) + 1)}
            elif word == "published":
                must_have.add(name)
            elif word == "acknowledging":
                acknowledged.add(name)
        outbox = make(path)
        found = set(ids(outbox.take(100_000)))
        assert must_have - acknowledged <= found
        assert outbox.close()
    assert len(must_have) > 100
    assert len(acknowledged) > 10


# --- disks that fill up or turn read-only ---------------------------------------------------------------------


def test_a_full_disk_is_a_state_and_nothing_is_lost(small_disk: Path, fill_disk: Callable[[Path], None]) -> None:
    time = ManualTime()
    outbox = make(small_disk / "o.db", time, hold_rows=100)
    outbox.put(message("before"))
    assert outbox.commit()
    filler = small_disk / "filler"
    fill_disk(filler)
    names = [f"m{n}" for n in range(60)]
    for name in names:
        outbox.put(Message(name, "t", b"y" * 2000, "detection", 5, 0))
        outbox.tick()
    assert not outbox.report().available
    assert outbox.report().held == 60
    assert ids(outbox.take(100, "oldest_first")) == ["before", *names]  # what is on the disk can still be read
    outbox.acknowledge("before")
    outbox.acknowledge("m0")
    outbox.release()
    assert ids(outbox.take(1, "oldest_first")) == ["m1"]
    filler.unlink()
    time.advance(61)
    assert outbox.tick()
    assert outbox.close()
    outbox = make(small_disk / "o.db")
    assert ids(outbox.take(100, "oldest_first")) == names[1:]
    assert outbox.report().dropped == {}
    outbox.close()


def test_what_is_acknowledged_leaves_a_disk_that_stays_full(
    small_disk: Path, fill_disk: Callable[[Path], None]
) -> None:
    """A young file, too, has pages of its own: what was delivered is not sent again after the restart."""
    time = ManualTime()
    outbox = make(small_disk / "o.db", time)
    for name in "abc":
        outbox.put(Message(name, "t", b"x" * 900, "detection", 5, 0))
    assert outbox.commit()
    fill_disk(small_disk / "filler")
    for taken in outbox.take(2, "oldest_first"):
        outbox.acknowledge(taken.id)
    assert not outbox.commit()  # the log cannot grow
    assert outbox.close()
    outbox = make(small_disk / "o.db", time)
    assert ids(outbox.take(10)) == ["c"]
    outbox.put(message("during"))
    assert outbox.commit()
    assert outbox.close()


def test_what_is_acknowledged_is_marked_on_a_disk_that_stays_full(
    small_disk: Path, fill_disk: Callable[[Path], None]
) -> None:
    """Not even what is found meanwhile, and has no place, keeps it from that."""
    outbox = make(small_disk / "o.db")
    names = [f"m{n}" for n in range(40)]
    outbox.not_yet = lambda: set(names)
    for name in names:
        outbox.put(Message(name, "t", b"x" * 900, "detection", 5, 0))
    assert outbox.commit()
    outbox._file._database.read(lambda connection: connection.execute("PRAGMA wal_checkpoint").fetchall())  # not young
    fill_disk(small_disk / "filler")
    for n in range(100):
        outbox.put(Message(f"late{n}", "t", b"y" * 2000, "detection", 5, 0))
    for name in names:
        outbox.acknowledge(name)
    assert not outbox.close()
    outbox = make(small_disk / "o.db")
    assert outbox.take(200) == []
    assert sorted(outbox.sent()) == sorted(names)
    outbox.close()


def test_damage_on_a_full_disk_is_mended_once_there_is_room(
    small_disk: Path, fill_disk: Callable[[Path], None]
) -> None:
    time = ManualTime()
    outbox = make(small_disk / "o.db", time)
    for n in range(60):
        outbox.put(Message(str(n), "t", b"x" * 1000, "detection", 5, 0))
    assert outbox.close()
    content = bytearray((small_disk / "o.db").read_bytes())
    content[4096 * 10 : 4096 * 11] = b"\xff" * 4096
    (small_disk / "o.db").write_bytes(content)
    filler = small_disk / "filler"
    fill_disk(filler)
    outbox = make(small_disk / "o.db", time)
    outbox.put(message("new"))
    assert not outbox.commit()
    assert ids(outbox.take(1000)) == ["new"]
    outbox.release()
    filler.unlink()
    time.advance(61)
    assert outbox.commit()
    assert len(outbox.take(1000)) >= 50
    assert len(outbox.set_aside) == 1
    outbox.close()


def test_a_read_only_disk_is_a_state_and_nothing_is_lost(small_disk: Path) -> None:
    time = ManualTime()
    outbox = make(small_disk / "o.db", time)
    outbox.put(message("before"))
    assert outbox.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    outbox = make(small_disk / "o.db", time)
    outbox.put(message("during"))
    assert not outbox.commit()
    assert ids(outbox.take(10)) == ["during"]  # SQLite cannot open a log on a read-only disk, not even to read
    outbox.release()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    time.advance(61)
    assert outbox.commit()
    assert ids(outbox.take(10, "oldest_first")) == ["before", "during"]
    outbox.close()


# --- any order of events, against a model ---------------------------------------------------------------------


class OutboxMachine(RuleBasedStateMachine):
    """Random puts, takes, acknowledgements, restarts and failures of the disk against a list in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "state"
        self.path = self.folder / "o.db"
        self.time = ManualTime()
        self.outbox = make(self.path, self.time)
        self.waiting: dict[str, int] = {}  # id -> priority, in order of arrival
        self.flying: set[str] = set()
        self.count = 0
        self.broken = False

    @rule(priority=st.integers(0, 2))
    def put(self, priority: int) -> None:
        self.count += 1
        self.outbox.put(message(f"m{self.count}", priority=priority))
        self.waiting[f"m{self.count}"] = priority

    @rule(data=st.data())
    def put_again(self, data: st.DataObject) -> None:
        if self.waiting:
            name = data.draw(st.sampled_from(sorted(self.waiting)))
            self.outbox.put(message(name, priority=self.waiting[name]))

    @rule(limit=st.integers(1, 5), newest=st.booleans())
    def take(self, limit: int, newest: bool) -> None:
        names = [name for name in self.waiting if name not in self.flying]
        names = names[::-1] if newest else names
        expected = sorted(names, key=lambda name: -self.waiting[name])[:limit]
        taken = self.outbox.take(limit, "newest_first" if newest else "oldest_first")
        if not self.broken:
            assert ids(taken) == expected
        assert set(ids(taken)) <= set(names)
        self.flying |= set(ids(taken))

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        if self.flying:
            name = data.draw(st.sampled_from(sorted(self.flying)))
            self.outbox.acknowledge(name)
            self.flying.discard(name)
            del self.waiting[name]

    @rule()
    def disconnect(self) -> None:
        self.outbox.release()
        self.flying.clear()

    @rule()
    def commit(self) -> None:
        assert self.outbox.commit(force=True) is not self.broken

    @rule()
    def restart(self) -> None:
        if not self.broken:
            assert self.outbox.close()
            self.outbox = make(self.path, self.time)
            self.flying.clear()

    @rule()
    def break_or_mend_the_disk(self) -> None:
        self.outbox.commit(force=True)
        self.outbox._file._database.close()
        away = self.folder.with_name(self.folder.name + "-away")
        if self.broken:
            self.folder.unlink()
            away.rename(self.folder)
        elif self.folder.exists():
            self.folder.rename(away)
            self.folder.write_text("a file in the way of the folder")
        else:
            return
        self.broken = not self.broken
        self.time.advance(100)

    @invariant()
    def depth_is_right(self) -> None:
        if not self.broken and self.outbox.commit(force=True):
            assert self.outbox.report().depth == len(self.waiting)
            assert self.outbox.report().dropped == {}

    def teardown(self) -> None:
        self.outbox.close()
        self.scratch.cleanup()


OutboxMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyOrderOfEvents = OutboxMachine.TestCase
