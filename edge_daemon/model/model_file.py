"""The model file: a graph and all that the daemon must know about it, in one ONNX file.

Under one key of the file's metadata stands one JSON document: which front end to compute, what the labels are, how
the neurons reset, where the operating threshold lies and why, where the weights come from and under which terms.
Nothing about a model lives anywhere else, so a file copied to a buoy is complete. A file that is damaged, not ours,
or at odds with itself is refused with a sentence that says what to do.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from mmap import mmap
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from edge_daemon.errors import ModelError
from edge_daemon.model.file_contents import FileContents
from edge_daemon.model.frontend import FrontEndSpec
from edge_daemon.model.network import InputMode, IntegerNetwork, Layer, Pool, Stem
from edge_daemon.model.neuron import Reset
from edge_daemon.model.onnx_reader import OnnxFile, metadata_entry, parse
from edge_daemon.model.score_calibration import Calibration
from edge_daemon.model.shipped import named_models

METADATA_KEY = "edge_daemon"
FORMAT_VERSION = 1
MAX_FILE_BYTES = 256 * 1024 * 1024


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerDocument(_Document):
    """One layer of the network; its arrays are the file's tensors NAME.weight, .bias, .threshold and .beta."""

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["conv", "dense"]
    reset: Reset
    shift: int = 0
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    max_pool: tuple[int, int] = (1, 1)
    pool: Pool = "none"
    pool_size: tuple[int, int] = (1, 1)


class NetworkDocument(_Document):
    """The network without its arrays."""

    time_steps: int = Field(ge=1, le=4096)
    stem: Stem = "none"
    input_mode: InputMode = "constant"
    layers: tuple[LayerDocument, ...] = Field(min_length=1, max_length=64)


class OperatingPoint(_Document):
    """Where the model's makers would set the event rules, and why."""

    threshold: float = Field(ge=0, le=1, description="Score at and above which a window counts as a call.")
    threshold_low: float = Field(ge=0, le=1, description="Score down to which an event goes on.")
    min_windows: int = Field(1, ge=1, le=1000, description="Fewest windows of an event.")
    min_rise_hz: float = Field(0, ge=0, le=10_000, description="How far an event's call must rise, Hz; 0 does not ask.")
    context_s: float = Field(0, ge=0, le=600, description="How far back calls make others likelier, s; 0: none.")
    note: str = Field("", description="How it was chosen.")

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without rules that aren't asked for: daemons that do not know them read such a file."""
        fields: dict[str, Any] = dump(self)
        return {name: value for name, value in fields.items() if name not in {"min_rise_hz", "context_s"} or value}


class Provenance(_Document):
    """Where the weights come from."""

    data: str = Field(description="What it was trained on.")
    credit: str = Field("", description="Line that must stay with the model.")
    licence: str = Field(description="Terms of the weights.")
    command: str = Field("", description="Command that made the file.")
    created: str = Field("", description="Day, ISO 8601.")
    project_version: str = ""


class ModelMetadata(_Document):
    """The JSON document inside a model file."""

    format_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    version: str = Field(min_length=1, max_length=32)
    summary: str = ""
    labels: tuple[str, ...] = Field(min_length=2, max_length=64)
    call_label: int = Field(1, ge=0, description="Index of the label that is reported.")
    call_band_hz: tuple[float, float] = Field((50.0, 250.0), description="Where the species' call lies.")
    frontend: FrontEndSpec
    network: NetworkDocument
    calibration: Calibration
    operating_point: OperatingPoint
    provenance: Provenance
    metrics: dict[str, Any] = Field(default_factory=dict, description="What was measured, by name.")
    weaknesses: tuple[str, ...] = ()
    graph_sha256: str = Field("", description="SHA-256 of the graph in front of this document, hex; set by `write`.")

    @model_validator(mode="after")
    def _call_is_a_label(self) -> ModelMetadata:
        if self.call_label >= len(self.labels):
            raise ValueError(f"call_label {self.call_label} is not one of {len(self.labels)} labels")
        return self

    @property
    def label(self) -> str:
        """Name of the label that is reported."""
        return self.labels[self.call_label]


