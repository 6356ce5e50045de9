"""Checkpoints: a trained network in a folder, without pickle.

`weights.safetensors` holds the arrays, `checkpoint.json` everything else: which network with which settings, the
front end, seeds, data and their digest, what it was made from, the split, metrics, the calibration. Both are written
whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from edge_daemon.errors import ModelError
from edge_daemon.model.frontend import FrontEndSpec
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.score_calibration import Calibration
from train.ancestor import Ancestor
from train.networks import build
from train.networks.lif import SpikingNetwork
from train.quantise import QuantisedNetwork, to_integer_network

WEIGHTS, DOCUMENT = "weights.safetensors", "checkpoint.json"


class CheckpointDocument(BaseModel):
    """All about a trained network but its arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(1, ge=1, le=1)
    network: str = Field(description="Name of the network, a file of train/networks.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of its build.")
    quantised: bool = Field(description="Arrays of the trainable integer network, not of the float one.")
    frontend: FrontEndSpec
    labels: tuple[str, ...] = ("noise", "right_whale_upcall")
    calibration: Calibration | None = None
    data: str = Field("", description="Name of the data set.")
    data_digest: str = Field("", description="SHA-256 over features and labels.")
    credit: str = Field("", description="Line that must stay with the model.")
    split: str = Field("all", description="Which part it learned from.")
    training: dict[str, Any] = Field(default_factory=dict, description="Schedules, augmentation, seed.")
    metrics: dict[str, Any] = Field(default_factory=dict)
    command: str = ""
    ancestors: tuple[Ancestor, ...] = Field((), description="Trained networks that it started from or learned from.")

    @property
    def made_from(self) -> bool:
        """Whether trained networks went into it; older checkpoints say so without saying more in `ancestors`."""
        return bool(self.ancestors or any(self.training.get(key) for key in ("start", "teachers", "fine_tuned")))


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what is known about it.

    Attributes:
        network: in evaluation mode; a `QuantisedNetwork` where `document.quantised`.
        document: the rest.
    """

    network: nn.Module
    document: CheckpointDocument = field(repr=False)

    def integer_network(self) -> IntegerNetwork:
        """The network in the form that is exported.

        Raises:
            ModelError: the network is not a quantised one.
        """
        if not isinstance(self.network, QuantisedNetwork):
            raise ModelError(
                f"This checkpoint of {self.document.network} contains real numbers, not integers.",
                "Train a spiking network with `python -m train fit`, which quantises at the end.",
            )
        return to_integer_network(self.network)


def save(folder: Path, network: nn.Module, document: CheckpointDocument) -> None:
    """Write a checkpoint.

    Args:
        folder: made if need be; an old checkpoint there is replaced.
        network: its arrays are stored.
        document: the rest; `quantised` must say what the network is.
    """
    if document.quantised != isinstance(network, QuantisedNetwork):
        raise ValueError("the document and the network disagree about its kind of numbers")
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: value.contiguous().clone() for name, value in network.state_dict().items()}
    fresh = folder / f"{WEIGHTS}.new"
    save_file(arrays, fresh)
    fresh.replace(folder / WEIGHTS)
    write_document(folder, document)


def write_document(folder: Path, document: CheckpointDocument) -> None:
    """Write all about a checkpoint but its arrays."""
    write_json(folder / DOCUMENT, document.model_dump(mode="json"))


def read_document(folder: Path) -> CheckpointDocument:
    """Read all about a checkpoint but its arrays.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        return CheckpointDocument.model_validate_json((folder / DOCUMENT).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{folder} is not a readable checkpoint: {error}",
            "Give a folder that `python -m train fit --output` wrote.",
        ) from error


def load(folder: Path | str) -> Checkpoint:
    """Read a checkpoint.

    Args:
        folder: where `save` wrote it.

    Raises:
        ModelError: it is missing, damaged or contradicts itself.
    """
    folder = Path(folder)
    document = read_document(folder)
    try:
        arrays = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{folder} is not a readable checkpoint: {error}",
            "Give a folder that `python -m train fit --output` wrote.",
        ) from error
    network = build(document.network, document.frontend.shape, document.settings)
    if document.quantised:
        if not isinstance(network, SpikingNetwork):
            raise ModelError(f"{folder}: the network {document.network} has no integer form.")
        network = QuantisedNetwork(network)
    try:
        network.load_state_dict(arrays)
    except RuntimeError as error:
        raise ModelError(f"{folder}: weights and settings do not match: {error}", "Train it again.") from error
    network.eval()
    return Checkpoint(network, document)


def digest(features: NDArray[np.uint8], labels: NDArray[np.uint8], weights: NDArray[np.float32] | None = None) -> str:
    """SHA-256 over shape, features, labels and, where there are any, weights, hex: which data a network saw."""
    found = hashlib.sha256(str(features.shape).encode())
    found.update(np.ascontiguousarray(features).data)
    found.update(np.ascontiguousarray(labels, np.uint8).data)
    if weights is not None:
        found.update(np.ascontiguousarray(weights, np.float32).data)
    return found.hexdigest()


def write_json(path: Path, document: Any) -> None:
    """Write JSON whole or not at all; numbers that are not finite become null, for JSON knows none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(to_json(document) + "\n", encoding="utf-8")
    fresh.replace(path)


def to_json(document: Any) -> str:
    """Strict JSON text, indented; numbers that are not finite become null."""
    return json.dumps(_strict(document), indent=1, ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inside) for inside in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def single_thread() -> None:
    """Compute on one thread: results repeat, and several tasks share a machine fairly."""
    torch.set_num_threads(1)
