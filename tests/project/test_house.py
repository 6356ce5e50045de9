"""The plan of the house: few files in the hall, short ones in the rooms, and one name for one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
SOURCES = [path for package in ("edge_daemon", "train", "export") for path in (ROOT / package).rglob("*.py")]


def test_at_most_six_files_stand_outside_a_room() -> None:
    files = sorted(path.name for path in (ROOT / "edge_daemon").glob("*.py"))
    assert "__init__.py" in files
    assert len(files) <= 6, f"Each concept has its room: {', '.join(files)}."


def test_files_are_short() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES if path.name != "__init__.py"]
    assert len(lengths) > 200
    assert median(lengths) < 110


def test_no_two_public_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 200
    twice = [f"{name}: {', '.join(found)}" for name, found in sorted(places.items()) if len(found) > 1]
    assert not twice, "Two things, one name:\n" + "\n".join(twice)
