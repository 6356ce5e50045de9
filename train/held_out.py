"""Margins on recordings that a network did not learn from, kept beside its checkpoint.

Each fold's network has some recordings that it never heard. Together the folds have all of them, and the curve that
their margins give belongs to the network that learned from everything by the same recipe. Scores are to be true at
sea, not on a day that was chosen for its whales: each kind of recording counts by its share of the time there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import UsageError
from edge_daemon.model.score_calibration import Calibration
from train.calibrate import Method, calibrate

FILE = "held_out.npz"


@dataclass(frozen=True)
class HeldOut:
    """Windows through recordings that were kept aside.

    Attributes:
        margin: float32 [N], the call's evidence over the noise's.
        label: uint8 [N], 1 = call.
        kind: str [N], what kind of recording each is from.
    """

    margin: NDArray[np.float32]
    label: NDArray[np.uint8]
    kind: NDArray[np.str_]

    def write(self, folder: Path) -> None:
        """Write them beside a checkpoint, whole or not at all."""
        fresh = folder / f".{FILE}"
        with fresh.open("wb") as file:
            np.savez_compressed(file, margin=self.margin, label=self.label, kind=self.kind)
        fresh.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read those of a checkpoint.

        Raises:
            UsageError: there are none, or they cannot be read.
        """
        try:
            with np.load(folder / FILE, allow_pickle=False) as stored:
                return cls(stored["margin"], stored["label"], stored["kind"])
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(
                f"{folder} has no margins on recordings that were kept aside.",
                "Train it with `python -m train fit --hold-out recordings:N`.",
            ) from error

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """All windows of several folds."""
        return cls(
            np.concatenate([part.margin for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.kind for part in parts]),
        )

    def calibration(self, prevalence: Mapping[str, float], method: Method = "platt") -> Calibration:
        """The curve from margins to scores.

        Args:
            prevalence: share of each kind of recording in the time at sea; other kinds do not count. Empty: each
                window counts the same.
            method: shape of the curve.

        Raises:
            UsageError: a kind that is not there, shares that are no shares, or margins that are not finite.
        """
        kinds, counts = np.unique(self.kind, return_counts=True)
        time = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
        missing = [kind for kind in prevalence if kind not in time]
        if missing:
            raise UsageError(
                f"No recording of the kind {' or '.join(missing)} was kept aside, but prevalence gives it a share.",
                f"Name some in the mixture's folds, or give shares of {', '.join(time)} with --share.",
            )
        if any(share < 0 for share in prevalence.values()) or (prevalence and not sum(prevalence.values())):
            raise UsageError(
                f"The recordings that were kept aside cannot stand for {dict(prevalence)}.",
                f"Give each kind a share of the time; there are {', '.join(time)}.",
            )
        if not np.isfinite(self.margin).all():
            raise UsageError("Some margins are not finite.", "The training diverged; change the recipe.")
        parts = prevalence or time
        shares = {kind: parts.get(kind, 0.0) / sum(parts.values()) for kind in time}
        weights = np.array([shares[kind] / time[kind] for kind in self.kind.tolist()])
        used = weights > 0
        if len(np.unique(self.label[used])) < 2:
            raise UsageError("Calibration needs windows with and without a call.", "Give the kind `calls` a share.")
        said = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items() if share)
        note = f"{int(used.sum())} windows of recordings that were kept aside; shares of the time: {said}"
        return calibrate(self.margin[used], self.label[used], note, method, weights[used])
