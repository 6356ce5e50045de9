"""The installer: an update is whole or did not happen, and nothing of the caller's folder is run as root."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = ROOT / "systemd"
LOCKS = SYSTEMD / "locks"


def scripts() -> list[str]:
    return [line.strip() for line in (SYSTEMD / "install.sh").read_text().splitlines() if not line.startswith("#")]


# nothing of the surrounding folder


def test_nothing_of_the_current_folder_and_the_environment_is_run(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    trap = f"open({str(tmp_path / 'RUN')!r}, 'w')\n"
    for name in (
        "venv",
        "ensurepip",
        "pip",
        "os",
        "sys",
        "pathlib",
        "ctypes",
        "site",
        "sitecustomize",
        "usercustomize",
    ):
        (here / f"{name}.py").write_text(trap)
    environment = os.environ | {"PYTHONPATH": str(here), "PYTHONSTARTUP": str(here / "os.py"), "CDPATH": str(here)}
    for arguments in (["--source", "nowhere"], ["--source", ".", "--extras", "none"]):
        result = subprocess.run(
            ["sh", SYSTEMD / "install.sh", "--root", "root", "--python", sys.executable, *arguments],
            cwd=here, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert result.returncode == 1, result.stdout
        assert (
            f"nothing to install at {here}/nowhere" in result.stderr
            or "home folder" in result.stderr
            or ("has nothing for the extra 'none'" in result.stderr)
        )
    assert not (tmp_path / "RUN").exists()


def test_every_python_of_the_installer_is_isolated() -> None:
    lines = scripts()
    assert lines.index("cd /") < min(number for number, line in enumerate(lines) if '"$python"' in line)
    calls = [line for line in lines if re.search(r'("\$python"|bin/python") (?!\])', line)]
    assert len(calls) >= 8
    assert [line for line in calls if not re.search(r'("\$python"|bin/python") -I ', line)] == []


# locks


def pins(name: str) -> dict[str, tuple[Version, list[str]]]:
    """Version and digests of each package of a lock."""
    text = (LOCKS / f"{name}.txt").read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            words = line.split()
            package, _, version = words[0].partition("==")
            digests = [word.removeprefix("--hash=sha256:") for word in words[1:]]
            assert digests
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests), line
            found[package] = (Version(version), digests)
    return found


def test_locks_hold_all_that_is_declared_and_what_that_needs() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    optional = document["project"]["optional-dependencies"]
    declared = {
        "daemon": document["project"]["dependencies"],
        "prometheus": optional["prometheus"],
        "orders": optional["orders"],
        "build": document["build-system"]["requires"],
    }
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(declared)
    for name, wanted in declared.items():
        pinned = pins(name)
        todo, seen = [Requirement(text) for text in wanted], set()
        while todo:
            requirement = todo.pop()
            key = requirement.name.lower().replace("_", "-")
            assert key in pinned, f"python systemd/make_locks.py {name}"
            assert requirement.specifier.contains(pinned[key][0]), f"python systemd/make_locks.py {name}: {requirement}"
            if key not in seen and name == "daemon":  # what is installed here tells what it needs
                seen.add(key)
                needs = [Requirement(text) for text in requires(key) or ()]
                todo += [one for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]


def test_a_package_of_compiled_code_is_locked_for_both_processors_and_all_pythons() -> None:
    pinned = pins("daemon")
    for name in ("numpy", "onnxruntime", "pydantic-core", "pyyaml", "cffi"):
        assert len(pinned[name][1]) == 6, name  # two processors, three Pythons
    assert len(pinned["click"][1]) == 1


# the trial of a release


class Board:
    """`/opt/edge-daemon` of a board below a folder, with releases that are only names."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "opt/edge-daemon"
        (folder / "etc/systemd/system").mkdir(parents=True)
        self.unit = folder / "etc/systemd/system/edge-daemon.service"
        self.program.mkdir(parents=True)
        shutil.copy(SYSTEMD / "trial.sh", self.program / "trial.sh")
        for name in ("old", "new"):
            python = self.program / "releases" / name / "bin/python"
            python.parent.mkdir(parents=True)
            python.write_text("")
            python.chmod(0o755)
            (self.program / "releases" / name / "edge-daemon.service").write_text(f"{name}\n")
        self.unit.write_text("new\n")
        (self.program / "venv").symlink_to("releases/new")
        (self.program / "former").symlink_to("releases/old")
        (self.program / "trial").write_text("")

    def says(self, word: str) -> str:
        """Run the script as the unit does; gives what it says."""
        command = ["sh", self.program / "trial.sh", word]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr

    @property
    def release(self) -> str:
        return (self.program / "venv").readlink().name


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_the_former_release_comes_back_at_the_third_start(board: Board) -> None:
    for _ in range(2):
        assert board.says("begin") == ""
        assert board.release == "new"
    assert "going back from releases/new to releases/old" in board.says("begin")
    assert board.release == "old"
    assert board.unit.read_text() == "old\n"
    assert (board.program / "refused").read_text() == "releases/new\n"
    for _ in range(5):  # and stays: the trial is over
        assert board.says("begin") == ""
    assert board.release == "old"


