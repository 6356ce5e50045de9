"""Our tables in the hands of the programs that analysts read them with, none of them given an option.

What each of them reads, from its source:

- crowsetta 5.1 `raven`: `Begin Time (s)`, `End Time (s)`, `Low Freq (Hz)`, `High Freq (Hz)`, `Annotation`; a
  number must stand in each of the first four, and one row at least in the table.
- crowsetta 5.1 `aud-seq`: three columns, the first two numbers; a second line that begins with a backslash is refused.
  `aud-bbox` takes two lines at a time, so it reads rubbish where there is only one.
- koogu 0.7 Raven: `Begin Time (s)`, `End Time (s)`, `Tags`, and `Channel`, if there; for tables of several recordings
  also `Begin File` and `File Offset (s)`. Audacity: three columns, with or without second lines.

koogu imports TensorFlow with everything else, so its readers are taken from the package without that.
"""

from __future__ import annotations

import csv
import io
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge_daemon.detection.document import Detection, describe
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.tables.detections_audacity import write_audacity
from edge_daemon.tables.detections_audacity_boxes import write_audacity_boxes
from edge_daemon.tables.detections_raven import write_raven
from edge_daemon.tables.detections_raven_run import RavenRun

LABEL = "right_whale_upcall"
EVENTS = [(1501, 4501), (8000, 11_000), (7_200_001, 7_203_001)]
TIMES = [(0.7505, 2.2505), (4.0, 5.5), (3600.0005, 3601.5005)]
BANDS = [(95.0, 185.5), (74.0, 191.0), (110.0, 250.0)]
NAMES = ["a, b.wav", "c's call.wav"]


def detections(name: str) -> list[Detection]:
    origin = Origin(
        device="dev", stream=name, label=LABEL, model=ModelReference(name="m", version="1", digest="0f" * 32),
        backend="onnx", threshold=0.5, rate=2000, file=name,
    )  # fmt: skip
    return [
        describe(Event(begin, end, 0.97314, begin, 0.75, 3, low, high), origin)
        for (begin, end), (low, high) in zip(EVENTS, BANDS, strict=True)
    ]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """One table of each kind about one recording, and the joined one about two."""
    for name, write in (("raven", write_raven), ("labels", write_audacity), ("boxes", write_audacity_boxes)):
        with (tmp_path / f"{name}.txt").open("w", encoding="utf-8", newline="") as file:
            write(file, detections(NAMES[0]), Path("/data") / NAMES[0])
    with (tmp_path / "selections.txt").open("w", encoding="utf-8", newline="") as file:
        joined = RavenRun(file)
        for name in NAMES:
            joined.add(detections(name), Path("/data") / name, 7200.0)
    return tmp_path


# A minimal reader with the rules above, so that they are tested where neither program is installed.


def columns(path: Path, *wanted: str) -> list[tuple[str, ...]]:
    rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), delimiter="\t")
    header = next(rows)
    return [tuple(row[header.index(name)] for name in wanted) for row in rows]


def test_by_their_rules(tables: Path) -> None:
    raven = columns(tables / "raven.txt", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")
    assert [tuple(map(float, row)) for row in raven] == [
        (*times, *band) for times, band in zip(TIMES, BANDS, strict=True)
    ]
    for column in ("Annotation", "Tags"):
        assert columns(tables / "raven.txt", column) == [(LABEL,)] * 3
    joined = columns(tables / "selections.txt", "Begin File", "File Offset (s)", "Channel")
    assert [(name, float(offset), int(channel)) for name, offset, channel in joined] == [
        (name, begin, 1) for name in NAMES for begin, _ in TIMES
    ]
    labels = [line.split("\t") for line in (tables / "labels.txt").read_text().splitlines()]
    assert [(float(begin), float(end), label) for begin, end, label in labels] == [(*times, LABEL) for times in TIMES]


# The programs themselves


@pytest.fixture
def crowsetta() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        return pytest.importorskip("crowsetta", reason="needs crowsetta: pip install crowsetta")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_crowsetta(crowsetta: Any, tables: Path) -> None:
    boxes = crowsetta.formats.bbox.Raven.from_file(tables / "raven.txt").to_bbox()
    assert [(box.onset, box.offset, box.low_freq, box.high_freq, box.label) for box in boxes] == [
        (*times, *band, LABEL) for times, band in zip(TIMES, BANDS, strict=True)
    ]
    joined = crowsetta.formats.bbox.Raven.from_file(tables / "selections.txt").to_bbox()
    assert [box.onset for box in joined] == [before + begin for before in (0, 7200) for begin, _ in TIMES]
    sequence = crowsetta.formats.seq.AudSeq.from_file(tables / "labels.txt").to_seq(round_times=False)
    assert list(zip(sequence.onsets_s, sequence.offsets_s, sequence.labels, strict=True)) == [
        (*times, LABEL) for times in TIMES
    ]
    framed = crowsetta.formats.bbox.AudBBox.from_file(tables / "boxes.txt").to_bbox()
    assert [(box.onset, box.low_freq, box.label) for box in framed] == [
        (begin, low, LABEL) for (begin, _), (low, _) in zip(TIMES, BANDS, strict=True)
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_why_labels_have_one_line(crowsetta: Any, tables: Path) -> None:
    with pytest.raises(Exception, match=r"start_time|could not convert"):
        crowsetta.formats.seq.AudSeq.from_file(tables / "boxes.txt")


@pytest.fixture
def koogu() -> Iterator[Callable[[str], Any]]:
    """Gives a reader of koogu's annotations by its module."""
    found = find_spec("koogu")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs koogu: pip install --no-deps koogu")
    before = {name for name in sys.modules if name.partition(".")[0] == "koogu"}
    package = ModuleType("koogu")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["koogu"] = package
    yield lambda name: import_module(f"koogu.data.annotations.{name}").Reader
    for name in [name for name in sys.modules if name.partition(".")[0] == "koogu" and name not in before]:
        del sys.modules[name]


def test_koogu(koogu: Callable[[str], Any], tables: Path) -> None:
    times, bands, tags, channels, files = koogu("raven")(fetch_frequencies=True)(str(tables / "raven.txt"))
    assert [tuple(span) for span in times] == TIMES
    assert [tuple(band) for band in bands] == BANDS
    assert (tags, channels, files) == ([LABEL] * 3, [0] * 3, None)
    times, _, tags, _, files = koogu("raven")()(str(tables / "selections.txt"), multi_file=True)
    assert files == [name for name in NAMES for _ in TIMES]
    assert [begin for begin, _ in times] == [begin for begin, _ in TIMES] * 2
    assert [end - begin for begin, end in times] == pytest.approx([1.5] * 6)
    assert tags == [LABEL] * 6
    for name, low in (("labels", math.nan), ("boxes", 95.0)):
        times, bands, tags, _, _ = koogu("audacity")(fetch_frequencies=True)(str(tables / f"{name}.txt"))
        assert ([tuple(span) for span in times], tags) == (TIMES, [LABEL] * 3)
        assert bands[0][0] == pytest.approx(low, nan_ok=True)
