"""From a checkpoint to a model file, checked before it is written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edge_daemon import __version__
from edge_daemon.errors import ModelError, StorageError, UsageError
from edge_daemon.model.model_file import ModelFile, ModelMetadata, OperatingPoint, Provenance
from edge_daemon.model.network import readout
from export.evidence import Evidence, from_results, operations, spread
from export.graph import model_file, network_document
from export.parity import Forward, Parity, check
from export.parity_place import Spikes
from export.taken_over import band_of, licence_of, made_from, point_of, weaknesses_of
from train.checkpoint import Checkpoint
from train.quantise import QuantisedNetwork

PARITY_WINDOWS = 1000
COUNTED_WINDOWS = 1000
"""As many as `tests/benchmarks/bench_energy.py` takes, chosen alike: card and docs/energy.md show the same counts."""
SYNTHETIC = "synthetic pictures"


@dataclass(frozen=True)
class Wishes:
    """What the person who exports decides.

    Attributes:
        name: of the model.
        version: of the model.
        summary: one sentence.
        operating_point: event rules and why; None takes those of what the weights were made from.
        licence: terms of the weights; None likewise.
        weaknesses: known ones, a sentence each, beside those of what the weights were made from.
        dropped: parts of sentences on the latter that hold no more.
        command: that made the file.
        results: folder of cross-validation results whose figures go into the file.
        evidence: what was measured elsewhere; its weaknesses are added to the others.
    """

    name: str
    version: str
    operating_point: OperatingPoint | None = None
    summary: str = ""
    licence: str | None = None
    weaknesses: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    command: str = ""
    results: Path | None = None
    evidence: Evidence = field(default_factory=Evidence)


def make(checkpoint: Checkpoint, wishes: Wishes, features: NDArray[np.uint8], source: str) -> tuple[ModelFile, Parity]:
    """A model file in memory, proved equal to the trainer's network on given windows.

    Args:
        checkpoint: a quantised one, with calibration.
        wishes: name, operating point and the like.
        features: uint8 [N, bands, frames], real ones where there are any.
        source: where they are from: an archive's name, or `SYNTHETIC`.

    Raises:
        ModelError: the checkpoint is not quantised or not calibrated, a range cannot be proved, or parity fails.
        UsageError: nobody says under which terms the weights are, or there is no such weakness to drop.
    """
    document = checkpoint.document
    licence = licence_of(document) if wishes.licence is None else wishes.licence
    weaknesses = _without(weaknesses_of(document), wishes.dropped) + wishes.weaknesses + wishes.evidence.weaknesses
    if document.calibration is None:
        raise ModelError(
            "The checkpoint has no calibration, so its scores would not be probabilities.",
            "Train with --hold-out, or with --calibration from a cross-validation.",
        )
    network = checkpoint.integer_network()
    known = from_results(wishes.results, document.calibration) if wishes.results is not None else {}
    known |= _continuous(wishes.evidence)
    counted = operations(network, document.calibration, spread(features, COUNTED_WINDOWS), source)
    metadata = ModelMetadata(
        name=wishes.name,
        version=wishes.version,
        summary=wishes.summary,
        labels=document.labels,
        call_band_hz=band_of(document),
        frontend=document.frontend,
        network=network_document(network),
        calibration=document.calibration,
        operating_point=wishes.operating_point or point_of(document),
        provenance=Provenance(
            data=f"{document.data} ({document.split}), SHA-256 {document.data_digest[:16]}{made_from(document)}",
            credit=document.credit,
            licence=licence,
            **_making(document.command, wishes.command),
        ),
        metrics={**document.metrics, **known, "operations": counted, "training": document.training},
        weaknesses=tuple(dict.fromkeys(weaknesses)),
    )
    model = ModelFile.from_bytes(model_file(network, metadata))
    return model, check(model, features, trainer_forward(checkpoint), trainer_spikes(checkpoint))


@dataclass(frozen=True)
class Changes:
    """What a person decides who makes a model file again.

    Attributes:
        version: of the model; another file should have another one.
        command: that remakes it.
        weaknesses: found since, a sentence each.
        evidence: measured since; its continuous sound takes the place of what the file has.
        licence: terms of the weights; None leaves them.
        operating_point: event rules and why; None leaves them.
        dropped: parts of sentences on weaknesses that hold no more.
        results: folder of cross-validation results whose figures go into the file; None leaves those it has.
    """

    version: str
    command: str = ""
    weaknesses: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    licence: str | None = None
    operating_point: OperatingPoint | None = None
    dropped: tuple[str, ...] = ()
    results: Path | None = None


def remake(
    model: ModelFile, changes: Changes, features: NDArray[np.uint8], source: str = SYNTHETIC
) -> tuple[ModelFile, Parity]:
    """The same network in a graph by today's exporter, for a model file whose checkpoint is not at hand.

    Args:
        model: the model file; weights and calibration stay what they are.
        changes: what does not.
        features: uint8 [N, bands, frames], for the check.
        source: where they are from: an archive's name, in which operations are counted again, or `SYNTHETIC`; the
            counts in the file stay then.

    Raises:
        ModelError: the version is the old one, or parity of reference and graph fails.
        UsageError: there is no such weakness to drop, or there are no results.
    """
    network, known = model.network(), model.metadata
    if changes.version == known.version:
        raise ModelError(f"The model already has version {known.version}.", "Choose a different version.")
    metrics = known.metrics | _continuous(changes.evidence)
    if changes.results is not None:
        metrics |= from_results(changes.results, known.calibration)
    if source != SYNTHETIC:
        metrics["operations"] = operations(network, known.calibration, spread(features, COUNTED_WINDOWS), source)
    metadata = known.model_copy(
        update={
            "version": changes.version,
            "operating_point": changes.operating_point or known.operating_point,
            "provenance": known.provenance.model_copy(
                update=_making(known.provenance.command, changes.command) | _terms(changes)
            ),
            "metrics": metrics,
            "weaknesses": _without(known.weaknesses, changes.dropped)
            + changes.weaknesses
            + changes.evidence.weaknesses,
        }
    )
    remade = ModelFile.from_bytes(model_file(network, metadata))
    return remade, check(remade, features)


def changed_point(point: OperatingPoint, rules: Mapping[str, float | str | None]) -> OperatingPoint:
    """An operating point with other rules; how the former ones were chosen says nothing of these.

    Args:
        point: the former one.
        rules: by name of its fields; None leaves a field, but a note of other rules.

    Raises:
        UsageError: a rule is out of range, or the two thresholds would be in the wrong order.
    """
    changed = {name: value for name, value in rules.items() if value is not None}
    try:
        made = OperatingPoint.model_validate(point.model_dump() | changed)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(f"{name} {changed[name]} cannot be: {first['msg']}.", "Choose another value.") from error
    if "note" not in changed and made != point:
        made = made.model_copy(update={"note": ""})
    if made.threshold_low > made.threshold:
        raise UsageError(
            f"The lower threshold ({made.threshold_low:g}) would be above the threshold ({made.threshold:g}).",
            "Give --threshold-low, too.",
        )
    return made


def _without(weaknesses: tuple[str, ...], dropped: tuple[str, ...]) -> tuple[str, ...]:
    for part in dropped:
        if not any(part in weakness for weakness in weaknesses):
            raise UsageError(f"No weakness of the model contains '{part}'.", "See `edge-daemon model info`.")
    return tuple(weakness for weakness in weaknesses if not any(part in weakness for part in dropped))


def _terms(changes: Changes) -> dict[str, str]:
    return {} if changes.licence is None else {"licence": changes.licence}


def _continuous(evidence: Evidence) -> dict[str, Any]:
    """Figures on continuous sound as the file has them, nothing where there are none."""
    document = evidence.model_dump(mode="json", exclude_defaults=True)
    return {"continuous": document["continuous"]} if evidence.continuous else {}


def _making(before: str, command: str) -> dict[str, str]:
    """The part of the provenance that tells how and when a file was made."""
    return {
        "command": f"{before} && {command}".strip(" &"),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "project_version": __version__,
    }


def trainer_forward(checkpoint: Checkpoint) -> Forward:
    """The trainer's exact integer pass of a quantised checkpoint."""
    import torch

    network, integer = checkpoint.network, checkpoint.integer_network()
    assert isinstance(network, QuantisedNetwork)  # noqa: S101 - integer_network() refused anything else

    def forward(
        features: NDArray[np.uint8],
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]:
        with torch.no_grad():
            membranes, spikes = network.trace(torch.from_numpy(features.astype(np.float32)), exact=True)
        totals = np.stack([train.sum(dim=(0, *range(2, train.ndim))).numpy() for train in spikes], axis=1)
        counts = spikes[-1].sum(dim=0).flatten(1).numpy().astype(np.int32)
        membrane = membranes[-1].flatten(1).numpy().astype(np.int64)
        return counts, totals.astype(np.int64), readout(integer, membrane, counts)

    return forward


