"""The study's outlook in numbers: networks against a conventional one of the shipped network's size, same folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from train.crossval import Split, fold_files
from train.stored import read_result
from train.study.judged import read_judged
from train.study.paired_auc import PairedAuc, paired_auc

RIVAL = "cnn"
NETWORKS = ("conv", "conv_portable", "frames", "mlp2d", "template")
HEADER = "| network | parameters | mean AUC | `cnn` | difference (95 % over clips) | p | fold by fold |"


def compare(first: Path, second: Path, split: Split) -> PairedAuc:
    """Two folders of cross-validation results on the folds that both have.

    Raises:
        UsageError: margins are missing or of other clips.
    """
    ours, theirs = (fold_files(folder, split, "npz") for folder in (first, second))
    return paired_auc([read_judged(ours[number], theirs[number]) for number in sorted(ours.keys() & theirs.keys())])


def network_table(results: Path, split: Split, networks: Sequence[str] = NETWORKS) -> list[str]:
    """Lines of a Markdown table; networks without margins on that split are left out.

    Args:
        results: folder with a folder for each network.
        split: how the folds were cut.
        networks: names of folders.
    """
    lines = [HEADER, "|---|---:|---:|---:|---|---:|---|"]
    for name in networks:
        files = fold_files(results / name, split)
        if not fold_files(results / name, split, "npz"):
            continue
        found = compare(results / name, results / RIVAL, split)
        low, high = found.interval
        size = read_result(next(iter(files.values())))["parameters"]
        chance = f"{found.chance:.2f}" if found.chance >= 0.01 else "< 0.01"
        each = ", ".join(f"{difference:+.4f}" for difference in found.by_fold)
        lines.append(
            f"| `{name}` | {size:,} | {found.first:.4f} | {found.second:.4f} |"
            f" {found.difference:+.4f} ({low:+.4f} to {high:+.4f}) | {chance} | {each} |"
        )
    return lines
