"""Folders as field people have them: linked, locked, with copies, rubbish and other makers' files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.errors import AudioError, UsageError
from edge_daemon.replay.copies import Copy
from edge_daemon.replay.folders import FolderSearch
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.recordings import find_recordings, output_names, search, shortened
from edge_daemon.replay.result import ReplayResult
from edge_daemon.storage import atomic_file


def touch(folder: Path, *names: str, content: bytes = b"") -> None:
    """Files, each with its own name as its contents if none are given."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content or name.encode())


def names(folder: Path, *paths: Path) -> list[str]:
    return [recording.path.relative_to(folder).as_posix() for recording in find_recordings(paths or [folder])]


def test_linked_folders_are_followed_each_real_one_once(tmp_path: Path) -> None:
    tree, other = tmp_path / "tree", tmp_path / "other"
    touch(tree, "dep1/a.wav", "dep3/c.wav")
    touch(other, "dep2/b.wav", "dep2/deep/d.wav")
    (tree / "dep2_link").symlink_to("../other/dep2")
    (tree / "dep2_again").symlink_to("../other/dep2")
    (tree / "a_link_sorted_first").symlink_to("dep1")
    (tree / "dep1" / "loop").symlink_to("..")
    assert names(tree) == ["dep1/a.wav", "dep2_again/b.wav", "dep2_again/deep/d.wav", "dep3/c.wav"]


def test_what_leads_nowhere_fails_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "good.wav")
    (tmp_path / "gone.wav").symlink_to("/nowhere/gone.wav")
    (tmp_path / "unmounted").symlink_to("/nowhere/disk")
    (tmp_path / "circle.wav").symlink_to("circle.wav")
    (tmp_path / ".hidden").symlink_to("/nowhere")
    assert names(tmp_path) == ["circle.wav", "gone.wav", "good.wav", "unmounted"]
    with pytest.raises(AudioError, match=r"is a link to '/nowhere/disk', which is not there"):
        FileSource(tmp_path / "unmounted")
    with pytest.raises(AudioError, match="can't be opened"):
        FileSource(tmp_path / "circle.wav")


LOCKED = """
import os, sys
from pathlib import Path
from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.errors import AudioError
from edge_daemon.replay.recordings import search
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for recording in search([Path(sys.argv[1])]).recordings:
    try:
        FileSource(recording.path)
    except AudioError as error:
        print(error.message)
"""


def test_a_locked_folder_and_a_locked_file_fail_by_name(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    touch(tmp_path, "locked/a.wav", "b.wav")
    (tmp_path / "b.wav").chmod(0)
    (tmp_path / "locked").chmod(0)
    try:
        command = [sys.executable, "-c", LOCKED, str(tmp_path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        (tmp_path / "locked").chmod(0o755)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        f"No permission to read '{tmp_path}/b.wav'.",
        f"No permission to read the folder '{tmp_path}/locked'; what is in it was not heard.",
    ]


@pytest.mark.parametrize(
    "rubbish",
    [
        *(".Trash-1000/files", ".Trashes", "#recycle", "$RECYCLE.BIN/S-1-5-21", "@eaDir", ".snapshots/1", "lost+found"),
        *("System Volume Information", "__MACOSX", "__macosx", "RECYCLER"),
    ],
)
def test_rubbish_is_left_out_unless_it_is_named(tmp_path: Path, rubbish: str) -> None:
    touch(tmp_path, "DATA/a.wav", f"{rubbish}/b.wav", f"DATA/{rubbish}/c.wav")
    found = search([tmp_path])
    assert [recording.path.name for recording in found.recordings] == ["a.wav"]
    assert found.rubbish == 2
    assert names(tmp_path, tmp_path / rubbish) == [f"{rubbish}/b.wav"]


def test_other_endings_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "1.sud", "2.sud", "x/3.WAC", "4.m4a", "5", "notes.txt", "log.csv", "a.xml", ".hidden.sud")
    found = search([tmp_path])
    assert dict(found.endings) == {".sud": 2, ".wac": 1, ".m4a": 1, "": 1}
    shutil.rmtree(tmp_path / "x")
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UsageError) as caught:
        search([tmp_path])
    assert "4 files have other endings" in caught.value.hint


def test_copies_are_left_out_and_named(tmp_path: Path) -> None:
    sound = bytes(range(256)) * 2000
    other, third = sound[:-1] + b"\0", sound[:100_000] + b"?" + sound[100_001:]
    touch(tmp_path, "1/a.wav", "2/a.wav", "3/b.wav", content=sound)
    touch(tmp_path, "4/a.wav", content=other)
    touch(tmp_path, "5/a.wav", content=third)
    found = search([tmp_path])
    assert [recording.path.relative_to(tmp_path).as_posix() for recording in found.recordings] == [
        "1/a.wav",
        "3/b.wav",  # another name
        "4/a.wav",  # another end
        "5/a.wav",  # one byte between beginning, middle and end
    ]
    one, two = str(tmp_path / "1/a.wav"), str(tmp_path / "2/a.wav")
    assert found.copies == [Copy(two, one, heard=False)]
    # what somebody names is heard, and what is in the folder is then its copy
    assert search([tmp_path / "1", tmp_path / "2/a.wav"]).copies == [Copy(one, two, heard=False)]
    both = search([tmp_path / "2/a.wav", tmp_path / "1/a.wav"])
    assert [recording.name for recording in both.recordings] == [two, one]
    assert both.copies == [Copy(one, two, heard=True)]


