"""A data set: labelled windows in order of time, as features, as audio, or both.

Everything downstream (training, cross-validation, figures) sees only this class. Where the windows came from, an
archive of images, a download, a folder, long recordings or a synthetic ocean, is the business of one file each in
this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import EdgeDaemonError
from edge_daemon.model.frontend import LogMelSpec, StftSpec, WaveformSpec

Spec = LogMelSpec | StftSpec | WaveformSpec


class DataError(EdgeDaemonError):
    """A data set cannot be found, read or understood."""


@dataclass(frozen=True)
class Dataset:
    """Labelled windows.

    Args:
        name: what to call it in tables and reports.
        labels: uint8 [N], 1 where there is an up-call, 0 where not.
        order: int64 [N], strictly increasing or not, sorts the windows by time: neighbours in it resemble each other,
            so a blocked split keeps them together.
        group: int64 [N], windows that must not be torn apart (one recording, one set of conditions), or None.
        features: uint8 [N, bands, frames], or None.
        audio: float32 [N, samples], full scale ±1, or None.
        frontend: the front end that made `features`; None without features.
        sample_rate: samples per second of the audio that the windows were cut from.
        credit: whom to name where results are shown; empty if nobody must be named.
        names: of each window (file, or file@begin), or None.
        notes: sentences for a person about what was left out or looked odd while reading.
        weights: float32 [N], what each window counts in the loss, or None where all count the same.
        kinds: what sounds in each window (`calls`, `song`, …), or None.
        kin: int64 [N], windows with one number hold the same sound (a clip, and the same laid into other sound): who
            is judged by one must not have learned from another. None: no two do.

    Raises:
        ValueError: arrays of different lengths, wrong types, or neither features nor audio.
    """

    name: str
    labels: NDArray[np.uint8]
    order: NDArray[np.int64]
    group: NDArray[np.int64] | None
    features: NDArray[np.uint8] | None
    audio: NDArray[np.float32] | None
    frontend: Spec | None
    sample_rate: int
    credit: str
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    weights: NDArray[np.float32] | None = None
    kinds: tuple[str, ...] | None = None
    kin: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _expect("labels", self.labels, np.uint8, 1)
        _expect("order", self.order, np.int64, 1)
        _expect("group", self.group, np.int64, 1)
        _expect("features", self.features, np.uint8, 3)
        _expect("audio", self.audio, np.float32, 2)
        _expect("weights", self.weights, np.float32, 1)
        _expect("kin", self.kin, np.int64, 1)
        parts = (self.order, self.group, self.features, self.audio, self.names, self.weights, self.kinds, self.kin)
        if any(part is not None and len(part) != len(self.labels) for part in parts):
            raise ValueError(f"{self.name}: arrays of different lengths")
        if self.features is None and self.audio is None:
            raise ValueError(f"{self.name}: neither features nor audio")
        if (self.features is None) != (self.frontend is None):
            raise ValueError(f"{self.name}: features and front end come together")
        if self.features is not None and self.frontend is not None and self.features.shape[1:] != self.frontend.shape:
            raise ValueError(f"{self.name}: features {self.features.shape[1:]} are not {self.frontend.shape}")
        if len(self.labels) and self.labels.max() > 1:
            raise ValueError(f"{self.name}: a label is neither 0 nor 1")

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Dataset:
        """The windows at `index` (integers or a mask), in that order."""

        def taken(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if words is None else tuple(np.array(words, dtype=object)[index].tolist())

        return replace(
            self,
            labels=self.labels[index],
            order=self.order[index],
            group=None if self.group is None else self.group[index],
            features=None if self.features is None else self.features[index],
            audio=None if self.audio is None else self.audio[index],
            names=taken(self.names),
            weights=None if self.weights is None else self.weights[index],
            kinds=taken(self.kinds),
            kin=None if self.kin is None else self.kin[index],
        )

    def in_order(self) -> Dataset:
        """The same windows sorted by time."""
        return self.subset(np.argsort(self.order, kind="stable"))

    def summary(self) -> str:
        """One line for a person."""
        calls = int(self.labels.sum())
        shape = (
            ""
            if self.frontend is None
            else f", {self.frontend.kind} {self.frontend.shape[0]} × {self.frontend.shape[1]}"
        )
        share = f" ({100 * calls / len(self):.0f} %)" if len(self) else ""
        return f"{self.name}: {len(self)} windows, {calls} with a call{share}{shape}"


def _expect(name: str, array: NDArray[Any] | None, dtype: type[np.generic], dimensions: int) -> None:
    if array is not None and (array.dtype != dtype or array.ndim != dimensions):
        raise ValueError(f"{name} must be {dtype.__name__} in {dimensions} dimensions: {array.dtype} {array.shape}")
