"""Faults that were once seen at the whole program, each as it was provoked then; nothing here looks inside.

So this file also runs on older versions of the program. In a checkout of commit `382c247`, with OURS this one's folder,
each of its tests fails:

    PYTHONPATH=$PWD pytest -n0 -o pythonpath=OURS --rootdir=OURS -c OURS/pyproject.toml OURS/tests/…/test_faults_seen.py
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import socket
import sqlite3
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.fault_library import FaultLibrary, build
from tests.integration.live.small_disk import fill
from tests.integration.nasty_broker import NastyBroker

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

PREFIX = "edge_daemon/buoy-07"
PLUGIN = """
from edge_daemon.backends.onnx import OnnxBackend

class Hot(OnnxBackend):
    name = "hot"

    def health(self):
        return {"temperature_c": "hot"}
"""


def ends(rig: Any) -> None:
    """SIGTERM, and whatever exit code."""
    rig.process.terminate()
    rig.process.wait(30)


OUTBOX = """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, payload BLOB NOT NULL,
    kind TEXT NOT NULL, priority INTEGER NOT NULL, created_utc_ns INTEGER NOT NULL, dated INTEGER NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX message_order ON message (priority, seq);
CREATE TABLE dropped (kind TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, reason));
PRAGMA user_version=1;
"""
"""The outbox's file of version 1, as all programs since the first read it."""


def laid_in(rig: Any, rows: list[tuple[str, str, int]]) -> None:
    """An outbox with messages, before the first start: id, kind and payload bytes of each."""
    rig.state.mkdir()
    with contextlib.closing(sqlite3.connect(rig.outbox)) as connection, connection:
        connection.executescript(OUTBOX)
        for name, kind, size in rows:
            topic = f"{PREFIX}/{kind}s" if kind == "detection" else f"{PREFIX}/{kind}"
            payload = json.dumps({"id": name, "filling": "." * size}).encode()
            crc = zlib.crc32(payload, zlib.crc32(f"{name}\0{topic}\0".encode()))
            connection.execute(
                "INSERT INTO message (id, topic, payload, kind, priority, created_utc_ns, dated, crc)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                (name, topic, payload, kind, 2 if kind == "detection" else 1, time.time_ns(), crc),
            )


def arrived(rig: Any, subject: str) -> set[str]:
    """Identities of the laid-in messages that came."""
    return {json.loads(text).get("id", "") for text in rig.shore.messages(subject)}


def settle(rig: Any, broker: Any, settings: str) -> None:
    """More lines of the broker's configuration."""
    with (broker.folder / "mosquitto.conf").open("a") as file:
        file.write(settings)


def without_tls(rig: Any, port: int) -> None:
    """Publish to a broker of our own."""
    rig.settings["mqtt"] = {
        "host": "127.0.0.1",
        "port": port,
        "connect_timeout_s": 2.0,
        "acknowledge_timeout_s": 2.0,
        "reconnect_first_s": 0.1,
        "reconnect_longest_s": 0.5,
    }


def nasty_health(broker: NastyBroker) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in broker.payloads("health")]


# 6: a denied topic eats the byte budget


def test_a_denied_topic_leaves_the_budget_to_the_others(rig: Any) -> None:
    """Tried again and again, the window full each time, it took within a minute what health may take in an hour."""
    laid_in(rig, [(f"d{number}", "detection", 4000) for number in range(300)] + [("e", "effort", 100)])
    acl = rig.broker.folder / "acl"
    acl.write_text(f"user buoy\ntopic write {PREFIX}/health\ntopic write {PREFIX}/effort\ntopic write {PREFIX}/status\n"
                   "user shore\ntopic read #\n")  # fmt: skip
    acl.chmod(0o700)
    settle(rig, rig.broker, f"acl_file {acl}\n")
    rig.settings["mqtt"]["bytes_per_hour"] = 300_000
    rig.settings["health"] = {"interval_s": 15.0}
    rig.broker.start()
    rig.start()
    rig.until(lambda: rig.shore.messages("health"), 60)
    time.sleep(75)
    before = len(rig.shore.messages("health"))
    assert "e" in arrived(rig, "effort")
    rig.until(lambda: len(rig.shore.messages("health")) >= before + 2, 35)


# 7: a poison message, a broker that can do less


def test_a_message_too_long_for_the_broker_holds_up_no_other(rig: Any) -> None:
    names = [f"e{number}" for number in range(12)]
    laid_in(rig, [(name, "effort", 5000 if name == "poison" else 300) for name in (*names[:6], "poison", *names[6:])])
    settle(rig, rig.broker, "max_packet_size 3000\n")
    rig.broker.start()
    rig.start()
    rig.until(lambda: arrived(rig, "effort") >= set(names))


