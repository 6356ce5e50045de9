import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from train.study.paired_auc import Judged, paired_auc


def judged(seed: int, calls: int = 40, others: int = 60, steps: float = 0.0) -> Judged:
    rng = np.random.default_rng(seed)
    labels = np.r_[np.ones(calls), np.zeros(others)].astype(np.uint8)
    seen = labels + rng.normal(0, 1, len(labels))
    first, second = seen + rng.normal(0, 0.3, len(labels)), 0.7 * labels + seen + rng.normal(0, 0.3, len(labels))
    if steps:
        first, second = np.round(first / steps), np.round(second / steps)
    return Judged(labels, first.astype(np.float32), second.astype(np.float32))


@pytest.mark.parametrize("steps", [0.0, 0.5])
def test_aucs_are_those_of_the_folds_ties_included(steps: float) -> None:
    folds = [judged(seed, steps=steps) for seed in (1, 2, 3)]
    found = paired_auc(folds)
    first, second = ([roc_auc_score(f.labels, getattr(f, name)) for f in folds] for name in ("first", "second"))
    assert found.first == pytest.approx(np.mean(first))
    assert found.second == pytest.approx(np.mean(second))
    assert found.by_fold == pytest.approx(np.subtract(first, second))
    assert found.interval[0] < found.difference < found.interval[1]


def test_the_variance_is_delongs_by_its_definition() -> None:
    """Placement values pair by pair, as the paper has them."""
    fold = judged(5, 7, 9, 0.5)
    call = fold.labels == 1
    wins = []
    for margins in (fold.first, fold.second):
        above, below = margins[call][:, None], margins[~call][None]
        wins.append((above > below) + 0.5 * (above == below))
    difference = wins[0] - wins[1]
    variance = difference.mean(axis=1).var(ddof=1) / 7 + difference.mean(axis=0).var(ddof=1) / 9
    assert paired_auc([fold]).error == pytest.approx(np.sqrt(variance))
    assert paired_auc([fold, fold]).error == pytest.approx(np.sqrt(variance / 2))


def test_the_interval_holds_as_often_as_it_says() -> None:
    """Two networks that are equally good, 300 times: the interval misses 0 about once in twenty."""
    missed = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = np.r_[np.ones(60), np.zeros(90)].astype(np.uint8)
        seen = labels + rng.normal(0, 1, 150)
        margins = (seen + rng.normal(0, 0.7, (2, 150))).astype(np.float32)
        low, high = paired_auc([Judged(labels, *margins)]).interval
        missed += not low <= 0 <= high
    assert 5 <= missed <= 27


def test_a_network_beside_itself() -> None:
    fold = judged(1)
    found = paired_auc([Judged(fold.labels, fold.first, fold.first)])
    assert (found.difference, found.error, found.chance) == (0, 0, 1)
