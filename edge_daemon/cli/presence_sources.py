"""What presence is judged from: detections, verdicts and effort, on the board or in a replay's output."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from edge_daemon.cli.effort import parse_utc
from edge_daemon.errors import StorageError, UsageError
from edge_daemon.presence.periods import JudgedCall, Verdict, joined

if TYPE_CHECKING:
    from edge_daemon.config import Config
    from edge_daemon.presence.pars import AnalysisFacts

Verdicts = Mapping[str, Verdict]
"""By the detection's identity."""


@dataclass(slots=True)
class PresenceFacts:
    """What was found and listened to.

    Attributes:
        real_time: on a device; else in recordings, afterwards.
        calls: all detections.
        heard: begins and ends of what was listened to, UTC in ns.
        detector: name and version of the model that found something, or empty.
        track: (UTC in ns, latitude, longitude) where the device was, whenever that was another place than before.
    """

    real_time: bool
    calls: list[JudgedCall] = field(default_factory=list)
    heard: list[tuple[int, int]] = field(default_factory=list)
    detector: str = ""
    track: list[tuple[int, float, float]] = field(default_factory=list)

    def analysis(self, config: Config) -> AnalysisFacts:
        """What is known of the analysis.

        Raises:
            ModelError: the configured model cannot be read.
        """
        from edge_daemon.model.model_file import ModelFile, default_model_path
        from edge_daemon.presence.pars import AnalysisFacts

        metadata = ModelFile.read(config.model.path or default_model_path()).metadata
        moments = [moment for span in self.heard for moment in span] or [call.at_ns for call in self.calls]
        track, device = self.track, config.device
        if not track and device.latitude is not None and device.longitude is not None:
            track = [(min(moments), device.latitude, device.longitude)]
        return AnalysisFacts(
            detector_version=self.detector or f"{metadata.name} {metadata.version}",
            model_rate=metadata.frontend.sample_rate,
            recording_rate=config.audio.rate,
            real_time=self.real_time,
            heard_ns=(min(moments), max(moments)),
            track=track,
        )

    def note(self, at_ns: int, document: Mapping[str, Any]) -> None:
        """Take detector and position from a detection's document."""
        self.detector = f"{document['model']['name']} {document['model']['version']}"
        position = document.get("position")
        if position is not None:
            here = (float(position["latitude"]), float(position["longitude"]))
            if not self.track or self.track[-1][1:] != here:
                self.track.append((at_ns, *here))


def from_board(folder: Path, verdicts: Verdicts, since_ns: int, until_ns: int) -> PresenceFacts:
    """What a daemon keeps in its folder.

    Raises:
        StorageError: it has no history or no effort, or they cannot be read.
    """
    from edge_daemon.effort.table import open_ledger, read_spans
    from edge_daemon.effort.track_table import read_points
    from edge_daemon.history.history import open_history
    from edge_daemon.history.table import HistoryFilter, select

    facts = PresenceFacts(real_time=True)
    with open_history(folder / "history.db") as connection:
        for entry in select(connection, HistoryFilter(since_ns=since_ns, until_ns=until_ns)):
            facts.calls.append(JudgedCall(entry.begin_utc_ns, entry.score or 0.0, verdicts.get(entry.id)))
            with suppress(ValueError, KeyError, TypeError):  # rot on the card: its begin and score still count
                facts.note(entry.begin_utc_ns, json.loads(entry.document))
    with closing(open_ledger(folder / "effort.db")) as ledger:
        track = [(point.utc_ns, point.latitude, point.longitude) for point in read_points(ledger, since_ns, until_ns)]
        if track:  # a device that moves; its detections lie between the points
            facts.track = sorted({*track, *facts.track})
        for _, span in read_spans(ledger, since_ns, until_ns):
            if span.cause is None:
                facts.heard.append((max(span.begin_utc_ns, since_ns), min(span.end_utc_ns, until_ns)))
    return facts


def from_replay(folder: Path, verdicts: Verdicts, since_ns: int, until_ns: int) -> PresenceFacts:
    """What a replay has written into its output folder; windows tell what was listened to.

    Raises:
        StorageError: the tables are not there, or have no times of day.
    """
    facts = PresenceFacts(real_time=False)
    for row in _rows(folder / "detections.csv"):
        at_ns = _utc_ns(row["begin_utc"], folder / "detections.csv")
        if since_ns <= at_ns < until_ns:
            facts.calls.append(JudgedCall(at_ns, float(row["peak_score"]), verdicts.get(row["id"])))
            facts.detector = f"{row['model_name']} {row['model_version']}"
    facts.heard = [
        (max(begin, since_ns), min(end, until_ns))
        for begin, end in joined(_windows(folder / "scores.csv"))
        if begin < until_ns and end > since_ns
    ]
    return facts


def _windows(path: Path) -> Iterator[tuple[int, int]]:
    for row in _rows(path):
        begin_ns = _utc_ns(row["utc"], path)
        yield begin_ns, begin_ns + round((float(row["end_s"]) - float(row["begin_s"])) * 1e9)


_NO_TABLE = "Run `edge-daemon replay --output … --scores` on the recordings."
_NO_VERDICTS = "Give the file that the report page exports."


def _rows(path: Path, hint: str = _NO_TABLE) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except FileNotFoundError:
        raise StorageError(f"There is no {path.name} in {path.parent}.", hint) from None
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}.") from error


def _utc_ns(text: str, path: Path) -> int:
    if not text:
        raise StorageError(
            f"{path} has rows without a time of day, so they belong to no day.", "Give replay the start with --start."
        )
    return parse_utc(text, path.name)


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """Verdicts by the detection's identity; rows without one are passed over.

    Raises:
        StorageError: the file cannot be read.
        UsageError: it is no table of verdicts.
    """
    said: dict[str, Verdict] = {}
    for number, row in enumerate(_rows(path, _NO_VERDICTS), start=2):
        if "verdict" not in row or "id" not in row:
            raise UsageError(f"{path} has no columns id and verdict.", _NO_VERDICTS)
        known = next((one for one in get_args(Verdict) if one == row["verdict"].replace("_", " ")), None)
        if known is not None:
            said[row["id"]] = known
        elif row["verdict"]:
            raise UsageError(f"{path}, line {number}: {row['verdict']!r} is not a verdict.")
    return said