@pytest.mark.parametrize("limit", ["max_qos 0\n", "retain_available false\n"])
def test_a_broker_that_can_do_less_is_used(rig: Any, limit: str) -> None:
    laid_in(rig, [("e", "effort", 300)])
    settle(rig, rig.broker, limit)
    rig.broker.start()
    rig.start()
    rig.until(lambda: "e" in arrived(rig, "effort"))


# 8: one false answer of a time server


def test_a_leap_of_three_years_deletes_nothing(rig: Any, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    orders = tmp_path / "orders"
    orders.mkdir()
    rig.state.mkdir()
    faults = FaultLibrary(build(tmp_path), orders, rig.state)
    faults.let("kernel", "synchronised")
    rig.environment |= faults.environment
    rig.start()
    rig.play(rig.calls(4), 8.0)
    rig.until(lambda: len(list(rig.state.glob("clips/*/*"))) >= 3)
    ends(rig)
    there = {path.name for path in rig.state.glob("clips/*/*")}
    waiting = rig.outbox_ids()
    assert len(waiting) >= 3
    faults.let("clock", str(3 * 365.25 * 86_400))
    rig.start()
    rig.until(lambda: rig.starts() == 2)
    rig.play(rig.calls(3), 8.0)
    time.sleep(10)
    ends(rig)
    assert there <= {path.name for path in rig.state.glob("clips/*/*")}
    assert waiting <= rig.outbox_ids()


# 9: a plug-in's counter that is no number


def test_a_counter_that_is_no_number_ends_no_health_report(rig: Any, tmp_path: Path) -> None:
    package = tmp_path / "plugin"
    (package / "hot-1.0.dist-info").mkdir(parents=True)
    (package / "hot_backend.py").write_text(PLUGIN)
    (package / "hot-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: hot\nVersion: 1.0\n")
    (package / "hot-1.0.dist-info" / "entry_points.txt").write_text("[edge_daemon.backends]\nhot = hot_backend:Hot\n")
    rig.environment["PYTHONPATH"] = os.pathsep.join([str(package), rig.environment.get("PYTHONPATH", "")])
    rig.settings["backend"] = {"name": "hot"}
    rig.broker.start()
    rig.start()
    rig.play(rig.calls(4), 4.0)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    count = len(rig.shore.messages("health"))
    rig.until(lambda: len(rig.shore.messages("health")) >= count + 3, 15)
    assert rig.shore.health()[-1]["model"]["backend"] == "hot"


# 11: bursts on a pipe


def test_a_burst_into_the_pipe_is_heard_whole(rig: Any) -> None:
    rig.settings["audio"]["ring_s"] = 10.0
    sound = rig.calls(60)
    rig.broker.start()
    rig.start()
    rig.until(lambda: rig.starts() == 1)
    rig.play(sound, 1e6)
    rig.ends_as_replayed(sound)


# 13: the only copy given up early


def written(rig: Any) -> set[str]:
    """Identities of the detections in the outbox's file, read while the daemon goes on writing it."""
    try:
        with contextlib.closing(sqlite3.connect(f"{rig.outbox.as_uri()}?mode=ro", uri=True)) as connection:
            return {name for (name,) in connection.execute("SELECT id FROM message WHERE kind = 'detection'")}
    except sqlite3.OperationalError:  # not made yet
        return set()


def test_an_outbox_removed_on_a_full_disk_is_not_lost(rig: Any, card: Path) -> None:
    rig.broker.start()
    rig.broker.persisted()  # the shore's session, which the daemon may else be quicker than
    rig.broker.kill()
    rig.settings["clips"] = {"enabled": False}
    rig.start()
    rig.play(rig.calls(9), 8.0)
    rig.until(lambda: len(written(rig)) >= 8)
    waiting = written(rig)
    fill(card)
    for path in card.glob("outbox.db*"):
        path.unlink()
    time.sleep(3)
    rig.broker.start()
    rig.until(lambda: rig.shore.ids() >= waiting, 30)


# 14: what health hides


def test_a_broker_that_acknowledges_nothing_is_a_reason(rig: Any) -> None:
    laid_in(rig, [("e", "effort", 300)])
    with contextlib.closing(NastyBroker()) as broker:
        broker.acknowledging = False
        without_tls(rig, broker.port)
        rig.start()
        end = time.monotonic() + 75
        while not (told := silence_told(broker, str(rig.folder))).count(True) >= 5:
            assert time.monotonic() < end, nasty_health(broker)[-1:]
            time.sleep(0.2)
        assert all(told[told.index(True) :]), told


def silence_told(broker: NastyBroker, folder: str) -> list[bool]:
    """Whether each health document made while connected says so; at a moment without a connection it is easy to say."""
    online = [one for one in nasty_health(broker) if one["mqtt"]["state"] == "online"]
    # the folder has the test's own name
    return ["acknowledge" in " ".join(one["reasons"]).replace(folder, "") for one in online]


def test_a_second_board_with_the_same_name_is_a_reason(rig: Any) -> None:
    import paho.mqtt.client as paho

    with contextlib.closing(NastyBroker()) as broker:
        without_tls(rig, broker.port)
        rig.settings["mqtt"]["client_id"] = "the-same"
        rig.start()
        rig.until(lambda: nasty_health(broker))
        end = time.monotonic() + 45
        while not any("client" in " ".join(one["reasons"]) for one in nasty_health(broker)):
            assert time.monotonic() < end, nasty_health(broker)[-1:]
            other = paho.Client(paho.CallbackAPIVersion.VERSION2, "the-same", protocol=paho.MQTTv5)
            other.connect("127.0.0.1", broker.port)
            other.loop(0.2)
            time.sleep(1.0)


# 15: the check differs from the use


def checked(rig: Any, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*rig.program, "config", "check", *options, str(rig.write_config())]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=rig.environment)


