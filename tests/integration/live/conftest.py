"""A daemon with everything around it: sound in, a broker, a shore station that hears what arrives.

The daemon is the real program in a process of its own (`python -m edge_daemon run`), the broker a real mosquitto with
TLS and passwords, the shore station a separate `mosquitto_sub`. Sound comes through a named pipe, where a test may play
it faster than real time and sample for sample the same as in a recording, or through the virtual microphone.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from numpy.typing import NDArray

from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.detection.document import Detection
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording
from tests.integration.live.small_disk import mounted

RATE = 2000
DEVICE = "buoy-07"
SAMPLE = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
CALLS_AT_S = (5.2, 12.6, 20.3, 29.1, 38.4)
"""Where the calls of the sample inside the package begin (sample.json)."""
Row = tuple[int, int, float, float, int]
"""Begin and end in samples, peak and mean score, windows."""


def frugality() -> dict[str, str]:
    """What the service file tells Python and the C library about memory."""
    unit = (Path(__file__).parents[3] / "systemd" / "edge-daemon.service").read_text(encoding="utf-8")
    found = dict(re.findall(r"^Environment=((?:MALLOC|PYTHON)\w+)=(\d+)$", unit, re.MULTILINE))
    assert set(found) == {"MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "PYTHONNODEBUGRANGES"}
    return found


def calls(number: int) -> NDArray[np.int16]:
    """Sea with one call every three seconds, cut from the sample inside the package: int16 [6000 · number], 2 kHz."""
    sound, _ = soundfile.read(SAMPLE, dtype="int16")
    cuts = [sound[round((at - 1.2) * RATE) : round((at + 1.8) * RATE)] for at in CALLS_AT_S]
    return np.concatenate([cuts[turn % len(cuts)] for turn in range(number)])


RULES = {"context_s": 0.0, "threshold": 0.84, "threshold_low": 0.21}
"""Rules by which it does not depend on where the windows fall how many calls the sample has. Without context, since the
replay of a recording does not know what the device had heard before it was played to it."""


def replayed(path: Path) -> list[Detection]:
    """What `edge-daemon replay` finds in a recording."""
    settings = ReplaySettings(DetectorSettings(**RULES))
    result = replay_recording(Recording(str(path), path.name, path.stem, 1), settings)
    assert result.error is None, result.error
    return list(result.detections())


def replayed_sound(sound: NDArray[np.int16], folder: Path) -> list[Detection]:
    """What `edge-daemon replay` finds in samples at 2 kHz."""
    path = folder / "played.wav"
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    return replayed(path)


def rows(found: Sequence[Any]) -> list[Row]:
    """Detections (documents or parsed JSON) in order of time, as what makes them the same call of the same sound.

    Times count from the first one's begin: a live stream begins when the device is opened, before the first sample.
    """
    documents = [json.loads(one.to_json()) if isinstance(one, Detection) else one for one in found]
    times = [(round(d["begin_s"] * RATE), round(d["end_s"] * RATE)) for d in documents]
    first = min((begin for begin, _ in times), default=0)
    return sorted(
        (begin - first, end - first, d["peak_score"], d["mean_score"], d["windows"])
        for (begin, end), d in zip(times, documents, strict=True)
    )


def crowding() -> float:
    """How many want each core of this machine, at least 1: by so much longer may take what is promised in seconds."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Shore:
    """What arrived on shore, in the order in which it did; reads the file that `mosquitto_sub` fills."""

    def __init__(self, broker: Any, output: Path) -> None:
        self._output = output
        broker.subscribe("edge_daemon/#", output)

    def messages(self, subject: str) -> list[str]:
        """Payloads on one of the device's topics; a line that is being written is left for later."""
        text = self._output.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()
        split = [line.split(" ", 2) for line in lines]
        return [payload for topic, _, payload in split if topic == f"edge_daemon/{DEVICE}/{subject}"]

    def arrivals(self) -> list[dict[str, Any]]:
        """All detections, those sent twice included; each must be a document of the published schema."""
        return [json.loads(Detection.model_validate_json(text).to_json()) for text in self.messages("detections")]

    def detections(self) -> list[dict[str, Any]]:
        """Detections once by id; those of one id must be the same to the letter."""
        unique: dict[str, str] = {}
        for text in self.messages("detections"):
            identity = json.loads(text)["id"]
            assert unique.setdefault(identity, text) == text, "two different detections with one id"
        self.arrivals()
        return [json.loads(text) for text in unique.values()]

    def ids(self) -> set[str]:
        """Identities that arrived."""
        return {json.loads(text)["id"] for text in self.messages("detections")}

    def health(self) -> list[dict[str, Any]]:
        """Health documents, oldest first."""
        return [json.loads(text) for text in self.messages("health")]


