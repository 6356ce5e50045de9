"""Every detection that was found is, at any moment, acknowledged, on disk, in memory and told, or printed.

Random faults of disk, broker, clock, configuration and process come over the parts that carry detections; after each
the account is made. The parts are the daemon's own, driven by one thread in simulated time. A disk that hangs does hang
the thread that writes; nobody waits for it by the real clock, so that a slow machine tests the same as a fast one.
What a SIGKILL may take is what was found in the moments before it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.errors import StorageError
from edge_daemon.live.expiry import Expiry
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.unsaved_log import PRINT_AFTER_S, UnsavedLog
from edge_daemon.mqtt.courier import Courier
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage import database
from edge_daemon.storage.disk_calls import ANSWER_S
from edge_daemon.testing.broker import MemoryBroker, MemoryLink
from edge_daemon.testing.machine import ManualTime

T = TypeVar("T")

RUNS = 200
STEPS = 40
TICK_S = 0.5
COMMIT_S = 1.0
YOUNG_S = COMMIT_S + ANSWER_S + 2 * TICK_S
"""So long a detection may be in memory alone before health must tell."""
KILL_TAKES_S = COMMIT_S + PRINT_AFTER_S + 2 * TICK_S
"""A SIGKILL takes at most what was found so shortly before."""


class Journal(logging.Handler):
    """Keeps the payloads that are printed."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "payload"):
            self.payloads[record.id] = record.payload  # type: ignore[attr-defined]


class Disk:
    """What the database meets: ok, full, dead, or hanging."""

    def __init__(self) -> None:
        self.state = "ok"
        self.entered = threading.Event()
        self.returns = threading.Event()
        self.power = True
        self._transact = database.Database.transact
        self._read = database.Database.read

    def transact(self, instance: database.Database, work: Callable[..., Any], *, force: bool = False) -> Any:
        def meets(connection: sqlite3.Connection) -> Any:
            result = work(connection)
            if self.state == "full":
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            if self.state == "dead":
                raise OSError("Input/output error")
            if self.state == "hanging":
                self.entered.set()
                self.returns.wait()
                if not self.power:
                    raise OSError("the process is gone")
            return result

        return self._transact(instance, meets, force=force)


