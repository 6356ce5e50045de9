"""`edge-daemon decode` turns what mosquitto_sub prints of a slow link into JSON."""

from __future__ import annotations

import io
import sys

import pytest

from edge_daemon.cli import invoke
from edge_daemon.documents.compact import encode

TALLY, HEALTH = '{"schema":"edge_daemon.tally/1","device":"b"}', '{"schema":"edge_daemon.health/1","device":"b"}'


def run(monkeypatch: pytest.MonkeyPatch, lines: list[str], *options: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return invoke(["decode", *options])


def test_documents_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"x/b/packed {encode([TALLY, HEALTH]).hex()}", f"x/b/status {b'online'.hex()}", "x/b/packed "]
    assert run(monkeypatch, lines) == 0
    assert capsys.readouterr().out.splitlines() == [TALLY, HEALTH, "online"]
    assert run(monkeypatch, lines, "--topics") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"x/b/presence {TALLY}",
        f"x/b/health {HEALTH}",
        "x/b/status online",
    ]


@pytest.mark.parametrize("message", ["02ff", "zz", "07", encode([TALLY]).hex()[:-2]])
def test_what_cannot_be_read_is_told_and_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], message: str
) -> None:
    lines = [f"x/b/packed {message}", f"x/b/packed {encode([TALLY]).hex()}"]
    assert run(monkeypatch, lines) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [TALLY]
    assert "A message is left out: x/b/packed: " in told.err
