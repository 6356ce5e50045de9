"""A year of files is planned in little more memory than their names take."""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.replay.plan import plan_replay
from edge_daemon.replay.recordings import find_recordings

FEW, MANY = 50, 250


def archive(folder: Path, number: int, pause_s: int) -> Path:
    """Hours that follow each other, or do not: links to one file, whose header alone is read."""
    hour, begin = folder / "hour.wav", datetime(2023, 1, 1, tzinfo=UTC)
    soundfile.write(hour, np.zeros(3600 * 100, np.int16), 100, subtype="PCM_U8")
    files = folder / f"{number}"
    files.mkdir()
    for place in range(number):
        os.link(hour, files / f"ST_{begin + timedelta(seconds=place * (3600 + pause_s)):%Y%m%d_%H%M%S}Z.wav")
    return files


def planned(folder: Path) -> tuple[int, int, int]:
    """Bytes that are kept when a folder has been planned, most bytes by then, and number of streams."""
    gc.collect()
    tracemalloc.start()
    try:
        recordings = find_recordings([folder])
        plan = plan_replay(recordings)
        assert sum(len(piece.recordings) for piece in plan.pieces) == len(recordings)
        gc.collect()
        return *tracemalloc.get_traced_memory(), plan.streams
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("pause_s", [0, 600])
def test_memory_of_planning_grows_by_little_more_than_the_names(tmp_path: Path, pause_s: int) -> None:
    few, many = (archive(tmp_path, number, pause_s) for number in (FEW, MANY))
    planned(few)  # what is made once
    kept, most, streams = (after - before for before, after in zip(planned(few), planned(many), strict=True))
    name = sys.getsizeof(str(next(many.iterdir())))
    assert kept / (MANY - FEW) < name + 150  # five times as much with an object for each piece and path
    assert most / (MANY - FEW) < 2 * name + 500
    assert streams == 0