def test_names_that_file_managers_give_copies_are_the_first_ones(tmp_path: Path) -> None:
    names = ["a (1).wav", "a(2).wav", "a - Copy.wav", "a - Copy (3).wav", "Copy of a.wav", "a copy 2.wav", "a_copy.wav"]
    touch(tmp_path, "a.wav", *names, "a (20240404).wav", "copycat.wav", content=b"sound")
    touch(tmp_path, "a (4).wav", content=b"other")
    found = search([tmp_path])
    heard = {recording.path.name for recording in found.recordings}
    assert heard == {"a.wav", "a (4).wav", "a (20240404).wav", "copycat.wav"}
    assert {(copy.name, copy.of) for copy in found.copies} == {
        (str(tmp_path / name), str(tmp_path / "a.wav")) for name in names
    }


def test_names_of_one_file_are_one_recording_and_said(tmp_path: Path) -> None:
    touch(tmp_path, "1/a.wav", content=b"sound")
    for folder in ("2", "3"):
        (tmp_path / folder).mkdir()
    os.link(tmp_path / "1/a.wav", tmp_path / "2/a.wav")
    os.link(tmp_path / "1/a.wav", tmp_path / "2/b.wav")  # its own name, so its own time: a recording
    (tmp_path / "3/c.wav").symlink_to(tmp_path / "1/a.wav")
    found = search([tmp_path])
    assert [recording.path.name for recording in found.recordings] == ["a.wav", "b.wav"]
    assert found.copies == [Copy(str(tmp_path / "2/a.wav"), str(tmp_path / "1/a.wav"), heard=False)]
    assert found.links == 1


def test_what_is_called_like_sound_and_is_no_file_fails_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", ".hidden.wav", "._a.wav", "b.wav.part")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "device.flac").symlink_to("/dev/zero")
    found = search([tmp_path])
    assert [recording.path.name for recording in found.recordings] == [
        ".hidden.wav",
        "a.wav",
        "device.flac",
        "pipe.wav",
    ]
    assert dict(found.endings) == {".part": 1}
    for recording in found.recordings[2:]:
        assert recording_start(recording.path).start is None  # and does not wait for a writer
        with pytest.raises(AudioError, match="is not a regular file"):
            FileSource(recording.path)


def test_folders_are_searched_once_for_all_paths(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.wav")
    folders = FolderSearch()
    assert folders.add(tmp_path) == [str(tmp_path / "x/a.wav")]
    assert folders.add(tmp_path / "x") == []


def test_long_names_are_shortened_and_stay_apart() -> None:
    long = ["北" * 78, "北" * 77 + "方", "x" * 251, "x" * 250 + "y"]
    made = output_names([Path("/d", name + ".wav") for name in long])
    assert len(set(made)) == 4
    for name, stem in zip(long, made, strict=True):
        assert len(stem.encode()) <= 200
        assert name.startswith(stem.rpartition("~")[0])
        assert len(stem.rpartition("~")[2]) == 8
    assert shortened("short") == "short"
    assert shortened("x" * 200) == "x" * 200


def test_a_name_that_the_folder_refuses_gets_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As FAT refuses a colon, and an encrypted folder more than 143 bytes."""
    sounds, output = tmp_path / "in", tmp_path / "out"
    touch(sounds, "12:00.wav", "good.wav", "x" * 240 + ".wav")
    rename = os.replace

    def refusing(part: str, target: str | os.PathLike[str]) -> None:
        if ":" in os.fspath(target):
            raise OSError(errno.EINVAL, "Invalid argument")
        rename(part, target)

    monkeypatch.setattr(atomic_file.os, "replace", refusing)
    with ReplayOutput(output, ["audacity"]) as tables:
        for recording in find_recordings([sounds]):
            tables.write(ReplayResult(recording))
    rows = [row.split(",") for row in (output / "names.csv").read_text().splitlines()]
    assert rows[0] == ["tables", "file"]
    assert [file for _, file in rows[1:]] == [f"{sounds}/12:00.wav", f"{sounds}/{'x' * 240}.wav"]
    stems = [stem for stem, _ in rows[1:]]
    assert {path.name for path in output.iterdir()} == {
        "names.csv",
        *(f"{stem}.labels.txt" for stem in (*stems, "good")),
    }
