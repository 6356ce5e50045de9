"""The unit, its hardening, the example configuration and the installer."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_daemon.config import load
from edge_daemon.config.profile import PROFILES

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "edge-daemon.service"
EXPOSURE = 2.0


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def keys(section: str) -> dict[str, list[str]]:
    """Values of each key of a section; systemd allows a key more than once."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif "=" in line and not line.startswith("#") and current == section:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_exposure_is_low() -> None:
    result = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE * 10:.0f}", UNIT],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    level = re.search(r"exposure level for edge-daemon\.service: ([\d.]+)", result.stdout)
    assert level is not None
    assert float(level[1]) <= EXPOSURE


def test_unit_is_well_formed(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/edge-daemon/venv/bin/python", "/bin/true"))
    result = subprocess.run(
        [tool("systemd-analyze"), "verify", copy], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert UNIT.name not in result.stderr, result.stderr


def test_unit_keeps_the_daemon_alive_and_small() -> None:
    service = keys("Service")
    assert service["Type"] == ["notify"]
    assert service["Restart"] == ["always"]
    assert int(service["WatchdogSec"][0]) >= 30
    assert service["StateDirectory"] == ["edge-daemon"]
    assert service["User"] == ["edge-daemon"]
    assert "MemoryMax" in service
    assert service["LoadCredential"] == ["mqtt-password:/etc/edge-daemon/mqtt-password"]
    assert keys("Unit")["StartLimitIntervalSec"] == ["0"]


def test_the_unit_needs_nothing_that_may_be_gone() -> None:
    """What is absent must be refused by the daemon, with a sentence, or done without; systemd would never try again."""
    assert not {"RequiresMountsFor", "Requires", "BindsTo", "Requisite"} & keys("Unit").keys()
    passed_on = {value.partition(":")[0] for value in keys("Service")["LoadCredential"]}
    assert {value.partition(":")[0] for value in keys("Service")["SetCredential"]} == passed_on
    assert keys("Service")["WorkingDirectory"][0].startswith("-")
    for name in ("ReadWritePaths", "BindPaths", "EnvironmentFile"):
        assert all(value.startswith("-") for value in keys("Service").get(name, []))
    guide = (SYSTEMD.parent / "docs" / "operator.md").read_text(encoding="utf-8")
    drop_ins = "\n".join(part for part in guide.split("```") if part.startswith("ini"))
    assert "ReadWritePaths=-/" in drop_ins
    assert not re.search(r"^Requires\w*=|^ReadWritePaths=/", drop_ins, re.MULTILINE)


def members(name: str) -> set[str]:
    """System calls of a group of systemd's, groups within it opened up."""
    listed = subprocess.run(
        [tool("systemd-analyze"), "syscall-filter", "--no-pager", name],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout.splitlines()[1:]  # fmt: skip
    entries = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return {call for entry in entries for call in (members(entry) if entry.startswith("@") else {entry})}


def test_the_kernel_may_be_asked_for_its_clock_and_not_told() -> None:
    allowed: set[str] = set()
    for line in keys("Service")["SystemCallFilter"]:  # as systemd does: line by line, `~` takes away
        named = line.removeprefix("~").split()
        calls = {call for name in named for call in (members(name) if name.startswith("@") else {name})}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    assert {"adjtimex", "clock_adjtime", "sched_setscheduler", "sched_setaffinity"} <= allowed
    assert not allowed & {"clock_settime", "settimeofday", "setuid", "chown", "mount", "setrlimit"}
    assert "ProtectClock" not in keys("Service")  # it denies adjtimex too
    assert keys("Service")["CapabilityBoundingSet"] == [""]


def test_a_worker_that_takes_all_memory_does_not_take_the_daemon_along() -> None:
    assert keys("Service")["OOMPolicy"] == ["continue"]


def test_drop_in_folders_agree_with_the_unit() -> None:
    users = (SYSTEMD / "sysusers.d" / "edge-daemon.conf").read_text()
    assert "u edge-daemon " in users
    assert "m edge-daemon audio" in users
    files = (SYSTEMD / "tmpfiles.d" / "edge-daemon.conf").read_text()
    assert "f /etc/edge-daemon/mqtt-password 0600 root root" in files
    assert "f /etc/edge-daemon/page-password 0600 root root" in files


def test_example_configuration_is_the_generated_one_and_loads() -> None:
    example = SYSTEMD / "config.example.yaml"
    generated = runpy.run_path(str(SYSTEMD / "make_example.py"))["example"]()
    assert example.read_text() == generated, "python systemd/make_example.py"
    loaded = load(example, {}).config
    assert loaded.device.id == "buoy-01"
    assert len(PROFILES["buoy"]) > 5
    for (section, name), value in PROFILES["buoy"].items():
        assert getattr(getattr(loaded, section), name) == value


def test_installer_is_clean() -> None:
    result = subprocess.run(
        [tool("shellcheck"), SYSTEMD / "install.sh", SYSTEMD / "trial.sh"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--help"], 0, "--uninstall"),
        (["--nonsense"], 1, "unknown option --nonsense"),
        (["--profile"], 1, "--profile needs a value"),
        (["--python", "/no/such/python"], 1, "needs Python 3.11 or later"),
        (["--source", "/no/such/folder"], 1, "nothing to install at /no/such/folder"),
    ],
)
def test_installer_says_what_is_wrong(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    result = subprocess.run(
        ["sh", SYSTEMD / "install.sh", "--root", tmp_path / "root", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == code
    assert text in result.stdout + result.stderr
    assert not (tmp_path / "root").exists()


def test_installer_refuses_an_interpreter_that_the_service_cannot_see(tmp_path: Path) -> None:
    if not Path(sys.executable).resolve().is_relative_to("/root") and "/home/" not in sys.executable:
        pytest.skip("the interpreter of these tests lies in no home folder")
    result = subprocess.run(
        ["sh", SYSTEMD / "install.sh", "--root", tmp_path / "root", "--python", sys.executable],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "which the service cannot see" in result.stderr


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_install_twice_then_uninstall(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: the settings belong to root")
    modules = subprocess.run(["/usr/bin/python3", "-c", "import ensurepip, venv"], capture_output=True, check=False)
    if modules.returncode != 0:
        pytest.skip("needs Debian's Python with venv: apt-get install python3-venv")
    root = tmp_path / "root"

    def install(*arguments: str) -> str:
        result = subprocess.run(
            ["sh", SYSTEMD / "install.sh", "--root", root, *arguments],
            capture_output=True, text=True, timeout=1200, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    install("--profile", "drone")
    settings = root / "etc/edge-daemon/config.yaml"
    assert load(settings, {}).config.detection.hop_s == 0.25
    assert settings.stat().st_mode & 0o777 == 0o640
    secret = root / "etc/edge-daemon/mqtt-password"
    for password in (secret, root / "etc/edge-daemon/page-password"):
        assert password.stat().st_mode & 0o777 == 0o600
    units = root / "etc/systemd/system"
    assert (units / "edge-daemon-page.service").exists()
    assert [unit.name for unit in (units / "multi-user.target.wants").iterdir()] == ["edge-daemon.service"]
    venv = root / "opt/edge-daemon/venv"
    command = [venv / "bin/python", "-m", "edge_daemon", "config", "check", "--syntax", settings]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    # what is in the image names no place outside of it
    script = (venv / "bin/edge-daemon").read_text().splitlines()[0]
    assert script.startswith("#!/opt/edge-daemon/venv/bin/python")
    for file in (venv / "pyvenv.cfg", *(venv / "bin").iterdir()):
        assert file.is_symlink() or str(root).encode() not in file.read_bytes(), file
    assert (venv / "bin/python3").readlink() == Path("/usr/bin/python3")

    settings.write_text("version: 1\ndevice:\n  id: mine\n")
    secret.write_text("secret")
    assert "exists and was not changed" in install()
    assert load(settings, {}).config.device.id == "mine"
    assert secret.read_text() == "secret"

    install("--uninstall")
    assert not (root / "opt/edge-daemon").exists()
    assert list(units.glob("edge-daemon*")) == []
    assert settings.exists()
    install("--uninstall", "--purge")
    assert not settings.parent.exists()
