"""All figures as one JSON document, and those that belong into a model file as `python -m export --evidence` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge_daemon import __version__
from edge_daemon.detection.event_rules import EventRules
from train.data import call_snr
from train.data.whole_recordings import CALLS
from train.evaluation import interval
from train.evaluation.figures import Figures
from train.evaluation.interval import Estimate
from train.evaluation.model_result import FrontPoint, ModelResult, Question, RulesResult
from train.evaluation.parts import MEANING

RESAMPLING = (
    f"{interval.COVERAGE:.0%} intervals: {interval.DRAWS} draws of minutes with replacement, seed {interval.SEED};"
    " never narrower than the exact ones of a binomial share and of a Poisson rate"
)


APART = "Each recording was judged by a network of the same recipe that had not learned from it."


def document(
    results: Sequence[ModelResult], asked: Question, band_hz: tuple[float, float], command: str
) -> dict[str, Any]:
    """Everything that was measured, as JSON values.

    Args:
        results: of each model.
        asked: recordings and limits.
        band_hz: in which signal-to-noise ratios were taken.
        command: that made the document.
    """
    corpus = asked.corpus
    return {
        "made_by": command,
        "project_version": __version__,
        "matching": asked.rule,
        "intervals": RESAMPLING,
        "snr": f"power of a call over the noise around it, {band_hz[0]:g} to {band_hz[1]:g} Hz;"
        f" {call_snr.LEAST_DB:g} dB or less is {call_snr.LEAST_DB:g} (train/data/call_snr.py)",
        "hop_s": asked.hop_s,
        "calls": len(corpus.calls_s),
        "hours": {kind: _round(float(corpus.minute_hours[corpus.minute_kind == kind].sum())) for kind in corpus.kinds},
        "parts": {
            part: {
                "meaning": MEANING[part],
                "recordings": [found.name for found, inside in zip(corpus.recordings, own, strict=True) if inside],
            }
            for part, own in asked.parts.items()
        },
        "models": [_model(result) for result in results],
    }


def evidence(result: ModelResult, asked: Question) -> dict[str, Any]:
    """One model's figures as the file that `python -m export --evidence` takes."""
    corpus = asked.corpus
    sounds = []
    for part, fronts in result.fronts.items():
        own = asked.parts[part]
        marked = own[corpus.minute_recording] & (corpus.minute_kind == CALLS)
        folders = {corpus.recordings[number].path.parent.name for number in corpus.minute_recording[marked].tolist()}
        sounds.append(
            {
                "data": ", ".join(sorted(folders)),
                "hours": _round(float(corpus.minute_hours[marked].sum())),
                "calls": int(own[corpus.call_recording].sum()),
                "counted": " ".join((asked.rule, *_apart(result, asked))),
                "chosen": MEANING[part],
                "figures": [_evidence_figure(point, point.figures[part]) for point in result.results],
                "front": [
                    [_round(at.false_per_hour), _round(at.recall.value), *(_interval(at.recall) or ())]
                    for at in fronts[CALLS]
                ],
            }
        )
    return {"continuous": sounds}


def _apart(result: ModelResult, asked: Question) -> tuple[str, ...]:
    """Who judged what, of several networks."""
    if result.folds == 1:
        return ()
    if not result.not_aside:
        return (APART,)
    recordings = asked.corpus.recordings
    kinds = ", ".join(dict.fromkeys(recordings[number].kind for number in result.not_aside))
    count = len(result.not_aside)
    return (
        f"Recordings that a fold kept aside were judged by its network; {count} of {len(recordings)} recordings"
        f" ({kinds}) are in no fold: the first network judged them, and may have learned from them.",
    )


def _evidence_figure(point: RulesResult, figures: Figures) -> dict[str, Any]:
    false = dict(figures.false_per_hour)
    own = false.pop(CALLS)
    return {
        "rules": point.name,
        **_rules(point.rules),
        "recall": _round(figures.recall.value),
        "recall_interval": _interval(figures.recall),
        "recall_one_to_one": _round(figures.recall_one_to_one.value),
        "false_alarms_per_hour": _round(own.value),
        "false_alarms_interval": _interval(own),
        "elsewhere": [
            {
                "kind": kind,
                "hours": _round(found.of),
                "false_alarms_per_hour": _round(found.value),
                "false_alarms_interval": _interval(found),
            }
            for kind, found in false.items()
        ],
        "by_snr": [
            {
                "low_db": found.low_db,
                "high_db": found.high_db,
                "calls": found.recall.of,
                "recall": _round(found.recall.value),
                "recall_interval": _interval(found.recall),
            }
            for found in figures.by_snr
            if found.recall.of
        ],
    }


def _model(result: ModelResult) -> dict[str, Any]:
    about = result.about
    return {
        "model": result.label,
        "name": about.name,
        "version": about.version,
        "digest": about.digest,
        "learned_from": about.learned_from,
        "operating_point": about.operating_point,
        "results": [
            {
                "rules": point.name,
                "limit": point.limit,
                **_rules(point.rules),
                "figures": {part: _figures(found) for part, found in point.figures.items()},
            }
            for point in result.results
        ],
        "fronts": {
            part: {name: [_front(point) for point in points] for name, points in fronts.items()}
            for part, fronts in result.fronts.items()
        },
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "recall": _estimate(figures.recall),
        "recall_one_to_one": _estimate(figures.recall_one_to_one),
        "false_per_hour": {kind: _estimate(found) for kind, found in figures.false_per_hour.items()},
        "by_snr": [asdict(found) | {"recall": _estimate(found.recall)} for found in figures.by_snr],
        # a hundred short recordings with nothing in them would hide the others
        "by_recording": [
            asdict(found) | {"hours": _round(found.hours)}
            for found in figures.by_recording
            if found.calls or found.false_events
        ],
    }


def _front(point: FrontPoint) -> dict[str, Any]:
    return {"false_per_hour": _round(point.false_per_hour), "recall": _estimate(point.recall), **_rules(point.rules)}


def _rules(rules: EventRules) -> dict[str, Any]:
    return rules.model_dump(include={"threshold", "threshold_low", "min_windows", "min_rise_hz", "context_s"})


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "count": found.count,
        "of": _round(found.of),
        "value": _round(found.value),
        "interval": _interval(found),
    }


def _interval(found: Estimate) -> list[float] | None:
    return None if found.interval is None else [round(end, 4) for end in found.interval]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
