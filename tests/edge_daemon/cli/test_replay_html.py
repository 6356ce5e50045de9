"""`edge-daemon replay --html`: the page as a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import invoke


@pytest.fixture
def sea(tmp_path: Path) -> Path:
    """20 s with sweeps, in which the tiny model finds something."""
    time_s = np.arange(40_000) / 2000
    sound = 0.01 * np.random.default_rng(1).standard_normal(len(time_s))
    for begin in np.arange(1.0, 19, 3.7):
        local = time_s - begin
        sound += 0.05 * np.sin(2 * np.pi * (100 * local + 50 * local**2)) * ((local >= 0) & (local < 1))
    (tmp_path / "sea").mkdir()
    soundfile.write(tmp_path / "sea" / "20200101_000000.wav", sound, 2000)
    return tmp_path / "sea"


def parts(page: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The data, and the media by row."""
    text = page.read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    media = re.findall(r'<script type="application/json" id="media-\d+">(.*?)</script>', text, re.DOTALL)
    return json.loads(data[1]), [json.loads(one) for one in media]


def test_a_page_of_a_run(sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out"), "--html", str(page)]
    assert invoke(words) == 0
    assert f"Report page: {page}" in capsys.readouterr().out
    documents = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert len(documents) >= 2
    data, media = parts(page)
    assert {row[0] for row in data["rows"]} == {document["id"] for document in documents}
    peaks = [row[4] for row in data["rows"]]
    assert peaks == sorted((document["peak_score"] for document in documents), reverse=True)
    assert len(media) == len(documents)
    assert all(one["picture"] and one["sound"] for one in media)
    # the curve's highest score is the detection's own; one of several calls in an event has the event's
    alone = {document["id"] for document in documents if (document["call"] or {}).get("of", 1) == 1}
    assert len(alone) >= 2
    for row, one in zip(data["rows"], media, strict=True):
        highest = pytest.approx(row[4], abs=1e-4)
        assert max(one["scores"]) == highest if row[0] in alone else max(one["scores"]) <= row[4] + 1e-4
    assert not (tmp_path / "out" / "scores.csv").exists()
    first = page.read_bytes()
    assert invoke(words) == 0
    assert page.read_bytes() == first


def test_only_so_many_have_pictures(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--html", str(page), "--html-detections", "1"]) == 0
    data, media = parts(page)
    assert (data["pictured"], len(media)) == (1, 1)
    assert len(data["rows"]) >= 2


def test_a_page_that_cannot_be_written_is_said_first(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", str(sea), "--model", str(tiny_model), "--html", str(tmp_path / "nowhere" / "report.html")]
    assert invoke(words) == 1
    printed = capsys.readouterr()
    assert "report.html cannot be written: No such file or directory" in printed.err
    assert printed.out == ""


def test_a_run_that_fails_leaves_no_page(sea: Path, tmp_path: Path) -> None:
    assert invoke(["replay", str(sea), "--model", "no.onnx", "--html", str(tmp_path / "report.html")]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["sea"]
