"""The picture of rooms and layers in docs/architecture.md is the contract that lint-imports checks."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_ROOMS = {"assets", "__main__", "__init__"}


def pictured() -> dict[int, set[str]]:
    """Rooms of each layer, by the number that the picture gives it."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    picture = re.search(r"<!-- layers -->\n```text\n(.*?)```", text, re.DOTALL)
    assert picture is not None
    layers = re.findall(r"^ +(\d)  │(.*)│[^│]*$", picture[1], re.MULTILINE)
    return {int(number): {room.strip() for room in rooms.split("│")} for number, rooms in layers}


def test_the_pictures_layers_are_the_contracts() -> None:
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter", encoding="utf-8")
    lines = contract["importlinter:contract:rooms"]["layers"].split("\n")
    layers = [{room.strip() for room in line.split("|")} for line in lines if line.strip()]
    assert len(layers) == 9
    assert [rooms for _, rooms in sorted(pictured().items(), reverse=True)] == layers


def test_the_picture_has_every_room() -> None:
    there = {path.stem for path in (ROOT / "edge_daemon").iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms = [room for layer in pictured().values() for room in layer]
    assert sorted(rooms) == sorted(there - NOT_ROOMS - {"__pycache__"})
