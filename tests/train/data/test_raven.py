"""Selection tables as they really come."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from train.data.dataset import DataError
from train.data.raven import is_raven_table, read_raven_table

HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
ROWS = "1\tSpectrogram 1\t1\t5.25\t6.5\t80.0\t210.5\tupcall\n2\tSpectrogram 1\t1\t1.0\t2.0\t90\t200\tgunshot\n"


def table(tmp_path: Path, content: bytes | str) -> Path:
    path = tmp_path / "a.selections.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows_in_order_of_time(tmp_path: Path) -> None:
    found = read_raven_table(table(tmp_path, HEADER + ROWS))
    assert [(s.begin_s, s.end_s, s.low_hz, s.high_hz, s.annotations, s.file) for s in found] == [
        (1.0, 2.0, 90.0, 200.0, ("gunshot",), ""),
        (5.25, 6.5, 80.0, 210.5, ("upcall",), ""),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + (HEADER + ROWS).encode(),
        (HEADER + ROWS).replace("\n", "\r\n").encode(),
        (HEADER + ROWS).replace("\n", "\r").encode(),
        (HEADER + ROWS).encode("utf-16"),
        (HEADER + ROWS).replace("5.25", "5,25").encode(),
        (HEADER + ROWS + "\t\t\t\t\t\t\t\n\n").encode(),
        (HEADER.upper() + ROWS).encode(),
    ],
    ids=["BOM", "CRLF", "CR", "UTF-16", "decimal comma", "empty rows", "upper-case header"],
)
def test_quirks_change_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plain").mkdir()
    path = table(tmp_path, content)
    assert is_raven_table(path)
    assert read_raven_table(path) == read_raven_table(table(tmp_path / "plain", HEADER + ROWS))


def test_western_code_page(tmp_path: Path) -> None:
    found = read_raven_table(table(tmp_path, (HEADER + ROWS.replace("gunshot", "côté")).encode("cp1252")))
    assert found[0].annotations == ("côté",)


def test_selection_shown_in_several_views_counts_once(tmp_path: Path) -> None:
    doubled = "".join(
        f"{number}\t{view}\t1\t{number}.0\t{number}.5\t80\t200\tupcall\n"
        for number in (1, 2)
        for view in ("Waveform 1", "Spectrogram 1", "Spectrogram 2")
    )
    assert [s.begin_s for s in read_raven_table(table(tmp_path, HEADER + doubled))] == [1.0, 2.0]


def test_missing_frequencies_are_unknown_not_zero(tmp_path: Path) -> None:
    found = read_raven_table(table(tmp_path, "Begin Time (s)\tEnd Time (s)\n1\t2\n"))
    assert math.isnan(found[0].low_hz)
    assert math.isnan(found[0].high_hz)
    assert (found[0].annotations, found[0].file) == ((), "")


def test_times_within_their_own_file(tmp_path: Path) -> None:
    text = (
        "Selection\tBegin Time (s)\tEnd Time (s)\tBegin Path\tBegin File\tFile Offset (s)\n"
        "1\t905.0\t906.5\tC:\\data\\b.wav\tb.wav\t5.0\n2\t2.0\t3.0\tC:\\data\\a.wav\t\t2.0\n"
    )
    found = read_raven_table(table(tmp_path, text))
    assert [(s.file, s.begin_s, s.end_s) for s in found] == [
        ("C:\\data\\a.wav", 2.0, 3.0),
        ("C:\\data\\b.wav", 5.0, 6.5),
    ]


def test_header_alone_means_listened_and_nothing_found(tmp_path: Path) -> None:
    assert read_raven_table(table(tmp_path, HEADER)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Selection\tEnd Time (s)\n1\t2\n", "begin time"),
        ("Selection\tBegin Time (s)\n1\t2\n", "end time"),
        ("", "is empty"),
        ("\r\n", "is empty"),
        (HEADER + "1\tS\t1\tten\t11\t80\t200\t\n", "line 2.*'ten'"),
        (HEADER + "1\tS\t1\t11\t10\t80\t200\t\n", "line 2.*11.0 to 10.0"),
        (HEADER + "1\tS\t1\t11\t\t80\t200\t\n", "line 2.*11.0 to nan"),
    ],
)
def test_what_is_no_selection_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_raven_table(table(tmp_path, text))


def test_what_may_be_a_table_is_not_passed_over(tmp_path: Path) -> None:
    for text in ("", "Selection\tBegin Time (s)\n", "heard some whales\n"):
        assert is_raven_table(table(tmp_path, text))
    (tmp_path / "marks.txt").write_text("Selection\tBegin Time (s)\n")
    assert is_raven_table(tmp_path / "marks.txt")
    (tmp_path / "._a.selections.txt").write_bytes(b"\0\5\x16\7")  # macOS leaves these on other disks
    assert not is_raven_table(tmp_path / "._a.selections.txt")


@pytest.mark.parametrize(
    ("path", "name", "file"),
    [
        ("C:\\sea\\day1\\a.wav", "a.wav", "C:\\sea\\day1\\a.wav"),
        ("C:\\sea\\day1", "a.wav", "C:\\sea\\day1/a.wav"),
        ("/sea/day1/", "a.wav", "/sea/day1//a.wav"),
        ("", "a.wav", "a.wav"),
        ("/sea/day1/a.wav", "", "/sea/day1/a.wav"),
    ],
)
def test_the_folders_of_begin_path_are_kept(tmp_path: Path, path: str, name: str, file: str) -> None:
    text = f"Begin Time (s)\tEnd Time (s)\tBegin Path\tBegin File\n1\t2\t{path}\t{name}\n"
    assert [part.file for part in read_raven_table(table(tmp_path, text))] == [file]


def test_times_of_a_series_need_the_offset_in_each_file(tmp_path: Path) -> None:
    """100 s may be 40 s into the second file, after a first one of 60 s, or 100 s into it."""
    columns = "Begin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\n"
    rows = "10\t11\tf1.wav\t10\n100\t101\tf2.wav\t40\n"
    found = read_raven_table(table(tmp_path, columns + rows))
    assert [(part.file, part.begin_s, part.end_s) for part in found] == [("f1.wav", 10, 11), ("f2.wav", 40, 41)]
    without = "".join(line.rpartition("\t")[0] + "\n" for line in (columns + rows).splitlines())
    for text in (columns + rows.replace("\t40\n", "\t\n"), without):
        with pytest.raises(DataError, match=r"several files, f1\.wav and f2\.wav among them") as caught:
            read_raven_table(table(tmp_path, text))
        assert "File Offset (s)" in caught.value.hint
    alone = columns.replace("\tFile Offset (s)", "") + "100\t101\tf2.wav\n"
    assert [part.begin_s for part in read_raven_table(table(tmp_path, alone))] == [100]


def test_annotations_of_all_columns_and_channels(tmp_path: Path) -> None:
    text = "Selection\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\tCall Type\tTags\n"
    text += "1\t1\t1\t2\tNARW\tupcall\tupcall\n1\t2\t1\t2\tNARW\t\t\n2\t\t3\t4\t\t\t\n"
    found = read_raven_table(table(tmp_path, text))
    assert [(part.annotations, part.channel) for part in found] == [
        (("NARW", "upcall"), 1),
        (("NARW",), 2),
        ((), None),
    ]


def test_other_text_files_are_not_tables(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("heard some whales\n")
    (tmp_path / "picture.txt").write_bytes(bytes(range(256)))
    assert not is_raven_table(tmp_path / "notes.txt")
    assert not is_raven_table(tmp_path / "picture.txt")
    assert not is_raven_table(tmp_path / "absent.txt")
    assert not is_raven_table(tmp_path)
