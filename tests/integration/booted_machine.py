"""A real systemd, booted in a container over this machine's own files; what it writes is forgotten afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEVICE_PACKAGES = "numpy, onnxruntime, soundfile, soxr, sounddevice, paho.mqtt, yaml, pydantic, click, rich"


class Machine:
    """A booted container.

    Attributes:
        leader: its first process, as this machine counts.
        root: its file system.
        unit: the service that the test is about.
    """

    def __init__(self, leader: int, root: Path, unit: str) -> None:
        self.leader, self.root, self.unit = leader, root, unit

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in the container."""
        return ["nsenter", "-t", str(self.leader), "-a", "--", *command]

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command inside and give its output."""
        result = subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=60, check=False)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def log(self) -> str:
        """The unit's state and journal."""
        return self.run("systemctl", "status", "--no-pager", self.unit, check=False) + self.journal()[-4000:]

    def journal(self) -> str:
        """All that the daemon and systemd said about the unit."""
        return self.run("journalctl", "-u", self.unit, "--no-pager", "-o", "cat", check=False)

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", self.unit, "-p", name, "--value")

    def found(self) -> set[str]:
        """Identities of the detections in the journal."""
        return set(re.findall(r"id=([0-9a-f]{8}-[0-9a-f-]{27})", self.journal()))


def until(condition: Callable[[], object], seconds: float, explain: Callable[[], str] = str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain\n{explain()}"
        time.sleep(0.1)


def put(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def site_packages(names: str) -> str:
    """Where these packages are; skips where Debian's Python cannot use them."""
    site = sysconfig.get_path("platlib")
    result = subprocess.run(
        ["/usr/bin/python3", "-c", f"import sys; sys.path.insert(0, {site!r}); import {names}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1]
        pytest.skip(f"/usr/bin/python3 cannot use the packages of Python {sys.version_info[:2]}: {reason}")
    return site


@contextmanager
def booted(
    tmp_path: Path, unit: str, prepare: Callable[[Path], None], bound: str, names: str = DEVICE_PACKAGES
) -> Iterator[Machine]:
    """A machine that has booted; skips where that cannot be.

    Args:
        tmp_path: for its files.
        unit: the service that the test is about.
        prepare: lays out its root before.
        bound: folder in it where the packages of the tests' environment are to be found.
        names: packages that must be there.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for program in ("systemd-nspawn", "nsenter", "pgrep", "mosquitto", "mosquitto_sub"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install systemd-container dbus util-linux procps mosquitto-clients")
    if not Path("/usr/bin/python3").exists():
        pytest.skip("needs /usr/bin/python3: apt-get install python3")
    site = site_packages(names)
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
                 "-D", root, "--console=pipe", f"--bind-ro={site}:{bound}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        found: list[int] = []

        def up() -> bool:
            assert process is not None
            assert process.poll() is None, (tmp_path / "boot.log").read_text()
            if not found:
                answer = subprocess.run(
                    ["pgrep", "-P", str(process.pid), "-x", "systemd"], capture_output=True, text=True, check=False
                )
                found.extend(int(pid) for pid in answer.stdout.split())
                return False
            state = Machine(found[0], root, unit).run("systemctl", "is-system-running", check=False)
            return state in ("running", "degraded")

        until(up, 120)
        yield Machine(found[0], root, unit)
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
