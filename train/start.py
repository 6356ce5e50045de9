"""A trained network that another training starts from, or learns from: out of a checkpoint or a model file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from edge_daemon.errors import ModelError, UsageError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import model_path
from train.ancestor import Ancestor, Role
from train.checkpoint import WEIGHTS, CheckpointDocument, load, read_document
from train.networks import build
from train.networks.lif import SpikingNetwork
from train.quantise import QuantisedNetwork


@dataclass(frozen=True)
class Start:
    """The network that training starts from, and what is said about it.

    Attributes:
        network: in integers.
        document: of its checkpoint, or what its model file says in place of one; its `ancestors` are those of a network
            that starts from it.
    """

    network: QuantisedNetwork
    document: CheckpointDocument

    def copied(self) -> QuantisedNetwork:
        """The network once more, to be changed."""
        network = build(self.document.network, self.document.frontend.shape, self.document.settings)
        assert isinstance(network, SpikingNetwork)  # noqa: S101 - the start is one in integers
        copied = QuantisedNetwork(network)
        copied.load_state_dict(self.network.state_dict())
        return copied


def start_from(path: Path) -> Start:
    """A network to start from.

    Args:
        path: a model file, the name of one inside the package, or a checkpoint's folder.

    Raises:
        ModelError: it cannot be read.
        UsageError: it does not say which network it is, or is not one in integers.
    """
    if path.is_dir():
        checkpoint = load(path)
        if not isinstance(checkpoint.network, QuantisedNetwork):
            raise UsageError(f"{path} is a network in real numbers.", "Start from a spiking one, such as `conv`.")
        ancestors = _of_checkpoint(path, checkpoint.document, "start")
        return Start(checkpoint.network, checkpoint.document.model_copy(update={"ancestors": ancestors}))
    model = ModelFile.read(model_path(str(path)))
    metadata = model.metadata
    training: dict[str, Any] = metadata.metrics.get("training") or {}
    if "network" not in training:
        raise UsageError(
            f"{path} does not say which network it is.", "Start from a model that `python -m export` has written."
        )
    network = build(training["network"], metadata.frontend.shape, training.get("settings"))
    if not isinstance(network, SpikingNetwork):
        raise UsageError(f"{path}: the network {training['network']} has no integers.", "Start from `conv`.")
    quantised = QuantisedNetwork(network)
    quantised.take(model.network())
    return Start(
        quantised.eval(),
        CheckpointDocument(
            network=training["network"],
            settings=training.get("settings") or {},
            quantised=True,
            frontend=metadata.frontend,
            labels=metadata.labels,
            calibration=metadata.calibration,
            data=metadata.provenance.data,
            credit=metadata.provenance.credit,
            training=training,
            ancestors=(Ancestor.of_model(model, "start"),),
        ),
    )


def teacher_from(path: Path) -> nn.Module:
    """A trained network that teaches as it is, in evaluation mode; its weights do not learn.

    Args:
        path: a checkpoint's folder, of any kind of network, or a model file.

    Raises:
        ModelError, UsageError: as `start_from`.
    """
    network = load(path).network if path.is_dir() else start_from(path).network
    return network.eval().requires_grad_(False)


def ancestors_of(path: Path, role: Role) -> tuple[Ancestor, ...]:
    """What a network is made from that starts from another one or is taught by it: that one, and all before it.

    Args:
        path: as in `start_from`.
        role: which of the two.

    Raises:
        ModelError: it cannot be read.
    """
    if path.is_dir():
        return _of_checkpoint(path, read_document(path), role)
    return (Ancestor.of_model(ModelFile.read(model_path(str(path))), role),)


def _of_checkpoint(folder: Path, document: CheckpointDocument, role: Role) -> tuple[Ancestor, ...]:
    try:
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{folder} is not a readable checkpoint: {error}") from error
    unsaid = document.made_from and not document.ancestors
    own = Ancestor(
        role=role,
        name=folder.resolve().name,
        digest=digest,
        licence=None if unsaid else "",
        credit=document.credit,
    )
    # whom a teacher started from is no start of its pupil's
    earlier = (
        ancestor if role == "start" else ancestor.model_copy(update={"role": role}) for ancestor in document.ancestors
    )
    return (own, *earlier)
