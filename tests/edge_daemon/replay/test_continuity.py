"""Which recordings follow each other: by folder, name, rate and time."""

from __future__ import annotations

import pytest

from edge_daemon.audio.start_time import without_times
from edge_daemon.replay.continuity import RecordedSpan, RecorderName, Seam, continuous

S = 10**9


def spans(*takes: tuple[str, float, float]) -> list[tuple[int, RecordedSpan]]:
    """Names, begins and lengths in seconds, of one folder and rate."""
    return [
        (place, RecordedSpan(("folder", 2000, 1), RecorderName.of(name), round(begin * S), round(length * S)))
        for place, (name, begin, length) in enumerate(takes)
    ]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("20230405_120000.WAV", "*.WAV"),
        ("ST_20230405_120005.750.wav", "ST_*.wav"),
        ("5146.200910153045.wav", "5146.*.wav"),
        ("PAM_B_20230405_120000_123.wav", "PAM_B_*.wav"),
        ("20230401_000000_20230405_120000.wav", "*_*.wav"),
        ("5E37C2A0.WAV", "*.WAV"),
        ("1541027406.ogg", "*.ogg"),
        ("20231105T015950-0300_A.wav", "*_A.wav"),
        ("20231105T015950-03_A.wav", "*_A.wav"),
        ("20231105_015950+01:00.wav", "*.wav"),
        ("20231105_015950-0001.wav", "*-0001.wav"),  # part 1
        ("20231105_015950-20231105_020950.wav", "*-*.wav"),
        ("REC0001.WAV", "REC0001.WAV"),
        ("99999999_999999.wav", "99999999_999999.wav"),
    ],
)
def test_names_without_their_times(name: str, rest: str) -> None:
    assert without_times(name) == rest


def test_files_that_follow_each_other_are_a_run() -> None:
    takes = [(f"ST_20230405_1200{second:02d}.wav", second, 10) for second in (20, 0, 10)]
    assert continuous(spans(*takes)) == ([[1, 2, 0]], [])


@pytest.mark.parametrize(
    ("apart_s", "length_s", "joined"),
    [
        (0.0, 60, True),
        (0.999, 60, True),
        (-0.999, 60, True),
        (1.1, 60, False),
        (-1.1, 60, False),
        (2.0, 86_400, True),  # 50 millionths of a day are 4.3 s
        (6.0, 86_400, False),
    ],
)
def test_a_second_and_the_clocks_drift_are_no_gap(apart_s: float, length_s: float, joined: bool) -> None:
    runs, seams = continuous(
        spans(("20230405_120000.wav", 0, length_s), ("20230405_130000.wav", length_s + apart_s, length_s))
    )
    assert runs == ([[0, 1]] if joined else [[0], [1]])
    assert seams == ([] if joined else [Seam(1, pytest.approx(apart_s))])


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("A_20230405_120000.wav", "A_20230405_120010.wav", True),
        ("A_20230405_120000.wav", "B_20230405_120010.wav", False),
        ("ST1_20230405_120000.wav", "ST2_20230405_120010.wav", False),  # serial numbers
        ("5146.230405120000.wav", "5147.230405120010.wav", False),
        ("20230405_120000_ch1.wav", "20230405_120010_ch1.wav", True),
        ("20230405_120000_0007.wav", "20230405_120010_0008.wav", True),  # a count of files
        ("20230405_120000_0007.wav", "20230405_120010_0009.wav", False),
        ("20230405_120000_0007.wav", "20230405_120010_0006.wav", False),
        ("A_20231105T015950-0300.wav", "A_20231105T010000-0400.wav", True),  # clocks were put back
        ("REC0009.WAV", "REC0010.WAV", True),  # the time is in the header
        ("REC0009.WAV", "REC0011.WAV", False),
        ("20230405_120000.wav", "20230405_120010.flac", False),
        ("SITE_20230405_120000.w64", "SITE_20230405_120010.w64", True),
    ],
)
def test_names_of_one_recorder(first: str, second: str, joined: bool) -> None:
    runs, _ = continuous(spans((first, 0, 10), (second, 10, 10)))
    assert runs == ([[0, 1]] if joined else [[0], [1]])


def test_other_folders_and_rates_are_other_recorders() -> None:
    name = RecorderName.of("20230405_120000.wav")
    first = RecordedSpan(("folder", 2000, 1), name, 0, 10 * S)
    for recorder in (("other", 2000, 1), ("folder", 4000, 1), ("folder", 2000, 2)):
        assert continuous([(0, first), (1, RecordedSpan(recorder, name, 10 * S, 10 * S))]) == ([[0], [1]], [])


def test_channels_in_files_of_their_own_do_not_mix() -> None:
    takes = [
        (f"20230405_1200{second:02d}_{channel}.wav", second, 10) for second in (0, 10, 20) for channel in (1, 2, 3)
    ]
    assert continuous(spans(*takes)) == ([[0, 3, 6], [1, 4, 7], [2, 5, 8]], [])


def test_an_overlap_does_not_hide_what_follows() -> None:
    takes = [("20230405_120000.wav", 0, 60), ("20230405_120030.wav", 30, 10), ("20230405_120100.wav", 60, 60)]
    runs, seams = continuous(spans(*takes))
    assert runs == [[0, 2], [1]]
    assert seams == [Seam(1, -30.0)]


def test_gaps_count_from_what_ended_last() -> None:
    takes = [("20230405_120000.wav", 0, 60), ("20230405_120100.wav", 60, 60), ("20230405_130000.wav", 3600, 60)]
    assert continuous(spans(*takes)) == ([[0, 1], [2]], [Seam(2, 3480.0)])
