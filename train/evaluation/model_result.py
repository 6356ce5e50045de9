"""One model judged: its scores, its own operating point, the best rules at each limit, and the rules none beats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.event_rules import EventRules
from train.data.whole_recordings import CALLS
from train.evaluation.choice import choose, false_rates, front
from train.evaluation.corpus import Corpus
from train.evaluation.figures import Figures, figures_of, recall_of
from train.evaluation.interval import Estimate
from train.evaluation.matching import RULE
from train.evaluation.rule_grid import rule_grid
from train.evaluation.scorer import Candidate, JudgedModel, open_scorer
from train.evaluation.scores import Scores
from train.evaluation.tally import RulesTally, tally

OWN = "operating point"
"""Name of the rules that the model file recommends."""
MOST_COVERED = 0.5
"""Rules whose events cover more of the time are not tried: one event of an hour finds every call and says nothing."""


@dataclass(frozen=True)
class Question:
    """What is asked of every model.

    Attributes:
        corpus: the recordings.
        snr_db: float64 [calls], signal-to-noise ratio of each.
        parts: bool [recordings] by name; rules are chosen on the first part.
        limits: false events an hour.
        hop_s: seconds from window to window.
        channel: which channel of the recordings, from 0.
    """

    corpus: Corpus
    snr_db: NDArray[np.float64]
    parts: dict[str, NDArray[np.bool_]]
    limits: tuple[float, ...]
    hop_s: float = 0.5
    channel: int = 0

    @property
    def rule(self) -> str:
        """How events are held against calls."""
        doubtful = sum(len(recording.doubtful) for recording in self.corpus.recordings)
        sounds = f"{doubtful} sounds are" if doubtful > 1 else "One sound is"
        return f"{RULE} {sounds} doubtful." if doubtful else RULE


@dataclass(frozen=True)
class RulesResult:
    """Rules, and what they gave.

    Attributes:
        name: what to call them.
        limit: false events an hour under which they were chosen, or None where the model file recommends them.
        tally: what they found.
        figures: by part of the recordings.
    """

    name: str
    limit: float | None
    tally: RulesTally
    figures: dict[str, Figures]

    @property
    def rules(self) -> EventRules:
        """How scores became events."""
        return self.tally.rules


@dataclass(frozen=True)
class FrontPoint:
    """Rules that no others beat on a part of the recordings: recall at so many false events an hour."""

    false_per_hour: float
    recall: Estimate
    rules: EventRules


@dataclass(frozen=True)
class ModelResult:
    """One model's answers.

    Attributes:
        label: what to call it.
        about: what it is; of several, the first.
        scores: of each recording.
        results: its operating point, then the best rules at each limit that can be kept.
        fronts: rules none beats, by part and by where false events are counted: "calls" in the recordings with calls,
            "every kind" where they are most. A part without calls has none.
        folds: networks that shared out the recordings; 1 for a model that judged all of them.
        not_aside: of several networks: places of the recordings that no fold keeps aside. The first network judged
            them, and may have learned from them.
    """

    label: str
    about: JudgedModel
    scores: tuple[Scores, ...]
    results: tuple[RulesResult, ...]
    fronts: dict[str, dict[str, tuple[FrontPoint, ...]]]
    folds: int = 1
    not_aside: tuple[int, ...] = ()


def judge(candidate: Candidate, asked: Question, report: Callable[[str], None]) -> ModelResult:
    """Score all recordings once and try all rules on the scores.

    Args:
        candidate: the model, or the models that share out the recordings.
        asked: recordings and limits.
        report: told what goes on.

    Raises:
        ModelError, ConfigError, BackendError: the model cannot be run.
        AudioError, DataError: a recording cannot be read.
    """
    corpus, label = asked.corpus, candidate.label
    folds = len(candidate.models)
    not_aside = [n for n, one in enumerate(corpus.recordings) if folds > 1 and not candidate.keeps_aside(one.name)]
    if not_aside:
        kinds = ", ".join(dict.fromkeys(corpus.recordings[number].kind for number in not_aside))
        report(f"{label}: {len(not_aside)} recordings ({kinds}) are in no fold; the first network judges them.")
    scores: dict[int, Scores] = {}
    for place, (path, _) in reversed(list(enumerate(candidate.models))):
        scorer = open_scorer(path, asked.hop_s)
        try:
            for number, recording in enumerate(corpus.recordings):
                if candidate.model_for(recording.name) == place:
                    report(f"{label}: {recording.name}")
                    scores[number] = scorer.score(recording.path, asked.channel)
        finally:
            scorer.close()
    scored = tuple(scores[number] for number in range(len(corpus.recordings)))
    report(f"{label}: event rules")
    every = (tally(corpus, scored, rules) for rules in rule_grid(scorer.rules))
    tallies = [found for found in every if found.covered <= MOST_COVERED]

    def result(name: str, limit: float | None, found: RulesTally) -> RulesResult:
        parts = {part: figures_of(corpus, found, asked.snr_db, own) for part, own in asked.parts.items()}
        return RulesResult(name, limit, found, parts)

    looked_at = next(iter(asked.parts.values()))[corpus.minute_recording]
    results = [result(OWN, None, tally(corpus, scored, scorer.rules))]
    for limit in asked.limits:
        best = choose(corpus, tallies, limit, looked_at)
        if best is not None:
            results.append(result(f"≤ {limit:g}/h", limit, best))
    with_calls = {name: own for name, own in asked.parts.items() if own[corpus.call_recording].any()}
    fronts = {name: _fronts(corpus, tallies, own) for name, own in with_calls.items()}
    return ModelResult(label, scorer.about, scored, tuple(results), fronts, folds, tuple(not_aside))


def _fronts(
    corpus: Corpus, tallies: Sequence[RulesTally], part: NDArray[np.bool_]
) -> dict[str, tuple[FrontPoint, ...]]:
    minutes, calls = part[corpus.minute_recording], part[corpus.call_recording]
    recall = np.array([found.found[calls].mean() for found in tallies])
    counted = {CALLS: minutes & (corpus.minute_kind == CALLS), "every kind": minutes}
    if (counted[CALLS] == minutes).all():
        del counted["every kind"]
    fronts = {}
    for name, own in counted.items():
        worst = false_rates(corpus, tallies, own).max(axis=1)
        fronts[name] = tuple(
            FrontPoint(float(worst[at]), recall_of(corpus, tallies[at].found, calls, minutes), tallies[at].rules)
            for at in front(worst, recall).tolist()
        )
    return fronts