def test_config_check_sees_that_nothing_may_be_published(rig: Any) -> None:
    acl = rig.broker.folder / "acl"
    acl.write_text(f"user buoy\ntopic write {PREFIX}/status\n")
    acl.chmod(0o700)
    settle(rig, rig.broker, f"acl_file {acl}\n")
    rig.broker.start()
    rig.play(rig.calls(20), 1.0)
    done = checked(rig)
    assert done.returncode != 0, done.stdout
    assert f"{PREFIX}/detections" in done.stdout + done.stderr


def test_config_check_sees_a_missing_package(rig: Any, tmp_path: Path) -> None:
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "prometheus_client.py").write_text("raise ModuleNotFoundError('No module named prometheus_client')\n")
    rig.environment["PYTHONPATH"] = os.pathsep.join([str(hiding), rig.environment.get("PYTHONPATH", "")])
    rig.settings["health"]["prometheus_port"] = 9464
    rig.broker.start()
    rig.play(rig.calls(20), 1.0)
    done = checked(rig)
    assert done.returncode != 0, done.stdout
    assert "prometheus" in done.stdout + done.stderr


# 17: an optional part starves the whole


def test_idle_connections_take_no_descriptors_from_the_rest(rig: Any) -> None:
    pytest.importorskip("prometheus_client")
    if shutil.which("prlimit") is None:
        pytest.skip("needs prlimit: apt-get install util-linux")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    rig.settings["health"]["prometheus_port"] = port
    rig.program = ("prlimit", "--nofile=100:100", *rig.program)
    rig.broker.start()
    rig.start()
    rig.until(lambda: rig.starts() == 1)
    with contextlib.ExitStack() as idle:
        for _ in range(150):
            one = idle.enter_context(socket.socket())
            one.settimeout(1.0)
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", port))
        time.sleep(2)
        assert len(list(Path(f"/proc/{rig.process.pid}/fd").iterdir())) < 90
        rig.play(rig.calls(4), 8.0)
        rig.until(lambda: len(list(rig.state.glob("clips/*/*"))) >= 3, 30)
        rig.until(lambda: len(rig.shore.ids()) >= 3, 30)


# 22: the wizard


def on_a_terminal(rig: Any, folder: Path, answers: dict[str, str], *options: str) -> str:
    """`config init`, on a terminal of its own; what it says.

    Args:
        rig: the program.
        folder: where the file is to be.
        answers: by a word of the question; all others are answered by Enter.
        options: more of them.
    """
    terminal, inside = pty.openpty()
    command = [*rig.program, "config", "init", "--output", str(folder / "config.yaml"), *options]
    process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=rig.environment, cwd=folder)
    os.close(inside)
    said = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(terminal, 4096):
            said += data
            question = said.decode(errors="replace").rpartition("\n")[2]
            if question.endswith(": "):
                time.sleep(0.2)  # a hidden answer that comes at once is thrown away
                given = next((answer for word, answer in answers.items() if word in question), "")
                os.write(terminal, given.encode() + b"\n")
    assert process.wait(60) in (0, 1)
    os.close(terminal)
    return said.decode(errors="replace")


def test_the_wizard_keeps_former_answers(rig: Any, tmp_path: Path) -> None:
    former = {"version": 1, "device": {"id": "mine-alone"}, "mqtt": {"host": "broker.example", "username": "me"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(former))
    said = on_a_terminal(rig, tmp_path, {}, "--force")
    written = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert written["device"]["id"] == "mine-alone", said
    assert written["mqtt"]["host"] == "broker.example", said


def test_an_empty_password_file_is_no_password(rig: Any, tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").touch(0o600)  # as the installer makes it
    said = on_a_terminal(rig, tmp_path, {"Broker": "broker.example", "TLS": "n", "User name": "me"})
    assert "already" not in said
    assert "Password" in said
