"""Judge models on recordings and write what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.data.call_snr import call_snr_db
from train.evaluation.chart import draw_chart
from train.evaluation.corpus import Corpus
from train.evaluation.document import document, evidence
from train.evaluation.excerpt import draw_mistake
from train.evaluation.mistakes import FALSE, MISSED, Mistake, mistakes, write_mistakes
from train.evaluation.model_result import ModelResult, Question, RulesResult, judge
from train.evaluation.page import Gallery, page
from train.evaluation.scorer import Candidate
from train.evaluation.table import by_recording, by_snr, overview
from train.evaluation.tally import matched_events


def call_snrs_db(corpus: Corpus, band_hz: tuple[float, float], rate: int, channel: int = 0) -> NDArray[np.float64]:
    """Signal-to-noise ratios of all calls, float64 [calls]; arguments as in `call_snr_db`."""
    found = [
        call_snr_db(recording.path, corpus.calls_s[corpus.calls_in(number)], band_hz, rate, channel)
        for number, recording in enumerate(corpus.recordings)
        if recording.calls
    ]
    return np.concatenate(found)


def evaluate(
    candidates: Sequence[Candidate],
    asked: Question,
    output: Path,
    *,
    band_hz: tuple[float, float],
    shown_limit: float,
    pictures: int,
    command: str,
    report: Callable[[str], None],
) -> list[ModelResult]:
    """Judge models and write `evaluation.json`, `recall.png`, `mistakes.csv`, `report.html` and `NAME.evidence.json`.

    Args:
        candidates: models, or groups of models that share out the recordings.
        asked: recordings and limits.
        output: folder, made if it is not there.
        band_hz: in which signal-to-noise ratios were taken.
        shown_limit: mistakes are listed at the operating point and at this limit.
        pictures: most pictures of missed calls, and of false events, of a model under the same rules.
        command: that is run, for the files.
        report: told what goes on.

    Raises:
        ModelError, ConfigError, BackendError: a model cannot be run.
        AudioError, DataError: a recording cannot be read.
    """
    results = [judge(candidate, asked, report) for candidate in candidates]
    output.mkdir(parents=True, exist_ok=True)
    _write_json(output / "evaluation.json", document(results, asked, band_hz, command))
    for result in results:
        _write_json(output / f"{result.label}.evidence.json", evidence(result, asked))
    draw_chart(results, output / "recall.png")
    rows: list[tuple[str, str, Mistake]] = []
    galleries: list[Gallery] = []
    for result in results:
        for point in result.results:
            if point.limit is None or point.limit == shown_limit:
                report(f"{result.label}: pictures, {point.name}")
                wrong = mistakes(result, point, asked)
                rows += [(result.label, point.name, mistake) for mistake in wrong]
                galleries += _galleries(result, point, wrong, asked, pictures)
    write_mistakes(output / "mistakes.csv", rows, asked)
    tables = [
        ("Overview", overview(results, asked)),
        ("Recall by signal-to-noise ratio of the call", by_snr(results)),
        *((f"Recordings: {result.label}", by_recording(result)) for result in results),
    ]
    html = page(tables, (output / "recall.png").read_bytes(), galleries, asked, command)
    (output / "report.html").write_text(html, encoding="utf-8")
    return results


def _galleries(
    result: ModelResult, point: RulesResult, wrong: Sequence[Mistake], asked: Question, most: int
) -> list[Gallery]:
    galleries = []
    for what in (MISSED, FALSE):
        own = [mistake for mistake in wrong if mistake.what == what]
        drawn = []
        for mistake in own[:most]:
            scored = result.scores[mistake.recording]
            _, events_s, _ = matched_events(asked.corpus, mistake.recording, scored, point.rules)
            drawn.append((mistake, draw_mistake(mistake, scored, events_s, point.rules, asked)))
        galleries.append(Gallery(f"{result.label}, {point.name}: {what}s", len(own), drawn))
    return galleries


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
