"""Which recordings are found, and that no two of them share an output name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import UsageError
from edge_daemon.replay.recordings import find_recordings, output_names


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")


def test_folders_are_searched_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a/z.FLAC", "a/notes.txt", "c.aiff", "._b.wav", "d.mp4")
    found = find_recordings([tmp_path])
    assert [r.path.relative_to(tmp_path).as_posix() for r in found] == ["a/z.FLAC", "b.wav", "c.aiff"]
    assert [r.output for r in found] == ["z", "b", "c"]
    assert [r.size for r in found] == [5, 5, 5]
    assert [r.name for r in found] == [str(r.path) for r in found]


def test_files_keep_their_order_and_come_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a.wav", "odd.bin")
    found = find_recordings([tmp_path / "b.wav", tmp_path / "odd.bin", tmp_path, tmp_path / "b.wav"])
    assert [r.path.name for r in found] == ["b.wav", "odd.bin", "a.wav"]


def test_links_to_the_same_file_come_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav")
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    assert [r.path.name for r in find_recordings([tmp_path])] == ["a.wav"]


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*nowhere\.wav"):
        find_recordings([tmp_path / "nowhere.wav"])
    with pytest.raises(UsageError, match="No sound files"):
        find_recordings([tmp_path])


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    path.write_bytes(b"")
    (recording,) = find_recordings([path])
    assert recording.name.endswith(r"/\xff.wav")
    assert recording.output == r"\xff"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/d/a.wav", "/d/b.wav"], ["a", "b"]),
        (["/d/a.wav", "/d/a.flac", "/d/b.wav"], ["a.wav", "a.flac", "b"]),
        (["/d/1/a.wav", "/d/2/a.wav", "/d/2/b.wav"], ["1__a.wav", "2__a.wav", "b"]),
        (["/x/1/a.wav", "/y/1/a.wav"], ["x__1__a.wav", "y__1__a.wav"]),
        (["/d/A.wav", "/d/a.flac"], ["A.wav", "a.flac"]),
        (["/d/A.wav", "/d/a.wav"], ["d__A.wav", "d__a.wav-2"]),
        (["/a.wav", "/d/a.wav"], ["a.wav", "d__a.wav"]),
        (["/d/\u00e9.wav", "/d/e\u0301.wav"], ["d__\u00e9.wav", "d__e\u0301.wav-2"]),
        ([], []),
    ],
)
def test_output_names(files: list[str], names: list[str]) -> None:
    assert output_names([Path(file) for file in files]) == names


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a__b", "A"]), min_size=1, max_size=3), max_size=8))
def test_output_names_are_unlike(parts: list[list[str]]) -> None:
    files = list(dict.fromkeys(Path("/", *path[:-1], path[-1] + ".wav") for path in parts))
    names = output_names(files)
    assert len({name.casefold() for name in names}) == len(files)
    assert all("/" not in name for name in names)
