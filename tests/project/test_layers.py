"""The contracts of .importlinter hold, and an import against one of them fails with the way that arrows run."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's Python files and contracts, to be spoilt."""
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in ("edge_daemon", "train", "export"):
        for file in (ROOT / package).rglob("*.py"):
            place = tmp_path / file.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    """Exit code of lint-imports and what it prints, on one line."""
    command = ["lint-imports", "--no-logo", "--no-cache"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_the_project_keeps_its_contracts(copy: Path) -> None:
    code, printed = lint(copy)
    assert (code, "0 broken" in printed) == (0, True), printed


DOWNWARDS = "Arrows run downwards only"
FORBIDDEN = [
    ("edge_daemon/detection/windower.py", "import edge_daemon.live.daemon", DOWNWARDS),
    ("edge_daemon/config/clock.py", "from edge_daemon import audio", DOWNWARDS),
    ("edge_daemon/clips/clip.py", "from edge_daemon.mqtt import topics", DOWNWARDS),
    ("edge_daemon/errors.py", "from edge_daemon.clock import utc", DOWNWARDS),
    ("edge_daemon/clips/clip.py", "from edge_daemon.clips import recorder", "Arrows run one way"),
    ("edge_daemon/model/network.py", "import train.loop", "Arrows run from export to train to edge_daemon"),
    ("train/loop.py", "from export import graph", "Arrows run from export to train to edge_daemon"),
    ("edge_daemon/model/network.py", "import torch", "edge_daemon runs where torch is not installed"),
    ("edge_daemon/backends/onnx.py", "from onnx import helper", "edge_daemon runs where torch is not installed"),
    ("train/sample.py", "from edge_daemon.outbox import message", "not to the daemon around them"),
    ("export/card.py", "from edge_daemon.mqtt import topics", "not to the daemon around them"),
    ("export/card.py", "import edge_daemon.live.daemon", "not to the daemon around them"),
    ("edge_daemon/live/daemon.py", "from edge_daemon.testing import broker", "it is for tests alone"),
]


@pytest.mark.parametrize(("file", "line", "sentence"), FORBIDDEN)
def test_a_forbidden_import_fails_and_is_told_which_way_arrows_run(
    copy: Path, file: str, line: str, sentence: str
) -> None:
    add(copy / file, f"\n{line}\n")
    code, printed = lint(copy)
    assert code == 1
    assert sentence in printed


@pytest.mark.parametrize("way", ["def late() -> None:\n    ", "if TYPE_CHECKING:\n    "])
def test_late_imports_and_those_for_types_count(copy: Path, way: str) -> None:
    add(copy / "edge_daemon/detection/windower.py", f"\n{way}from edge_daemon.live import daemon\n")
    code, printed = lint(copy)
    assert code == 1
    assert DOWNWARDS in printed


def test_a_new_room_must_be_given_its_place(copy: Path) -> None:
    (copy / "edge_daemon/cellar").mkdir()
    (copy / "edge_daemon/cellar/__init__.py").touch()
    code, printed = lint(copy)
    assert code == 1
    assert "cellar" in printed


def test_train_and_export_may_import_no_room_that_is_not_named() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    rooms = set(contracts["importlinter:contract:rooms"]["layers"].replace("|", " ").split())
    forbidden = set(contracts["importlinter:contract:workshop"]["forbidden_modules"].split())
    below = {"position", "web", "config", "storage", "model", "system", "clock", "documents", "errors"}
    assert forbidden == {f"edge_daemon.{room}" for room in rooms - {"backends", "audio", "detection"} - below}