class Feeder(threading.Thread):
    """Plays samples into a named pipe, at a multiple of real time; a reader that dies is waited for.

    Args:
        pipe: the named pipe.
        sound: int16 [n] at 2 kHz.
        speed: 1 is real time.
        wait_for_reader: play on when there is a reader again. Without, as a hydrophone does: what is played while
            nobody reads is gone.

    Attributes:
        written: samples that were put into the pipe, or went by without a reader.
    """

    CHUNK = 50  # samples, 25 ms

    def __init__(self, pipe: Path, sound: NDArray[np.int16], speed: float = 1.0, *, wait_for_reader: bool = True):
        super().__init__(daemon=True)
        self._pipe, self._sound, self._speed, self._waits = pipe, sound, speed, wait_for_reader
        self._stopped = threading.Event()
        self.written = 0
        self.finished = threading.Event()

    def run(self) -> None:
        descriptor: int | None = None
        behind = time.monotonic()  # when the next chunk is due
        try:
            while not self._stopped.is_set() and self.written < len(self._sound):
                if descriptor is None:
                    descriptor = self._open()
                    if descriptor is None and self._waits:
                        self._stopped.wait(0.005)
                        behind = time.monotonic()
                        continue
                chunk = self._sound[self.written : self.written + self.CHUNK]
                if descriptor is not None and not self._write(descriptor, chunk.tobytes()):
                    os.close(descriptor)
                    descriptor = None
                self.written += len(chunk)
                behind += len(chunk) / RATE / self._speed
                self._stopped.wait(max(0.0, behind - time.monotonic()))
        finally:
            if descriptor is not None:
                os.close(descriptor)
            self.finished.set()

    def _open(self) -> int | None:
        try:
            descriptor = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None  # nobody reads
            raise
        os.set_blocking(descriptor, True)
        return descriptor

    @staticmethod
    def _write(descriptor: int, content: bytes) -> bool:
        try:
            while content:
                content = content[os.write(descriptor, content) :]
        except BrokenPipeError:
            return False
        return True

    def stop(self) -> None:
        """Play no more."""
        self._stopped.set()
        self.join(10)


