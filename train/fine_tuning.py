"""Fine-tuning: a trained network learns from an own site's windows without forgetting what it knew.

The integer network goes on learning at a small rate from a few hundred windows, such as reviewers' verdicts. Three
things hold it back from forgetting: it hears old windows again between the new ones (Robins, Catastrophic forgetting,
rehearsal and pseudorehearsal, 1995), on all of them it also imitates its former self (Li and Hoiem, Learning without
Forgetting, 2016), and an *old evaluation*, other data that it was good at before, is judged after every epoch: weights
with which it falls are not kept. Which epoch is best is decided by a part of the new windows that no gradient sees.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edge_daemon.errors import UsageError
from train.ancestor import together
from train.augment import Augmentation
from train.checkpoint import CheckpointDocument, save
from train.crossval import Fold
from train.loop import Report, Training, fit, margins, score_auc
from train.part import Part
from train.quantise import QuantisedNetwork
from train.start import Start

ALLOWED_FALL = 0.002
"""By so much the old evaluation's AUC may fall: a hundredth of what separates networks of different kinds."""
REHEARSED = 4
"""Old windows that are heard again for each new one, at most half of all old ones."""
LEAST = 10
"""Windows of either kind that are needed to learn from and to be judged by."""
SCHEDULE = Training(epochs=12, batch=32, rate=5e-4, warmup=0.1, average=0.9, distil=0.3)
AUGMENTATION = Augmentation(time_shift=8)


def tune(
    start: Start,
    new: Part,
    old: Part,
    *,
    schedule: Training = SCHEDULE,
    share: float = 0.25,
    report: Report | None = None,
) -> tuple[QuantisedNetwork, dict[str, Any]]:
    """Learn from new windows as long as the old evaluation does not fall.

    Args:
        start: the network; it is left as it is.
        new: windows to learn from, in order of time.
        old: windows that it was good at: half of them may be heard again, on the others it must not become worse.
        schedule: how it learns.
        share: of the new windows that judge, the last of each kind.
        report: is told lines of progress.

    Returns:
        The network, in evaluation mode, and figures: AUC and loss of both before and after, and the epoch that was
        kept (−1: none was better than the start).

    Raises:
        UsageError: too few windows of one kind.
        DivergedError: its numbers are not finite any more.
    """
    learn, judge = _cut(new, share)
    rehearsed, old = _halves(old, REHEARSED * len(learn.labels), schedule.seed)
    network, teacher = start.copied(), start.copied().requires_grad_(False)
    before = {
        "old_auc": score_auc(network, old),
        "new_auc": score_auc(network, judge),
        "new_loss": _loss(network, judge),
    }
    least = before["old_auc"] - ALLOWED_FALL

    def worth(tried: nn.Module) -> float:
        return -_loss(tried, judge) if score_auc(tried, old) >= least else -np.inf

    heard = Part.together([learn, rehearsed])
    history = fit(
        network, heard, schedule, AUGMENTATION, validation=judge, worth=worth, teachers=[teacher], report=report
    )
    if max(history.validation_auc, default=-np.inf) <= -before["new_loss"]:
        network, history.best_epoch = start.copied(), -1
    figures = {
        "windows_learned_from": len(learn.labels),
        "windows_rehearsed": len(rehearsed.labels),
        "windows_judged_by": len(judge.labels),
        "kept_epoch": history.best_epoch,
        "before": before,
        "after": _figures(network, old, judge),
    }
    return network.eval(), figures


def tuned_checkpoint(
    start: Start,
    network: QuantisedNetwork,
    figures: dict[str, Any],
    output: Path,
    *,
    data: str,
    data_digest: str,
    credit: str,
    schedule: Training,
    command: str,
) -> CheckpointDocument:
    """Write the checkpoint of a fine-tuned network; it keeps credit, ancestors and the curve to scores.

    Args:
        start: what it started from.
        network: in integers.
        figures: of `tune`.
        output: folder.
        data: name of the new windows.
        data_digest: SHA-256 over them.
        credit: whom to name for them.
        schedule: how it learned.
        command: goes into the document.
    """
    known = start.document
    document = known.model_copy(
        update={
            "data": f"{known.data}; then {data}",
            "data_digest": data_digest,
            "credit": together([known.credit, credit]),
            "training": known.training | {"fine_tuned": {"schedule": asdict(schedule), "data": data}},
            "metrics": figures,
            "command": command,
        }
    )
    save(output, network, document)
    return document


def _cut(new: Part, share: float) -> tuple[Part, Part]:
    """The last windows of each kind judge, the others are learned from."""
    judging = np.zeros(len(new.labels), bool)
    for label in (0, 1):
        places = np.flatnonzero(new.labels == label)
        if len(places) < LEAST:
            raise UsageError(
                f"There are {len(places)} windows {'with' if label else 'without'} a call; {LEAST} are needed.",
                "Judge more detections.",
            )
        judging[places[len(places) - max(round(share * len(places)), LEAST // 3) :]] = True
    return new.take(np.flatnonzero(~judging)), new.take(np.flatnonzero(judging))


def _halves(old: Part, most: int, seed: int) -> tuple[Part, Part]:
    """Old windows to be heard again, half of each kind but no more than so many in all, and the others without kin."""
    rng, again = np.random.default_rng(seed), np.zeros(len(old.labels), bool)
    for label in (0, 1):
        places = rng.permutation(np.flatnonzero(old.labels == label))
        again[places[: min(len(places) // 2, round(most * len(places) / max(len(old.labels), 1)))]] = True
    halves = Fold(np.flatnonzero(again), np.flatnonzero(~again)).without_kin(old.kin)
    return old.take(halves.train), old.take(halves.test)


def _figures(network: nn.Module, old: Part, judge: Part) -> dict[str, float]:
    return {
        "old_auc": score_auc(network, old),
        "new_auc": score_auc(network, judge),
        "new_loss": _loss(network, judge),
    }


def _loss(network: nn.Module, part: Part) -> float:
    """Mean logistic loss of margins, each kind of window counting half."""
    margin: NDArray[np.float64] = margins(network, part.features, exact=True).astype(np.float64)
    loss = np.logaddexp(0, np.where(part.labels == 1, -margin, margin))
    return float(np.mean([loss[part.labels == label].mean() for label in (0, 1)]))