class ModelFile:
    """A model file that was read and found whole.

    Attributes:
        metadata: the document.
        digest: SHA-256 of the file, hex.
        contents: the file's bytes.
    """

    def __init__(self, metadata: ModelMetadata, contents: FileContents, file: OnnxFile) -> None:
        self.metadata = metadata
        self.contents = contents
        self.digest = hashlib.sha256(contents.data).hexdigest()
        self._file = file

    @property
    def data(self) -> bytes | mmap:
        """The file's bytes; a map of the file where it is large."""
        return self.contents.data

    @property
    def path(self) -> Path | None:
        """Where it was read, None for a model that was made in memory."""
        return self.contents.path

    @classmethod
    def read(cls, path: str | Path) -> ModelFile:
        """Read a model file.

        Raises:
            ModelError: it is missing, unreadable, damaged, not ours, of another version, or contradicts itself.
        """
        path = Path(path)
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ModelError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MB.", "It is not an edge-daemon model.")
            contents = FileContents.read(path)
        except OSError as error:
            # asked of the error, not of the path: a name too long for the disk cannot even be looked for
            absent = isinstance(error, FileNotFoundError)
            hint = f"Check the path. {named_models()}" if absent else "Check its permissions."
            raise ModelError(f"The model {path} cannot be read: {error.strerror}.", hint) from error
        try:
            return cls._checked(contents)
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", error.hint) from error

    @classmethod
    def from_bytes(cls, data: bytes, path: Path | None = None) -> ModelFile:
        """Read a model file from memory; raises `ModelError` as `read` does."""
        return cls._checked(FileContents(data, path))

    @classmethod
    def _checked(cls, contents: FileContents) -> ModelFile:
        file = parse(contents.data)
        metadata = _metadata(file)
        _check_graph(contents.data, file, metadata)
        _check_tensors(file, metadata)
        model = cls(metadata, contents, file)
        model.network()
        contents.release()
        return model

    def network(self, *, own: bool = False) -> IntegerNetwork:
        """The integer network with its arrays, for backends that do not run the graph.

        Args:
            own: arrays that stay what they are whatever becomes of the file. Those of a large one lie in its map
                otherwise: who keeps them would see what is written there, or die where it is cut short.

        Raises:
            ModelError: an array is missing, of a wrong type or shape.
        """
        document = self.metadata.network
        try:
            return IntegerNetwork(
                layers=tuple(self._layer(layer, own) for layer in document.layers),
                time_steps=document.time_steps,
                input_shape=self.metadata.frontend.shape,
                stem=document.stem,
                input_mode=document.input_mode,
                call_label=self.metadata.call_label,
            )
        except ValueError as error:
            raise ModelError(f"The network in the file is inconsistent: {error}.", "Export it again.") from error

    def _layer(self, document: LayerDocument, own: bool) -> Layer:
        fields = document.model_dump()

        def array(part: str, dtype: type[np.generic]) -> Any:
            found = self._array(document.name, part, dtype)
            return self.contents.copied(found) if own else found

        weight = array("weight", np.int8)
        if document.kind == "dense":
            weight = weight.T  # the graph multiplies from the left: [in, out]
        return Layer(
            weight=weight,
            bias=array("bias", np.int32),
            threshold=array("threshold", np.int32),
            beta_256=array("beta", np.int32),
            **fields,
        )

    def _array(self, layer: str, part: str, dtype: type[np.generic]) -> NDArray[np.generic]:
        array = self._file.tensors.get(f"{layer}.{part}")
        if array is None:
            raise ModelError(f"The file has no tensor {layer}.{part}.", "Export the model again.")
        if array.dtype != dtype:
            raise ModelError(f"Tensor {layer}.{part} is {array.dtype}, not {np.dtype(dtype)}.", "Export it again.")
        return array


def write(graph: bytes, metadata: ModelMetadata) -> bytes:
    """A model file: the serialised graph with the document, and in it the graph's digest, under its key."""
    metadata = metadata.model_copy(update={"graph_sha256": hashlib.sha256(graph).hexdigest()})
    return graph + metadata_entry(METADATA_KEY, metadata.model_dump_json(exclude_defaults=False))


def default_model_path() -> Path:
    """The model that comes with the package."""
    return Path(str(resources.files("edge_daemon") / "assets" / "right_whale.onnx"))


def _metadata(file: OnnxFile) -> ModelMetadata:
    text = file.metadata.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            "This ONNX file has no edge_daemon metadata, so its front end and labels are unknown.",
            "Use a file written by `python -m export`.",
        )
    version = _version(text)
    if version is not None and version != FORMAT_VERSION:
        raise ModelError(
            f"The model has format version {version}; this program reads version {FORMAT_VERSION}.",
            "Update edge-daemon." if version > FORMAT_VERSION else "Export the model again with this version.",
        )
    try:
        return ModelMetadata.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise ModelError(
            f"The model's metadata is malformed at {place}: {first['msg']}.", "Export it again."
        ) from error


def _check_graph(data: bytes | mmap, file: OnnxFile, metadata: ModelMetadata) -> None:
    """Refuse a file with a flipped bit: weights that rotted on a card would run, and hear something else."""
    if not metadata.graph_sha256:
        return
    document = metadata_entry(METADATA_KEY, file.metadata[METADATA_KEY])
    whole = memoryview(data)
    graph = whole[: -len(document)] if whole[-len(document) :] == document else whole
    if hashlib.sha256(graph).hexdigest() != metadata.graph_sha256:
        raise ModelError("The graph in the file was altered after it was written.", "Copy the model again.")


def _version(text: str) -> int | None:
    """The document's format version if it says a readable one, before the rest is looked at."""

    class Probe(BaseModel):
        format_version: int

    try:
        return Probe.model_validate_json(text).format_version
    except ValidationError:
        return None


def _check_tensors(file: OnnxFile, metadata: ModelMetadata) -> None:
    """Refuse a graph whose inputs and outputs are not those of the contract, or do not fit the front end."""
    labels, layers = len(metadata.labels), len(metadata.network.layers)
    expected = {
        "features": ("uint8", (None, *metadata.frontend.shape)),
        "spike_counts": ("int32", (None, labels)),
        "score": ("float32", (None,)),
        "layer_spikes": ("int64", (None, layers)),
    }
    inputs = [info for info in file.inputs if info.name not in file.tensors]
    found = {info.name: info for info in (*inputs, *file.outputs)}
    if set(found) != set(expected):
        raise ModelError(
            f"The graph has the tensors {_names(found)} instead of {_names(expected)}.", "Export the model again."
        )
    for name, (dtype, shape) in expected.items():
        info = found[name]
        if info.dtype != dtype:
            raise ModelError(f"Tensor {name} is {info.dtype}, not {dtype}.", "Export the model again.")
        if len(info.shape) != len(shape) or info.shape[1:] != shape[1:]:
            raise ModelError(
                f"Tensor {name} has the shape {_shape(info.shape)}, but the metadata"
                f" (front end {metadata.frontend.kind}, {labels} labels, {layers} layers) requires {_shape(shape)}.",
                "Graph and metadata belong to different models: export again.",
            )


def _names(tensors: dict[str, Any]) -> str:
    return ", ".join(sorted(tensors)) or "none"


def _shape(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("N" if size is None else str(size) for size in shape) + "]"
