"""The identities of detections: the same however the recording's path was typed, and wherever it lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_daemon.cli import invoke

SAMPLE = Path(__file__).parents[3] / "edge_daemon" / "assets" / "sample.flac"


def identities(output: Path, *words: str) -> list[str]:
    assert invoke(["replay", *words, "--output", str(output), "--formats", "jsonl"]) == 0
    return [json.loads(line)["id"] for line in (output / "detections.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_identities_do_not_depend_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "card").mkdir()
    shutil.copyfile(SAMPLE, tmp_path / "card" / "sea.flac")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    shutil.copyfile(SAMPLE, tmp_path / "elsewhere" / "deep" / "sea.flac")
    (tmp_path / "linked").symlink_to(tmp_path / "card")
    (tmp_path / "linked.flac").symlink_to(Path("card") / "sea.flac")
    first = identities(tmp_path / "out", "card/sea.flac")
    assert len(first) == len(set(first)) == 5
    for path in (str(tmp_path / "card" / "sea.flac"), "card", "./card/../card/sea.flac", "linked", "linked.flac"):
        assert identities(tmp_path / "out", path) == first
    assert identities(tmp_path / "out", "elsewhere") == first


@pytest.mark.slow
def test_recordings_of_one_name_have_identities_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for card in ("1", "2"):
        (tmp_path / card).mkdir()
        shutil.copyfile(SAMPLE, tmp_path / card / "REC001.flac")
    content = (tmp_path / "2" / "REC001.flac").read_bytes()
    # a note of the recorder's (a block of padding before the sound) is all that differs
    assert content[:4] == b"fLaC"
    (tmp_path / "2" / "REC001.flac").write_bytes(content[:42] + b"\x01\0\0\x08" + b"card two" + content[42:])
    made = identities(tmp_path / "out", str(tmp_path / "1"), str(tmp_path / "2"))
    assert len(made) == len(set(made)) == 10