class Rig:
    """One buoy under test.

    Attributes:
        folder: scratch.
        state: the daemon's storage folder; may be set to another before `start`.
        pipe: the named pipe that it listens to.
        broker: mosquitto, not started.
        shore: what arrives.
        settings: sections of its configuration file; change them before `start`.
    """

    def __init__(self, folder: Path, broker: Any) -> None:
        self.folder, self.broker = folder, broker
        self.state = folder / "state"
        self.pipe = folder / "hydrophone"
        os.mkfifo(self.pipe)
        self.shore = Shore(broker, folder / "shore.txt")
        self.log = folder / "daemon.log"
        self.log.touch()
        self.environment = {**os.environ, **frugality(), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        password = folder / "password"
        password.write_text("right\n")
        password.chmod(0o600)
        self.process: subprocess.Popen[bytes] | None = None
        self.feeders: list[Feeder] = []
        self.settings: dict[str, dict[str, Any]] = {
            "detection": dict(RULES),
            "device": {"id": DEVICE},
            # sound faster than real time must not overrun the ring; digital silence is not a dead hydrophone
            "audio": {
                "source": "pipe",
                "pipe": str(self.pipe),
                "rate": RATE,
                "sample_format": "int16",
                "ring_s": 120.0,
                "dead_input_s": 3600.0,
                "retry_first_s": 0.1,
                "retry_longest_s": 1.0,
            },
            "mqtt": {
                "host": "localhost",
                "port": broker.port,
                "username": "buoy",
                "password_file": str(password),
                "tls": {"enabled": True, "ca_file": str(broker.folder / "ca.crt")},
                "connect_timeout_s": 2.0,
                "acknowledge_timeout_s": 3.0,
                "reconnect_first_s": 0.1,
                "reconnect_longest_s": 1.0,
                "drain_rate": 1000.0,
            },
            "outbox": {"commit_interval_s": 0.1},
            "clips": {"min_free_mb": 0.0},
            "effort": {"commit_interval_s": 0.5},
            "health": {"interval_s": 1.0},
            "log": {"level": "debug"},
        }

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def outbox(self) -> Path:
        return self.state / "outbox.db"

    def write_config(self) -> Path:
        """Write the settings into `config`."""
        document = {"version": 1, **self.settings, "storage": {"folder": str(self.state)}}
        self.config.write_text(yaml.safe_dump(document, sort_keys=False))
        return self.config

    def start(self) -> subprocess.Popen[bytes]:
        """Write the configuration and start the daemon; its log is appended to `log`."""
        self.write_config()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "run", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
            )  # fmt: skip
        return self.process

    def kill(self) -> None:
        """SIGKILL: what a power cut is to a process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def terminate(self, *codes: int) -> float:
        """SIGTERM; insists on exit code 0, or one of these; returns the seconds until the end, fewer if crowded."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(20) in (codes or (0,)), self.tail()
        return (time.monotonic() - began) / crowding()

    def play(self, sound: NDArray[np.int16], speed: float = 1.0, **options: bool) -> Feeder:
        """Begin to play samples into the pipe."""
        feeder = Feeder(self.pipe, sound, speed, **options)
        self.feeders.append(feeder)
        feeder.start()
        return feeder

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait; fails at once if the daemon has ended, and shows its log in any failure."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process is None or self.process.poll() is None, f"the daemon has ended\n{self.tail()}"
            assert time.monotonic() < end, f"waited in vain\n{self.tail()}"
            time.sleep(0.05)

    def starts(self) -> int:
        """How often the daemon has said that it started."""
        return len(re.findall(r"^\S+ info +started ", self.log.read_text(errors="replace"), re.MULTILINE))

    def tail(self) -> str:
        """The end of the daemon's log."""
        return self.log.read_text(errors="replace")[-6000:]

    def ends_as_replayed(self, sound: NDArray[np.int16], seconds: float = 120.0, codes: Sequence[int] = (0,)) -> None:
        """What `replay` finds in the samples arrives, each detection once by its id, and nothing is left behind."""
        self.delivers(sound, seconds)
        self.ends_clean(codes)

    def delivers(self, sound: NDArray[np.int16], seconds: float = 120.0) -> None:
        """What `replay` finds in the samples arrives, each detection once by its id."""
        expected = rows(replayed_sound(sound, self.folder))
        self.until(lambda: len(self.shore.ids()) >= len(expected), seconds)
        assert rows(self.shore.detections()) == expected

    def ends_clean(self, codes: Sequence[int] = (0,)) -> None:
        """The daemon ends when told to, quickly; its outbox is empty and its log without a traceback."""
        assert self.terminate(*codes) < 5.0
        assert self.outbox_ids() == set()
        assert "Traceback" not in self.log.read_text(errors="replace"), self.tail()

    def effort(self) -> list[dict[str, str]]:
        """The effort ledger, as `edge-daemon effort --csv` exports it."""
        told = subprocess.run(
            [*self.program, "effort", "--database", str(self.state / "effort.db"), "--csv"],
            capture_output=True, text=True, check=True, timeout=60, env=self.environment,
        )  # fmt: skip
        return list(csv.DictReader(told.stdout.splitlines()))

    def lost_s(self) -> dict[str, float]:
        """Seconds that were not listened to, by cause."""
        lost: dict[str, float] = {}
        for row in self.effort():
            if row["cause"]:
                lost[row["cause"]] = lost.get(row["cause"], 0.0) + float(row["seconds"])
        return lost

    def found(self) -> set[str]:
        """Identities of the detections in the daemon's log."""
        return set(re.findall(r" detection id=([0-9a-f-]{36})", self.log.read_text(errors="replace")))

    def printed(self) -> set[str]:
        """Identities of the detections that the log holds in full."""
        lines = self.log.read_text(errors="replace").splitlines()
        payloads = [json.loads(re.search(r' payload=(".*")$', line)[1]) for line in lines if " payload=" in line]  # type: ignore[index]
        documents = [json.loads(payload) for payload in payloads]
        return {
            str(Detection.model_validate_json(payload).id)
            for payload, document in zip(payloads, documents, strict=True)
            if document["schema"].startswith("edge_daemon.detection/")
        }

    program: tuple[str, ...] = (sys.executable, "-m", "edge_daemon")
    sample = SAMPLE
    rows = staticmethod(rows)
    replayed = staticmethod(replayed)

    @staticmethod
    def calls(number: int) -> NDArray[np.int16]:
        """Sea with one call every three seconds: int16 [6000 · number], 2 kHz."""
        return calls(number)

    def outbox_ids(self) -> set[str]:
        """Identities of the detections in the outbox's file, read from a copy (the daemon must not be running)."""
        copy = self.folder / "copy.db"
        for suffix in ("", "-wal"):
            source = self.outbox.with_name(self.outbox.name + suffix)
            target = copy.with_name(copy.name + suffix)
            target.unlink(missing_ok=True)
            if source.exists():
                target.write_bytes(source.read_bytes())
        copy.with_name("copy.db-shm").unlink(missing_ok=True)
        if not copy.exists() or copy.stat().st_size == 0:
            return set()
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            payloads = connection.execute("SELECT payload FROM message WHERE kind = 'detection'").fetchall()
        return {json.loads(payload)["id"] for (payload,) in payloads}

    def close(self) -> None:
        """End everything that was started here."""
        for feeder in self.feeders:
            feeder._stopped.set()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(20)
        for feeder in self.feeders:
            feeder.join(10)


@pytest.fixture
def rig(tmp_path: Path, make_mosquitto: Callable[..., Any]) -> Iterator[Rig]:
    """A buoy with its surroundings; neither broker nor daemon runs yet."""
    folder = tmp_path / "rig"
    folder.mkdir()
    made = Rig(folder, make_mosquitto())
    yield made
    made.close()


@pytest.fixture
def make_feeder() -> type[Feeder]:
    """Plays samples into a named pipe."""
    return Feeder


@pytest.fixture(name="calls")
def calls_fixture() -> Callable[[int], NDArray[np.int16]]:
    """Sea with so many calls, one every three seconds."""
    return calls


@pytest.fixture
def card(rig: Any) -> Iterator[Path]:
    """A disk of 4 MiB in memory."""
    yield from mounted(rig, "-t", "tmpfs", "-o", "size=4m", "tmpfs")
