"""A recording is itself by any path, and no other one."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.recording_identity import recording_identity


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "card" / "ST_20230405_120000.wav"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def test_no_way_to_it_changes_it(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = recording_identity(recording)
    assert len(identity) == 64
    monkeypatch.chdir(recording.parent)
    (tmp_path / "deployment").symlink_to(recording.parent)
    (tmp_path / "other name.wav").symlink_to(recording)
    elsewhere = tmp_path / "another" / "machine" / recording.name
    elsewhere.parent.mkdir(parents=True)
    shutil.copyfile(recording, elsewhere)
    os.utime(elsewhere, (0, 0))
    for path in (
        Path(recording.name),
        Path("..", "card", ".", recording.name),
        tmp_path / "deployment" / recording.name,
        tmp_path / "other name.wav",
        elsewhere,
    ):
        assert recording_identity(path) == identity


def test_another_name_another_recording(recording: Path) -> None:
    other = shutil.copyfile(recording, recording.with_name("ST_20230405_130000.wav"))
    assert recording_identity(other) != recording_identity(recording)


@given(st.integers(1, 200_000), st.integers(0, 15))
def test_another_content_another_recording(tmp_path_factory: pytest.TempPathFactory, size: int, place: int) -> None:
    path = tmp_path_factory.mktemp("card") / "REC0001.WAV"
    content = bytearray(size)
    path.write_bytes(content)
    before = recording_identity(path)
    content[max(0, size - 4096) * place // 15] ^= 1
    path.write_bytes(content)
    assert recording_identity(path) != before
    path.write_bytes(bytes(size + 1))
    assert recording_identity(path) != before


def test_names_are_the_same_however_their_letters_are_composed(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "baleine_é.wav") for form in ("NFC", "NFD"))
    assert composed != decomposed
    for folder, name in (("a", composed), ("b", decomposed)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"the same")
    assert recording_identity(tmp_path / "a" / composed) == recording_identity(tmp_path / "b" / decomposed)


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    made = set()
    for name in (b"\xff.wav", b"\xfe.wav"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_bytes(b"x")
        made.add(recording_identity(path))
    assert len(made) == 2
