"""Temporary files are made anew under names that cannot be guessed; no link is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_daemon.clips.files import FolderClipFiles
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.storage.folder_lock import NAME, lock_folder
from edge_daemon.storage.part_file import make_locked_part, make_part, remove_left_parts


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def test_names_differ_and_stand_beside_the_place(tmp_path: Path) -> None:
    names = set()
    for _ in range(20):
        descriptor, name = make_part(tmp_path / "a.flac")
        os.close(descriptor)
        names.add(name)
    assert len(names) == 20
    assert {Path(name).parent for name in names} == {tmp_path}
    assert all(Path(name).name.startswith(".a.flac.") and name.endswith(".part") for name in names)


@pytest.mark.parametrize("lies_there", ["link", "dangling link", "file"])
def test_what_lies_there_already_is_not_written_to(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch, lies_there: str
) -> None:
    monkeypatch.setattr("edge_daemon.storage.part_file.secrets.token_hex", lambda _: "guessed")
    trap = tmp_path / ".a.flac.guessed.part"
    if lies_there == "file":
        trap.write_text("precious")
    else:
        trap.symlink_to(victim if lies_there == "link" else tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        make_part(tmp_path / "a.flac")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


def guessable(folder: Path, name: str) -> list[Path]:
    """The names that were used once."""
    return [folder / f"{name}.part", folder / f".{name}.{os.getpid()}.part", folder / f"{name}.{os.getpid()}.part"]


def test_clips_and_tables_follow_no_link(tmp_path: Path, victim: Path) -> None:
    day = tmp_path / "clips" / "2026-01-01"
    day.mkdir(parents=True)
    for trap in guessable(day, "a.flac") + guessable(tmp_path, "a.csv"):
        trap.symlink_to(victim)
    FolderClipFiles(tmp_path / "clips").write("2026-01-01/a.flac", b"sound", 10**18)
    with whole_file(tmp_path / "a.csv") as file:
        file.write("table")
    assert victim.read_text() == "precious"
    assert (day / "a.flac").read_bytes() == b"sound"
    assert (tmp_path / "a.csv").read_text() == "table"


def test_what_a_power_cut_left_of_a_clip_is_swept(tmp_path: Path) -> None:
    files = FolderClipFiles(tmp_path)
    files.write("2026-01-01/a.flac", b"sound", 10**18)
    os.close(make_part(tmp_path / "2026-01-01" / "b.flac")[0])
    assert len(list((tmp_path / "2026-01-01").iterdir())) == 2
    files.sweep()
    assert [path.name for path in (tmp_path / "2026-01-01").iterdir()] == ["a.flac"]


def test_the_lock_follows_no_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / NAME).symlink_to(victim)
    assert lock_folder(tmp_path) is None
    assert victim.read_text() == "precious"


def test_what_nobody_writes_any_more_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left, _ = make_locked_part(tmp_path / "a.csv")
    os.close(left)  # as when its program was killed
    nameless, _ = make_locked_part(tmp_path / ("x" * 220))
    os.close(nameless)
    written, name = make_locked_part(tmp_path / "a.csv")
    other, another_name = make_part(tmp_path / "b.csv")
    os.close(other)
    (tmp_path / ".a.csv.part").write_text("of another program")
    (tmp_path / ".a.csv.0123456789abcdef.part").symlink_to(tmp_path / "victim")
    (tmp_path / "victim").write_text("precious")
    remove_left_parts(tmp_path, lambda name: name in {"", "a.csv"})
    kept = {Path(name).name, Path(another_name).name, ".a.csv.part", ".a.csv.0123456789abcdef.part", "victim"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    os.close(written)
    remove_left_parts(tmp_path / "nowhere", lambda _: True)


def test_a_temporary_file_that_was_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(path: str | os.PathLike[str]) -> tuple[int, str]:
        descriptor, name = make_part(path)
        made.append(name)
        if len(made) == 1:
            Path(name).unlink()
        return descriptor, name

    monkeypatch.setattr("edge_daemon.storage.part_file.make_part", make)
    with whole_file(tmp_path / "a.csv") as file:
        file.write("whole")
    assert len(made) == 2
    assert (tmp_path / "a.csv").read_text() == "whole"
