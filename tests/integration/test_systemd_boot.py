"""The unit under a real systemd, booted in a container over this machine's own files.

A stand-in for the daemon runs as the unit's main process, with the package's own notifications, so that what is
tested is the unit: readiness, credential, state folder, hardening, restart after a kill, watchdog after a standstill.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STAND_IN = """\
import os, signal, sys, time
sys.path.insert(0, "/opt/edge-daemon/lib")
from edge_daemon.credentials import read_credential
from edge_daemon.notify import Notifier

ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
notifier = Notifier.from_environment()
with open("/var/lib/edge-daemon/state", "a") as file:
    file.write(read_credential("mqtt-password", os.environ) + "\\n")
try:
    open("/etc/edge-daemon/config.yaml", "a").close()
    print("HARDENING: /etc can be written", flush=True)
except OSError:
    print("HARDENING: /etc cannot be written", flush=True)
notifier.ready("listening to the stand-in")
while not ended:
    notifier.watchdog()
    time.sleep(notifier.interval_s or 1)
notifier.stopping()
"""


class Machine:
    """A booted container."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command inside and give its output."""
        result = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", *command],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def log(self) -> str:
        """The unit's state and journal."""
        status = self.run("systemctl", "status", "--no-pager", "edge-daemon", check=False)
        return status + self.run("journalctl", "-u", "edge-daemon", "--no-pager", check=False)[-4000:]

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", "edge-daemon", "-p", name, "--value")


def until(condition: Callable[[], object], seconds: float, explain: Callable[[], str] = str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain\n{explain()}"
        time.sleep(0.1)


def prepare(root: Path) -> None:
    """Unit, user, folders and the stand-in, as the installer lays them out."""
    systemd = ROOT / "systemd"
    for source, target in {
        "edge-daemon.service": "etc/systemd/system/edge-daemon.service",
        "sysusers.d/edge-daemon.conf": "etc/sysusers.d/edge-daemon.conf",
        "tmpfiles.d/edge-daemon.conf": "etc/tmpfiles.d/edge-daemon.conf",
        "config.example.yaml": "etc/edge-daemon/config.yaml",
    }.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(systemd / source, root / target)
    (root / "etc/edge-daemon/mqtt-password").write_text("s3cret\n")
    (root / "etc/edge-daemon/mqtt-password").chmod(0o600)
    library = root / "opt/edge-daemon/lib"
    library.mkdir(parents=True)
    for folder in (root / "opt/edge-daemon", library):
        folder.chmod(0o755)
    shutil.copytree(ROOT / "edge_daemon", library / "edge_daemon", ignore=shutil.ignore_patterns("__pycache__"))
    program = root / "opt/edge-daemon/venv/bin/edge-daemon"
    program.parent.mkdir(parents=True)
    # Debian's own: the one that runs the tests may lie in a home folder, which the unit cannot see
    program.write_text(f"#!/usr/bin/python3\n{STAND_IN}")
    program.chmod(0o755)
    drop_in = root / "etc/systemd/system/edge-daemon.service.d/test.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=3\nRestartSec=200ms\nTimeoutAbortSec=2\n")
    for command in (["systemctl", "enable", "edge-daemon"], ["systemctl", "set-default", "multi-user.target"]):
        subprocess.run([command[0], f"--root={root}", *command[1:]], check=True, capture_output=True, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for program in ("systemd-nspawn", "nsenter", "pgrep"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install systemd-container dbus util-linux procps")
    if not Path("/usr/bin/python3").exists():
        pytest.skip("needs /usr/bin/python3: apt-get install python3")
    scratch, root = tmp_path / "scratch", tmp_path / "root"
    scratch.mkdir()
    root.mkdir()
    mounted: list[Path] = []
    process: subprocess.Popen[bytes] | None = None
    try:
        try:
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True, capture_output=True, timeout=60)
            mounted.append(scratch)
            for name in ("upper", "work"):
                (scratch / name).mkdir()
            options = f"lowerdir=/,upperdir={scratch}/upper,workdir={scratch}/work"
            command = ["mount", "-t", "overlay", "overlay", "-o", options, root]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            mounted.append(root)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine mounts no overlay: {error.stderr.decode().strip()}")
        prepare(root)
        with (tmp_path / "boot.log").open("wb") as log:
            process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot",
                 "-D", root, "--console=pipe"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        found: list[int] = []

        def booted() -> bool:
            assert process is not None
            assert process.poll() is None, (tmp_path / "boot.log").read_text()
            if not found:
                answer = subprocess.run(
                    ["pgrep", "-P", str(process.pid), "-x", "systemd"], capture_output=True, text=True, check=False
                )
                found.extend(int(pid) for pid in answer.stdout.split())
                return False
            state = Machine(found[0]).run("systemctl", "is-system-running", check=False)
            return state in ("running", "degraded")

        until(booted, 120)
        yield Machine(found[0])
    finally:
        if process is not None and process.poll() is None:
            for pid in subprocess.run(
                ["pgrep", "-P", str(process.pid), "-x", "systemd"], capture_output=True, text=True, check=False
            ).stdout.split():
                os.kill(int(pid), signal.SIGRTMIN + 4)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
        for place in reversed(mounted):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True, timeout=60)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_unit_lives_and_heals(machine: Machine) -> None:
    until(lambda: machine.show("ActiveState") == "active", 60, machine.log)
    assert machine.show("StatusText") == "listening to the stand-in"
    assert machine.show("NRestarts") == "0"
    assert machine.run("cat", "/var/lib/edge-daemon/state") == "s3cret"
    assert machine.run("stat", "-L", "-c", "%U %a", "/var/lib/edge-daemon") == "edge-daemon 750"
    assert "HARDENING: /etc cannot be written" in machine.run("journalctl", "-u", "edge-daemon", "-o", "cat")
    main = machine.show("MainPID")
    user, *groups = machine.run("ps", "-o", "user:20,supgrp:60", "--no-headers", "-p", main).split()
    assert user == "edge-daemon"
    assert "audio" in ",".join(groups).split(",")

    machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "edge-daemon")
    until(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", 60, machine.log)

    machine.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", "edge-daemon")
    until(lambda: machine.show("NRestarts") == "2" and machine.show("ActiveState") == "active", 60, machine.log)
    assert "Watchdog timeout" in machine.run("journalctl", "-u", "edge-daemon", "-o", "cat")

    machine.run("systemctl", "stop", "edge-daemon")
    assert machine.show("ActiveState") == "inactive"
    assert machine.show("Result") == "success"