class DiskCalls:
    """Calls that somebody waits for: given up at once while the disk hangs, and made when it returns, as real ones."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._late: Callable[[], object] | None = None

    def run(self, call: Callable[[], T], _doing: str) -> T:
        if self._disk.state != "hanging":
            return call()
        self._late = self._late or call
        raise StorageError("The disk does not answer.")

    def disk_returned(self) -> None:
        """The call that was given up comes to its end, and nobody looks at what it gives."""
        if self._late is not None:
            late, self._late = self._late, None
            with contextlib.suppress(StorageError):
                late()


class Times:
    """A clock that the kernel calls synchronised, true or not."""

    state = "synchronised"
    trusts_now = True


class Buoy:
    """What carries detections, of one process after another."""

    def __init__(self, folder: Path, rng: random.Random, disk: Disk, journal: Journal) -> None:
        self.folder, self.rng, self.disk, self.journal = folder, rng, disk, journal
        self.time = ManualTime()
        self.broker = MemoryBroker()
        self.found: dict[str, tuple[bytes, int]] = {}  # payload, and monotonic time at which it was found
        self.number = 0
        self.acknowledged: set[str] = set()
        self.limits = OutboxLimits(commit_within_s=COMMIT_S, max_age_s=90 * 86_400)
        self.stuck: threading.Thread | None = None
        self.start()

    @property
    def path(self) -> Path:
        return self.folder / "outbox.db"

    def start(self) -> None:
        self.outbox = Outbox(self.path, time=self.time, rng=self.rng, limits=self.limits)
        self.calls = DiskCalls(self.disk)
        self.outbox._calls = self.calls  # type: ignore[assignment]
        acknowledge = self.outbox.acknowledge

        def note(name: str) -> None:
            self.acknowledged.add(name)
            acknowledge(name)

        self.outbox.acknowledge = note  # type: ignore[method-assign]
        self.unsaved = UnsavedLog(self.outbox, self.time)
        self.link = MemoryLink(self.broker)
        settings = MqttSection.model_validate(
            {"drain_rate": 1000.0, "reconnect_first_s": 0.5, "reconnect_longest_s": 2.0, "acknowledge_timeout_s": 5.0}
        )
        self.courier = Courier(
            settings, Topics("t", "b"), self.outbox, self.link, lambda: None, self.rng, self.time.monotonic_ns()
        )
        clock = ProvenClock(self.folder / "clock.json", "boot", cast(SampleTime, Times()), self.time)

        class NoEffort:
            def prune(self, _before: int) -> None: ...

        self.chores = (
            self.outbox,
            clock,
            Expiry(self.outbox, cast(EffortLedger, NoEffort()), None, clock, self.time, 1.0),
        )

    def find(self) -> None:
        """A detection."""
        self.number += 1
        identity = f"{self.number:04d}"
        payload = json.dumps({"id": identity, "noise": self.rng.random()}).encode()
        self.found[identity] = (payload, self.time.monotonic_ns())
        self.outbox.put(Message(identity, "t/b/detections", payload, "detection", 2, self.time.utc_ns()))
        self.courier.notify(self.time.monotonic_ns())

    def pass_time(self, seconds: float) -> None:
        """All threads go round, but that of the disk while it hangs."""
        for _ in range(round(seconds / TICK_S)):
            self.time.advance(TICK_S)
            if self.disk.state == "hanging" and self.stuck is None and self.outbox.unsaved():
                self.hang()
            elif self.disk.state != "hanging":
                for chore in self.chores:
                    chore.tick()
            self.send()
            self.unsaved.tick()

    def hang(self) -> None:
        """The thread that writes comes to the disk and stays there, or ends since it is not time to try again."""
        self.disk.entered.clear()

        def write() -> None:
            self.outbox.commit()
            self.disk.entered.set()

        self.stuck = threading.Thread(target=write, daemon=True)
        self.stuck.start()
        self.disk.entered.wait()

    def send(self) -> None:
        """The publisher's thread goes round."""
        for _ in range(3):
            now_ns = self.time.monotonic_ns()
            self.courier.step(now_ns)
            for event in self.link.poll(0.0):
                self.courier.handle(event, now_ns)

    # faults

    def set_disk(self, state: str) -> None:
        if self.disk.state != "hanging":
            self.disk.state = state
        elif state != "hanging":
            self.disk.state = state
            self.disk.returns.set()
            if self.stuck is not None:
                self.stuck.join()
            self.stuck = None
            if self.disk.power:
                self.calls.disk_returned()
            self.disk.returns = threading.Event()

    def set_broker(self, state: str) -> None:
        broker = self.broker
        if state == "away":
            broker.kill()
        else:
            broker.up = True
            broker.acknowledging = state != "silent"
            broker.rejecting = "not authorized" if state == "refusing" else None

    def remove_file(self) -> None:
        """Somebody removes the file; if it is not open just now, nobody else has its rows."""
        if self.disk.state == "hanging":
            return
        if self.outbox._file._database._connection is None:
            for name in self.on_disk() - self.acknowledged - {message.id for message in self.outbox.unsaved()}:
                self.found.pop(name, None)
        for suffix in self.rng.choice([("",), ("", "-wal"), ("", "-wal", "-shm")]):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def reload(self) -> None:
        self.limits = OutboxLimits(
            commit_within_s=COMMIT_S,
            max_rows=self.rng.choice([3, 20, 100_000]),
            hold_rows=self.rng.choice([2, 10, 1000]),
            max_age_s=self.rng.choice([1, 90]) * 86_400,
        )
        self.outbox.limits = self.limits

    def kill(self) -> None:
        """SIGKILL, with a hand on the disk or not."""
        held = {message.id for message in self.outbox.unsaved()} - self.on_disk() - self.journal.payloads.keys()
        for name in held - self.acknowledged:
            age_s = (self.time.monotonic_ns() - self.found[name][1]) / 1e9
            assert age_s <= KILL_TAKES_S, f"{name} had been in memory alone for {age_s} s"
            del self.found[name]
        self.disk.power = False
        self.set_disk("ok")
        self.disk.power = True
        self.close_file()
        self.link.close(polite=False)
        self.start()

    def stop(self) -> None:
        """SIGTERM: write, send, write, print."""
        hangs = self.disk.state == "hanging"
        if not hangs:
            self.outbox.commit(force=True)
        self.send()
        if not hangs:
            self.outbox.close()
        lost = self.unsaved.print_all()
        assert (lost == 0) == (not self.outbox.unsaved())
        self.disk.power = False
        self.set_disk("ok" if hangs else self.disk.state)
        self.disk.power = True
        self.close_file()
        self.link.close(polite=True)
        self.start()

    def close_file(self) -> None:
        """What the end of a process does to its files."""
        self.outbox._file._database._drop()

    # the account

    def on_disk(self) -> set[str]:
        """Identities in the file; a removed one is no more."""
        found: set[str] = set()
        for path in (self.path, self.path.with_name(self.path.name + ".rescued")):
            if path.exists():
                with contextlib.closing(sqlite3.connect(path)) as reader, contextlib.suppress(sqlite3.OperationalError):
                    found |= {name for (name,) in reader.execute("SELECT id FROM message")}
        return found

    def check(self) -> None:
        report = self.outbox.report()
        memory = {message.id: message.payload for message in self.outbox.unsaved()}
        disk = self.on_disk()
        for name, (payload, found_ns) in self.found.items():
            if name in self.acknowledged or name in disk:
                continue
            if name in self.journal.payloads:
                assert self.journal.payloads[name].encode() == payload
                continue
            assert memory.get(name) == payload, f"{name} is nowhere"
            young = (self.time.monotonic_ns() - found_ns) / 1e9 <= YOUNG_S
            assert young or (report.held and not report.available and report.reason), f"{name} is told nowhere"


