"""What a training gave, in sentences for a person."""

from __future__ import annotations

from typing import Any

from train.checkpoint import CheckpointDocument

CHANCE = 0.5
"""AUC of a network that guesses."""


def sentences(document: CheckpointDocument, output: str) -> list[str]:
    """What was trained, how well it does and what to do next; warnings begin with `Warning:`.

    Args:
        document: of the checkpoint.
        output: its folder, as a person calls it.
    """
    metrics = document.metrics
    found = _tuned(metrics) if "before" in metrics else _trained(metrics)
    if metrics.get("silent_layers"):
        layers = ", ".join(str(number) for number in metrics["silent_layers"])
        found.append(
            f"Warning: layer {layers} never spikes, so what follows it learned nothing. Train longer, or with another"
            " rate, slope or leak."
        )
    auc = metrics.get("auc")
    if auc is not None and auc < CHANCE:
        found.append(
            f"Warning: with an AUC of {auc:.3f} it is worse than guessing. Are the labels the right way round, and are"
            " there enough windows of both kinds?"
        )
    if not document.quantised:
        return [*found, f"{output} is a network in real numbers, for comparison: it cannot be exported."]
    return [*found, f"Export it with: python -m export {output} --output model.onnx"]


def _trained(metrics: dict[str, Any]) -> list[str]:
    found = [f"Learned from {metrics['windows_learned_from']:,} windows in {metrics['epochs']} epochs."]
    if "auc" in metrics:
        real = f" ({metrics['auc_float']:.4f} in real numbers)" if "auc_float" in metrics else ""
        found.append(f"On windows that it did not learn from, its AUC is {metrics['auc']:.4f}{real}.")
    else:
        found.append("Nothing was kept aside to judge it by.")
    return found


def _tuned(metrics: dict[str, Any]) -> list[str]:
    before, after = metrics["before"], metrics["after"]
    found = [
        f"Learned from {metrics['windows_learned_from']:,} new windows, judged by {metrics['windows_judged_by']:,}."
    ]
    if metrics["kept_epoch"] < 0:
        return [*found, "No epoch was better without forgetting: the network is as it was."]
    return [
        *found,
        f"On new windows that it did not learn from: loss {before['new_loss']:.3f} before, {after['new_loss']:.3f} now;"
        f" AUC {before['new_auc']:.4f} before, {after['new_auc']:.4f} now.",
        f"On the old evaluation: AUC {before['old_auc']:.4f} before, {after['old_auc']:.4f} now.",
    ]
