"""Text from outside does nothing in a terminal, and is no formula in a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.system.printable import CsvRows, printable, spreadsheet_cell

ROOT = Path(__file__).resolve().parents[3] / "edge_daemon"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ä 鯨 🐋.wav", "plain Ä 鯨 🐋.wav"),
        ("tab\tline\nend", "tab\tline\nend"),
        ("\x1b[2J\x1b]0;title\x07.wav", "\ufffd[2J\ufffd]0;title\ufffd.wav"),
        ("\x9b2J", "\ufffd2J"),
        ("over\rwritten", "over\ufffdwritten"),
        ("exe\u202egnp.wav", "exe\ufffdgnp.wav"),
        ("half\udcff", "half\ufffd"),
    ],
)
def test_printable_by_hand(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://x").wav', '\'=HYPERLINK("http://x").wav'),
        ("+1+cmd|'/C calc'!A0", "'+1+cmd|'/C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-3.50", "-3.50"),
        ("-1e-05", "-1e-05"),
        ("+12", "+12"),
        ("a=b.wav", "a=b.wav"),
        ("", ""),
    ],
)
def test_cells_by_hand(text: str, cell: str) -> None:
    assert spreadsheet_cell(text) == cell


@given(st.text())
def test_whatever_the_text_nothing_in_it_controls_a_terminal(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\t\n"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert printable(shown) == shown


@given(st.lists(st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.none()), min_size=1, max_size=5))
def test_rows_are_read_as_they_were_but_for_what_is_dangerous(cells: list[object]) -> None:
    file = io.StringIO(newline="")
    rows = CsvRows(file)
    rows.writerows([cells])
    (read,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    for cell, back in zip(cells, read, strict=True):
        if isinstance(cell, str):
            assert back in (printable(cell), f"'{printable(cell)}")
            assert not back.startswith(("=", "@"))
        else:
            assert back == ("" if cell is None else str(cell))


def test_tables_and_terminals_are_written_to_in_one_place_each() -> None:
    places: dict[str, set[str]] = {"csv.writer(": set(), "click.echo(": set(), " print(": set()}
    for path in ROOT.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call, files in places.items():
            if call in text:
                files.add(str(path.relative_to(ROOT)))
    assert places == {"csv.writer(": {"system/printable.py"}, "click.echo(": {"cli/say.py"}, " print(": set()}
