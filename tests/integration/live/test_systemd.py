"""The daemon under a real systemd, booted in a container over this machine's own files.

Unit, user, folders and credential are laid out as the installer does it; a broker with passwords runs as a unit beside
it, and sound comes through a named pipe. So readiness, credential, state folder, hardening, the restart after a kill
and the watchdog after a standstill are those of the program itself, and each ends with every detection delivered.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.booted_machine import Machine, booted, put, until

ROOT = Path(__file__).resolve().parents[3]
PORT = 18_883
JAR = "/run/cookies"
SPEED = 4.0

PROGRAM = """\
#!/bin/sh
PYTHONPATH=/opt/edge-daemon/lib:/opt/edge-daemon/site exec /usr/bin/python3 "$@"
"""
SETTINGS = f"""\
version: 1
device: {{id: buoy-07}}
audio: {{source: pipe, pipe: /srv/hydrophone, rate: 2000, sample_format: int16, ring_s: 120, dead_input_s: 3600}}
mqtt:
  host: localhost
  port: {PORT}
  username: buoy
  password_credential: mqtt-password
  reconnect_first_s: 0.2
  reconnect_longest_s: 1.0
outbox: {{commit_interval_s: 0.1}}
clips: {{min_free_mb: 0}}
health: {{interval_s: 1}}
page: {{enabled: true, address: 0.0.0.0, password_credential: page-password}}
"""
BROKER_SETTINGS = f"""\
user root
listener {PORT} 127.0.0.1
allow_anonymous false
password_file /etc/broker/passwords
"""
BROKER_UNIT = """\
[Service]
ExecStart=mosquitto -c /etc/broker/broker.conf
[Install]
WantedBy=multi-user.target
"""
DROP_IN = "[Service]\nWatchdogSec=4\nRestartSec=200ms\nTimeoutAbortSec=2\n"


def prepare(root: Path) -> None:
    """Unit, user, folders and program, as the installer lays them out; the broker; the hydrophone."""
    systemd = ROOT / "systemd"
    for source, target in {
        "edge-daemon.service": "etc/systemd/system/edge-daemon.service",
        "edge-daemon-page.service": "etc/systemd/system/edge-daemon-page.service",
        "sysusers.d/edge-daemon.conf": "etc/sysusers.d/edge-daemon.conf",
        "tmpfiles.d/edge-daemon.conf": "etc/tmpfiles.d/edge-daemon.conf",
    }.items():
        put(root / target, (systemd / source).read_text())
    put(root / "etc/edge-daemon/config.yaml", SETTINGS)
    put(root / "etc/edge-daemon/mqtt-password", "s3cret\n", 0o600)
    put(root / "etc/edge-daemon/page-password", "whales at dawn\n", 0o600)
    library = root / "opt/edge-daemon/lib"
    library.mkdir(parents=True)
    (root / "opt/edge-daemon/site").mkdir()  # the packages it needs are bound there
    for folder in (root / "opt/edge-daemon", library):
        folder.chmod(0o755)
    shutil.copytree(ROOT / "edge_daemon", library / "edge_daemon", ignore=shutil.ignore_patterns("__pycache__"))
    # Debian's own Python: the one that runs the tests may lie in a home folder, which the unit cannot see
    put(root / "opt/edge-daemon/releases/first/bin/python", PROGRAM, 0o755)
    (root / "opt/edge-daemon/venv").symlink_to("releases/first")
    put(root / "opt/edge-daemon/trial.sh", (systemd / "trial.sh").read_text())
    put(root / "etc/systemd/system/edge-daemon.service.d/test.conf", DROP_IN)
    put(root / "etc/broker/broker.conf", BROKER_SETTINGS)
    put(root / "etc/broker/passwords", "", 0o600)
    for user, password in (("buoy", "s3cret"), ("shore", "ashore")):
        command = ["mosquitto_passwd", "-b", str(root / "etc/broker/passwords"), user, password]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    put(root / "etc/systemd/system/broker.service", BROKER_UNIT)
    os.mkfifo(root / "srv/hydrophone")
    (root / "srv/hydrophone").chmod(0o644)
    for command in (["enable", "edge-daemon", "broker"], ["mask", "mosquitto"], ["set-default", "multi-user.target"]):
        subprocess.run(["systemctl", f"--root={root}", *command], check=True, capture_output=True, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with booted(tmp_path, "edge-daemon", prepare, "/opt/edge-daemon/site") as made:
        yield made


@pytest.mark.long
@pytest.mark.timeout(400)
def test_daemon_lives_and_heals(machine: Machine, tmp_path: Path, make_feeder: Callable[..., Any], calls: Any) -> None:
    arrivals = tmp_path / "arrivals"
    with arrivals.open("wb") as out:
        shore = subprocess.Popen(
            machine.inside("mosquitto_sub", "-h", "localhost", "-p", str(PORT), "-u", "shore", "-P", "ashore",
                           "-t", "edge_daemon/buoy-07/detections", "-q", "1"),
            stdout=out, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ids() -> set[str]:
        text = arrivals.read_text()
        return {json.loads(line)["id"] for line in text[: text.rfind("\n") + 1].splitlines()}

    def alive(restarts: int) -> bool:
        """Active after so many restarts, and three more detections have come since the last look."""
        return machine.show("NRestarts") == str(restarts) and machine.show("ActiveState") == "active"

    must_arrive: set[str] = set()

    def hears_three_more() -> None:
        before, earlier = len(ids()), machine.found()
        until(lambda: len(ids()) >= before + 3, 60, machine.log)
        must_arrive.update(machine.found() - earlier)
        time.sleep(1.0)  # what was found is in the outbox now

    feeder = make_feeder(machine.root / "srv/hydrophone", calls(1000), SPEED, wait_for_reader=False)
    try:
        until(lambda: alive(0), 60, machine.log)
        feeder.start()
        hears_three_more()
        assert "listening" in machine.show("StatusText")
        main = machine.show("MainPID")
        user, *groups = machine.run("ps", "-o", "user:20,supgrp:60", "--no-headers", "-p", main).split()
        assert user == "edge-daemon"
        assert "audio" in ",".join(groups).split(",")
        assert machine.run("stat", "-L", "-c", "%U %a", "/var/lib/edge-daemon") == "edge-daemon 750"
        assert machine.run("stat", "-L", "-c", "%U %a", "/var/lib/edge-daemon/outbox.db") == "edge-daemon 600"
        for place in ("/etc/edge-daemon", "/opt/edge-daemon", "/usr", "/srv"):
            machine.run("nsenter", "-t", main, "-m", "--", "sh", "-c", f"! touch {place}/x")

        machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "edge-daemon")
        until(lambda: alive(1), 60, machine.log)
        hears_three_more()

        stood_still = time.monotonic()
        machine.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", "edge-daemon")
        until(lambda: alive(2), 60, machine.log)
        assert 2.0 < time.monotonic() - stood_still < 20.0
        assert "Watchdog timeout" in machine.journal()
        hears_three_more()

        # without sound, but with a known cause, it is not restarted
        feeder.stop()
        time.sleep(10.0)
        assert alive(2)

        began = time.monotonic()
        machine.run("systemctl", "stop", "edge-daemon")
        assert time.monotonic() - began < 5.0
        assert machine.show("ActiveState") == "inactive"
        assert machine.show("Result") == "success"
        until(lambda: must_arrive <= ids(), 20, machine.log)
        assert len(must_arrive) >= 9
        assert ids() <= machine.found()
        assert "Traceback" not in machine.journal()
    finally:
        feeder.stop()
        shore.kill()
        shore.wait(20)


def ready(machine: Machine) -> bool:
    """The unit is active, and the daemon has said what it does."""
    return machine.show("ActiveState") == "active" and bool(machine.show("StatusText"))


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_ear_stays_open_without_password_and_without_configuration(machine: Machine) -> None:
    settings, password = machine.root / "etc/edge-daemon/config.yaml", machine.root / "etc/edge-daemon/mqtt-password"
    until(lambda: ready(machine) and "broker online" in machine.show("StatusText"), 60, machine.log)
    kept = machine.root / "var/lib/edge-daemon"
    until(lambda: [*kept.rglob("kept-config-*.yaml")], 20, machine.log)

    password.unlink()
    machine.run("systemctl", "restart", "edge-daemon")
    until(lambda: ready(machine) and "broker waiting" in machine.show("StatusText"), 60, machine.log)
    assert "mqtt.password_credential refers to the credential mqtt-password, which is empty" in machine.journal()

    for spoil in (lambda: settings.write_text(""), lambda: settings.write_text("version: [1"), settings.unlink):
        spoil()
        before = machine.show("MainPID")
        machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "edge-daemon")  # a power cut
        until(lambda before=before: machine.show("MainPID") not in ("0", before), 60, machine.log)  # type: ignore[misc]
        until(lambda: ready(machine), 60, machine.log)
        assert "the last one that worked is in force" in machine.show("StatusText")

    put(settings, SETTINGS)
    put(password, "s3cret\n", 0o600)
    machine.run("systemctl", "restart", "edge-daemon")
    until(lambda: ready(machine) and "broker online" in machine.show("StatusText"), 60, machine.log)
    assert "in force" not in machine.show("StatusText")
    assert "Traceback" not in machine.journal()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_release_that_is_not_ready_at_two_starts_gives_way(machine: Machine) -> None:
    program = machine.root / "opt/edge-daemon"
    link = program / "venv"

    def switch(name: str) -> None:
        """What the installer does: `former`, `trial`, one renaming, restart."""
        (program / "former").unlink(missing_ok=True)
        (program / "former").symlink_to(link.readlink())
        (program / "trial").write_text("")
        (program / "venv.new").symlink_to(f"releases/{name}")
        (program / "venv.new").rename(link)
        machine.run("systemctl", "restart", "edge-daemon", check=False)

    until(lambda: ready(machine), 60, machine.log)
    put(program / "releases/bad/bin/python", "#!/bin/sh\nexit 1\n", 0o755)
    switch("bad")
    until(lambda: ready(machine) and str(link.readlink()) == "releases/first", 60, machine.log)
    assert (program / "refused").read_text() == "releases/bad\n"
    assert not (program / "trial").exists()
    assert "going back from releases/bad to releases/first" in machine.journal()
    assert machine.show("NRestarts") == "2"

    put(program / "releases/good/bin/python", PROGRAM, 0o755)
    switch("good")
    until(lambda: ready(machine), 60, machine.log)
    until(lambda: not (program / "trial").exists(), 10, machine.log)
    assert str(link.readlink()) == "releases/good"

    (program / "releases/good/bin/python").unlink()  # a card that lost the file
    machine.run("systemctl", "restart", "edge-daemon", check=False)
    until(lambda: ready(machine) and str(link.readlink()) == "releases/first", 60, machine.log)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_page_reads_and_cannot_write(machine: Machine, make_feeder: Callable[..., Any], calls: Any) -> None:
    """Under its own unit, with the daemon at work, stopped in order, and started again."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")

    def page(path: str, *more: str) -> str:
        return machine.run("curl", "-s", "-b", JAR, *more, f"http://127.0.0.1:8766{path}", check=False)

    def device() -> dict[str, Any]:
        answer = page("/api/devices/buoy-07?days=1")
        return json.loads(answer) if answer.startswith("{") else {}

    def journal() -> str:
        return machine.run("journalctl", "-u", "edge-daemon-page", "--no-pager", "-o", "cat", check=False)

    feeder = make_feeder(machine.root / "srv/hydrophone", calls(1000), SPEED, wait_for_reader=False)
    try:
        until(lambda: ready(machine), 60, machine.log)
        feeder.start()
        assert machine.run("stat", "-c", "%U %a", "/run/edge-daemon/page.sock") == "edge-daemon 600"
        machine.run("systemctl", "start", "edge-daemon-page")
        assert machine.run("systemctl", "is-active", "edge-daemon-page") == "active"
        assert page("/api/detections") == '{"problem": "Log in first."}'
        page("/login", "-c", JAR, "-d", "password=whales at dawn")
        until(lambda: len(json.loads(page("/api/detections")).get("detections", [])) >= 3, 60, journal)
        assert device()["word"] in ("ok", "warning", "failing")
        assert [name for name, _ in device()["facts"]][:2] == ["program", "running for"]
        told = machine.run("timeout", "5", "curl", "-sN", "-b", JAR, "http://127.0.0.1:8766/input", check=False)
        assert {"event: hello", "event: state", "event: sound"} <= set(told.splitlines())
        main = machine.run("systemctl", "show", "edge-daemon-page", "-p", "MainPID", "--value")
        assert machine.run("ps", "-o", "user:20", "--no-headers", "-p", main) == "edge-daemon"
        for place in ("/var/lib/edge-daemon", "/run/edge-daemon", "/etc/edge-daemon", "/opt/edge-daemon"):
            machine.run("nsenter", "-t", main, "-m", "--", "sh", "-c", f"! touch {place}/x")

        machine.run("systemctl", "stop", "edge-daemon")
        assert device()["word"] == "offline"
        assert len(json.loads(page("/api/detections"))["detections"]) >= 3
        assert json.loads(page("/api/presence/buoy-07"))["hours"]
        machine.run("systemctl", "start", "edge-daemon")
        until(lambda: device().get("word") != "offline", 60, machine.log)
        machine.run("systemctl", "stop", "edge-daemon-page")
        assert machine.run("systemctl", "show", "edge-daemon-page", "-p", "Result", "--value") == "success"
        assert "Traceback" not in journal() + machine.journal()
    finally:
        feeder.stop()
