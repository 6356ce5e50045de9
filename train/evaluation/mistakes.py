"""Missed calls and false events one by one, for people to look at."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edge_daemon.system.printable import spreadsheet_cell
from train.evaluation.model_result import ModelResult, Question, RulesResult
from train.evaluation.tally import matched_events

MISSED: Literal["missed call"] = "missed call"
FALSE: Literal["false event"] = "false event"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A marked call without an event, or an event without a marked call.

    Attributes:
        what: `MISSED` or `FALSE`.
        recording: number in the corpus.
        begin_s: begin, seconds.
        end_s: end, seconds.
        score: the highest score of the event, or of the windows that share sound with the call.
        snr_db: signal-to-noise ratio of the call; NaN for an event.
    """

    what: Literal["missed call", "false event"]
    recording: int
    begin_s: float
    end_s: float
    score: float
    snr_db: float = np.nan


def mistakes(result: ModelResult, point: RulesResult, asked: Question) -> list[Mistake]:
    """What rules missed, the plainest calls first, then what they reported wrongly, the highest scores first."""
    corpus = asked.corpus
    missed, false = [], []
    for at in np.flatnonzero(~point.tally.found).tolist():
        number, (begin_s, end_s) = int(corpus.call_recording[at]), corpus.calls_s[at].tolist()
        score = result.scores[number].highest(begin_s, end_s, point.rules.context_s)
        missed.append(Mistake(MISSED, number, begin_s, end_s, score, float(asked.snr_db[at])))
    for number, scored in enumerate(result.scores):
        events, spans_s, matched = matched_events(corpus, number, scored, point.rules)
        for at in np.flatnonzero(matched.false).tolist():
            begin_s, end_s = spans_s[at].tolist()
            false.append(Mistake(FALSE, number, begin_s, end_s, events[at].peak_score))
    missed.sort(key=lambda call: -np.nan_to_num(call.snr_db, nan=-np.inf))
    return missed + sorted(false, key=lambda event: -event.score)


def write_mistakes(path: Path, rows: Sequence[tuple[str, str, Mistake]], asked: Question) -> None:
    """Write mistakes as CSV.

    Args:
        path: the file.
        rows: model, name of the rules, and mistake.
        asked: recordings, for their names.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["model", "rules", "mistake", "kind", "file", "begin_s", "end_s", "score", "snr_db"])
        for model, rules, mistake in rows:
            recording = asked.corpus.recordings[mistake.recording]
            snr = "" if np.isnan(mistake.snr_db) else f"{mistake.snr_db:.1f}"
            times = f"{mistake.begin_s:.3f}", f"{mistake.end_s:.3f}", f"{mistake.score:.4f}"
            table.writerow(
                [
                    model,
                    rules,
                    mistake.what,
                    spreadsheet_cell(recording.kind),
                    spreadsheet_cell(recording.name),
                    *times,
                    snr,
                ]
            )