def test_a_release_that_was_ready_once_is_never_given_up(board: Board) -> None:
    board.says("begin")
    board.says("begin")
    board.says("ready")
    for _ in range(5):
        board.says("begin")
    assert board.release == "new"


def test_a_release_whose_interpreter_is_gone_gives_way_at_once(board: Board) -> None:
    board.says("begin")
    board.says("ready")
    (board.program / "releases/new/bin/python").unlink()
    assert "the program is not there" in board.says("begin")
    assert board.release == "old"


@pytest.mark.parametrize("lost", ["former", "its interpreter", "another"])
def test_without_a_former_release_nothing_is_changed(board: Board, lost: str) -> None:
    if lost == "its interpreter":
        (board.program / "releases/old/bin/python").unlink()
    else:
        (board.program / "former").unlink()
        if lost == "another":  # an update that was cut off before it switched
            (board.program / "former").symlink_to("releases/new")
    for _ in range(4):
        board.says("begin")
    assert board.release == "new"
    assert not (board.program / "trial").exists()


# the real thing


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that an installation needs, as the guide's recipe for boards without a network makes it."""
    if os.geteuid() != 0:
        pytest.skip("needs root: the settings belong to root")
    modules = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", "import ensurepip, venv"], capture_output=True, check=False
    )
    if modules.returncode != 0:
        pytest.skip("needs Debian's Python with venv: apt-get install python3-venv")
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip"]
    for lock in ("daemon", "build"):
        locked = ["--require-hashes", "-r", str(LOCKS / f"{lock}.txt")]
        command = [*pip, "download", "--quiet", "--only-binary", ":all:", "-d", str(folder), *locked]
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        if got.returncode != 0 and "hash" not in got.stderr.lower():
            pytest.skip(f"the packages cannot be downloaded: {got.stderr.strip().splitlines()[-1:]}")
        assert got.returncode == 0, got.stderr
    return folder