@pytest.fixture
def journal() -> Iterator[Journal]:
    handler = Journal()
    logger = logging.getLogger("edge_daemon.live.unsaved_log")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def memory_folder() -> str | None:
    """A folder whose fsync costs nothing, if there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def run(seed: int, monkeypatch: pytest.MonkeyPatch, journal: Journal) -> set[str]:
    """One sequence of faults; returns which came."""
    rng, disk = random.Random(seed), Disk()
    monkeypatch.setattr(database.Database, "transact", lambda *a, **k: disk.transact(*a, **k))  # noqa: PLW0108
    journal.payloads.clear()
    came: list[str] = []
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        buoy = Buoy(Path(folder), rng, disk, journal)
        faults: dict[str, Callable[[], object]] = {
            **{
                f"disk {state}": lambda state=state: buoy.set_disk(state) for state in ("ok", "full", "dead", "hanging")
            },
            **{
                f"broker {state}": lambda state=state: buoy.set_broker(state)
                for state in ("there", "away", "silent", "refusing")
            },
            "clock forward": lambda: buoy.time.step(3 * 365 * 86_400.0),
            "clock back": lambda: buoy.time.step(-rng.choice([3600.0, 3 * 365 * 86_400.0])),
            "file removed": buoy.remove_file,
            "reload": buoy.reload,
            "kill": buoy.kill,
            "stop": buoy.stop,
        }
        for _ in range(STEPS):
            for _ in range(rng.choice([0, 1, 1, 2, 6])):
                buoy.find()
            name = rng.choice(list(faults))
            came.append(name)
            faults[name]()
            looked_s = TICK_S if name == "file removed" else 0.0  # nobody can know before the next look
            buoy.pass_time(max(looked_s, rng.choice([0.0, TICK_S, 2.0, 8.0])))
            try:
                buoy.check()
            except AssertionError as error:
                raise AssertionError(f"after {', '.join(came)}: {error}") from error
        buoy.set_disk("ok")
        buoy.set_broker("there")
        buoy.limits = buoy.outbox.limits = OutboxLimits(commit_within_s=COMMIT_S)
        buoy.pass_time(120.0)
        buoy.check()
        assert buoy.found.keys() <= buoy.acknowledged | journal.payloads.keys()  # in the end all have arrived
        buoy.set_disk("ok")
        buoy.close_file()
    return set(came)


@pytest.mark.slow
@pytest.mark.parametrize("tenth", [0, *(pytest.param(tenth, marks=pytest.mark.long) for tenth in range(1, 10))])
def test_nothing_is_ever_lost(tenth: int, monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    came: set[str] = set()
    for seed in range(tenth * RUNS // 10, (tenth + 1) * RUNS // 10):
        try:
            with monkeypatch.context() as patch:
                came |= run(seed, patch, journal)
        except AssertionError as error:
            raise AssertionError(f"in run {seed}: {error}") from error
    assert len(came) == 14