def trainer_spikes(checkpoint: Checkpoint) -> Spikes:
    """Every layer's spikes in the trainer's exact integer pass, for the place of a difference."""
    import torch

    network = checkpoint.network
    assert isinstance(network, QuantisedNetwork)  # noqa: S101 - integer_network() refused anything else

    def spikes(features: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
        with torch.no_grad():
            _, trains = network.trace(torch.from_numpy(features.astype(np.float32)), exact=True)
        return [train.numpy() > 0 for train in trains]

    return spikes


def synthetic_features(shape: tuple[int, int], count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Stand-in for real features: smooth noise with bright sweeps, uint8 [count, bands, frames]."""
    rng = np.random.default_rng(seed)
    bands, frames = shape
    level = rng.normal(90, 30, (count, bands, frames)) + rng.normal(0, 25, (count, bands, 1))
    sweep = np.clip((np.arange(frames) / frames * rng.uniform(0.1, 0.5, (count, 1)) + 0.1) * bands, 0, bands - 1)
    rows, columns = np.arange(count)[:, None], np.arange(frames)[None]
    level[rows, sweep.astype(int), columns] += rng.uniform(0, 120, (count, 1))
    return np.clip(level, 0, 255).astype(np.uint8)


def save(model: ModelFile, path: Path) -> None:
    """Write a model file whole or not at all."""
    fresh = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(model.data)
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Check folder and permissions.") from error
