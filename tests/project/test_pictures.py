"""The pictures of README and guides show what the program shows today, are used, and stay small."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.pictures import make

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted(path for path in (ROOT / "docs/pictures").iterdir() if path.suffix in {".png", ".svg"})
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def words(svg: str) -> list[str]:
    """The text of a terminal's picture, line by line, without the places that rich gave it."""
    return [html.unescape(text).replace("\xa0", " ").strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


@pytest.mark.parametrize(("name", "made"), make.TEXTS.items())
def test_a_terminals_picture_shows_what_the_program_prints(name: str, made: Callable[[], str]) -> None:
    shown = words((make.HERE / f"{name}.svg").read_text(encoding="utf-8"))
    assert len(shown) > 10
    assert shown == words(made()), f"python -m docs.pictures.make {name}"


def test_pictures_fetch_nothing() -> None:
    for name in make.TEXTS:
        text = (make.HERE / f"{name}.svg").read_text(encoding="utf-8")
        assert re.findall(r"(?:url|href)[=(]\"?[^#\"]", text) == []


def test_each_picture_is_on_a_page_and_all_are_small() -> None:
    shown = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(PICTURES) >= 7
    assert [picture.name for picture in PICTURES if f"pictures/{picture.name}" not in shown] == []
    assert sum(picture.stat().st_size for picture in PICTURES) < 400_000