class Installation:
    """An installation below a folder, from wheels alone."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self.environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
        self.environment.pop("PYTHONPATH", None)

    def command(self, *arguments: str | Path, systemd: Path = SYSTEMD) -> dict[str, Any]:
        return {
            "args": ["sh", systemd / "install.sh", "--root", self.root, *arguments],
            "env": self.environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def run(self, *arguments: str | Path, systemd: Path = SYSTEMD) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self.command(*arguments, systemd=systemd), timeout=1700, check=False)

    @property
    def link(self) -> Path:
        return self.root / "opt/edge-daemon/venv"

    def works(self) -> bool:
        """Whether the program in force starts and finds its model."""
        command = [self.link / "bin/python", "-I", "-m", "edge_daemon", "model", "info"]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0

    def scored_by(self) -> set[str]:
        """The backend that the program in force takes by itself."""
        command = [
            self.link / "bin/python",
            "-I",
            "-m",
            "edge_daemon",
            "replay",
            "--output",
            "out",
            "--formats",
            "jsonl",
        ]
        subprocess.run(command, cwd=self.root, capture_output=True, timeout=120, check=True)
        lines = (self.root / "out/detections.jsonl").read_text().splitlines()
        return {json.loads(line)["backend"] for line in lines}

    def releases(self) -> set[str]:
        return {path.name for path in (self.root / "opt/edge-daemon/releases").iterdir()}


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_an_update_that_is_killed_at_any_moment_leaves_a_program(tmp_path: Path, wheels: Path) -> None:
    installed = Installation(tmp_path / "root", wheels)
    began = time.monotonic()
    done = installed.run()
    assert done.returncode == 0, done.stdout
    lasted = time.monotonic() - began
    first = installed.link.readlink()
    assert installed.works()
    random_number = random.Random(20)
    moments = [random_number.uniform(0.0, lasted) for _ in range(4)] + [random_number.uniform(0.85, 1.0) * lasted] * 2
    for moment in moments:
        process = subprocess.Popen(**installed.command(), start_new_session=True)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert installed.works(), f"killed after {moment:.1f} of {lasted:.1f} s"
    done = installed.run()
    assert done.returncode == 0, done.stdout
    assert installed.works()
    assert installed.link.readlink() != first
    former = installed.root / "opt/edge-daemon/former"
    assert installed.releases() == {installed.link.readlink().name, former.readlink().name}
    assert former.readlink() != installed.link.readlink()


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_what_does_not_pass_its_own_test_is_not_put_in_force(tmp_path: Path, wheels: Path) -> None:
    installed = Installation(tmp_path / "root", wheels)
    done = installed.run()
    assert done.returncode == 0, done.stdout
    first = installed.link.readlink()

    def refused(checkout: Path, words: str) -> None:
        done = installed.run("--source", checkout, systemd=checkout / "systemd")
        assert done.returncode != 0
        assert words in done.stdout
        assert installed.link.readlink() == first
        assert installed.works()
        assert installed.releases() == {first.name}

    def checkout(name: str) -> Path:
        made = tmp_path / name
        made.mkdir()
        for part in ("edge_daemon", "systemd"):
            shutil.copytree(ROOT / part, made / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / part, made / part)
        return made

    broken = checkout("broken")
    (broken / "edge_daemon/cli/model.py").write_text("raise ImportError('half a file')\n")
    refused(broken, "the new release cannot open its model")

    choosy = checkout("choosy")
    path = choosy / "edge_daemon/config/log.py"
    path.write_text(path.read_text() + "raise SystemExit(2)\n")
    refused(choosy, "which the installed one takes; nothing was changed")

    altered = checkout("altered")
    lock = altered / "systemd/locks/daemon.txt"
    lock.write_text(re.sub(r"(paho-mqtt==\S+ \\\n\s+--hash=sha256:)\w+", rf"\g<1>{'0' * 64}", lock.read_text()))
    refused(altered, "what")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_an_installation_of_0_1_0_changes_places_with_the_first_release(tmp_path: Path, wheels: Path) -> None:
    installed = Installation(tmp_path / "root", wheels)
    done = installed.run()
    assert done.returncode == 0, done.stdout
    program = installed.root / "opt/edge-daemon"
    folder = program / "releases" / installed.link.readlink().name
    installed.link.unlink()
    folder.rename(installed.link)  # as 0.1.0 was installed
    shutil.rmtree(program / "releases")
    done = installed.run()
    assert done.returncode == 0, done.stdout
    assert installed.link.is_symlink()
    assert installed.works()
    assert (program / "former").readlink() == Path("releases/first")
    assert (program / "former/bin/edge-daemon").exists()
    assert (program / "trial").read_text() == ""


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_kernel_is_built_where_a_compiler_is_and_its_lack_stops_nothing(tmp_path: Path, wheels: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    installed = Installation(tmp_path / "root", wheels)

    def scoring(path: str) -> str:
        """Install with this search path; the line about scoring."""
        installed.environment["PATH"] = path
        done = installed.run()
        assert done.returncode == 0, done.stdout
        assert installed.works()
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("Scoring: ")]
        return line

    usual = installed.environment["PATH"]
    assert scoring(usual) == "Scoring: the compiled kernel"
    assert installed.scored_by() == {"compiled"}

    failing = tmp_path / "failing"
    failing.mkdir()
    (failing / "cc").write_text("#!/bin/sh\necho 'no room' >&2\nexit 1\n")
    (failing / "cc").chmod(0o755)
    line = scoring(f"{failing}:{usual}")
    assert line == "Scoring: ONNX Runtime; the compiled kernel cannot be had: The compiler cc failed: no room"
    assert installed.scored_by() == {"onnx"}

    without = tmp_path / "without"
    without.mkdir()
    for program in [*Path("/usr/sbin").iterdir(), *Path("/usr/bin").iterdir()]:
        if program.name != "cc" and not (without / program.name).is_symlink():
            (without / program.name).symlink_to(program)
    assert scoring(str(without)).startswith("Scoring: ONNX Runtime; with a C compiler (apt-get install gcc libc6-dev) ")
    assert installed.scored_by() == {"onnx"}
