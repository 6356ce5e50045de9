"""`edge-daemon replay` on the files of a recorder that never pauses: what it finds, says and writes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import invoke

SAMPLE = Path(__file__).parents[3] / "edge_daemon" / "assets" / "sample.flac"
CALLS_AT_S = (4.75, 12.25, 20.25, 28.25, 38.25)
BEGIN = datetime(2023, 4, 5, 12)


def cut(folder: Path, edges_s: list[float]) -> list[Path]:
    """The sample as a recorder writes it that begins a new file at each edge."""
    sound, rate = soundfile.read(SAMPLE, dtype="int16")
    folder.mkdir(exist_ok=True)
    made = []
    for begin_s, end_s in zip([0.0, *edges_s], [*edges_s, len(sound) / rate], strict=True):
        made.append(folder / f"ST_{BEGIN + timedelta(seconds=int(begin_s)):%Y%m%d_%H%M%S}.wav")
        soundfile.write(made[-1], sound[round(begin_s * rate) : round(end_s * rate)], rate)
    return made


def found(folder: Path, output: Path, *words: str) -> list[dict[str, Any]]:
    assert invoke(["replay", str(folder), "--output", str(output), *words]) == 0
    return [json.loads(line) for line in (output / "detections.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("length_s", [10, 20, 30])
def test_every_call_is_found_however_the_files_are_cut(
    length_s: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(length_s)
    for turn in range(2):
        first = float(rng.uniform(1, length_s))
        edges = [round(at, 3) for at in np.arange(first, 44, length_s).tolist()]
        files = cut(tmp_path / f"{turn}", edges)
        documents = found(tmp_path / f"{turn}", tmp_path / f"out{turn}")
        begins = dict(zip([str(file) for file in files], [0.0, *edges], strict=True))
        assert [round(begins[one["file"]] + one["begin_s"], 3) for one in documents] == list(CALLS_AT_S)
        assert all(
            one["file"] == max(name for name, at in begins.items() if at <= call)
            for one, call in zip(documents, CALLS_AT_S, strict=True)
        )
        assert (
            f"{len(files)} recordings follow each other without a gap: heard as one stream" in capsys.readouterr().out
        )
        for file in files:  # the same tables for each file as before
            assert (tmp_path / f"out{turn}" / f"{file.stem}.selections.txt").is_file()
            assert (tmp_path / f"out{turn}" / f"{file.stem}.labels.txt").is_file()


@pytest.mark.slow
def test_without_joining(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(tmp_path / "in", [call + 1.0 for call in CALLS_AT_S])
    assert len(found(tmp_path / "in", tmp_path / "out")) == 5
    assert len(found(tmp_path / "in", tmp_path / "alone", "--no-join")) < 5
    assert "recordings follow each other" not in capsys.readouterr().out.partition("Written to")[2]


def test_gaps_and_overlaps_are_said(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for begin in ("20230405_120000", "20230405_120003", "20230405_130003", "20230405_140006", "20230405_140007"):
        soundfile.write(tmp_path / f"{begin}.wav", np.ones(6000) / 10, 2000)  # 3 s each
    assert invoke(["replay", str(tmp_path), "--model", str(tiny_model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    late, over = tmp_path / "20230405_140006.wav", tmp_path / "20230405_140007.wav"
    assert "2 recordings follow each other without a gap: heard as one stream (--no-join: each alone)." in lines
    gaps = f"2 gaps, 1:59:57 together, the longest 1:00:00 before {late}"
    assert f"Not recorded, between recordings of one recorder: {gaps}." in lines
    assert f"Recorded twice, by names and lengths: 1 overlap, 2.0 s before {over}." in lines
