"""Model files: what is read back, and the sentence with which a bad one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import ModelError
from edge_daemon.model.model_file import METADATA_KEY, ModelFile, ModelMetadata, OperatingPoint
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.onnx_reader import metadata_entry, parse
from export.graph import build


@pytest.fixture(scope="module")
def graph(tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata) -> bytes:
    """The tiny network's graph without metadata."""
    return build(tiny_network, tiny_metadata).SerializeToString()


def with_document(graph: bytes, document: Any) -> bytes:
    text = document if isinstance(document, str) else json.dumps(document)
    return graph + metadata_entry(METADATA_KEY, text)


def refused(data: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        ModelFile.from_bytes(data)
    assert caught.value.hint
    return caught.value.message


def test_what_was_written_is_read_back(
    tiny_model: Path, tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata
) -> None:
    model_file = ModelFile.read(tiny_model)
    assert model_file.metadata.model_copy(update={"graph_sha256": ""}) == tiny_metadata
    network = model_file.network()
    for found, expected in zip(network.layers, tiny_network.layers, strict=True):
        for part in ("weight", "bias", "threshold", "beta_256"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        assert (found.stride, found.padding, found.max_pool) == (expected.stride, expected.padding, expected.max_pool)
    assert len(model_file.digest) == 64


def test_rules_that_are_not_asked_for_are_not_in_the_file() -> None:
    """Programs that do not know them read such a file."""
    plain = OperatingPoint(threshold=0.5, threshold_low=0.3).model_dump()
    assert set(plain) == {"threshold", "threshold_low", "min_windows", "note"}
    asked = OperatingPoint(threshold=0.5, threshold_low=0.3, min_rise_hz=30, context_s=300).model_dump()
    assert (asked["min_rise_hz"], asked["context_s"]) == (30, 300)


def test_onnx_reads_our_metadata_too(tiny_model: Path) -> None:
    model = onnx.load(tiny_model)
    document = ModelFile.read(tiny_model).metadata.model_dump_json()
    assert {entry.key: entry.value for entry in model.metadata_props} == {METADATA_KEY: document}
    onnx.checker.check_model(model, full_check=True)


def test_our_reader_agrees_with_onnx(tiny_model: Path) -> None:
    ours, theirs = parse(tiny_model.read_bytes()), onnx.load(tiny_model)
    assert len(theirs.graph.initializer) == len(ours.tensors) > 0
    for tensor in theirs.graph.initializer:
        np.testing.assert_array_equal(ours.tensors[tensor.name], onnx.numpy_helper.to_array(tensor))
    assert [info.name for info in ours.outputs] == [info.name for info in theirs.graph.output]
    assert ours.inputs[0].shape == (None, 50, 101)


def test_refuses_what_is_not_onnx(tmp_path: Path) -> None:
    assert "not a readable ONNX file" in refused(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    assert "no graph" in refused(b"")
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        ModelFile.read(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        ModelFile.read(tmp_path)


def test_refuses_a_strangers_onnx(graph: bytes) -> None:
    assert "no edge_daemon metadata" in refused(graph)


def test_refuses_a_truncated_file(tiny_model: Path) -> None:
    data = tiny_model.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        assert "not a readable ONNX file" in refused(data[: int(len(data) * share)])


def test_refuses_a_weight_that_flipped_a_bit(tiny_model: Path) -> None:
    data = bytearray(tiny_model.read_bytes())
    weight = ModelFile.read(tiny_model).network().layers[1].weight.tobytes()
    data[data.index(weight) + 5] ^= 1
    assert refused(bytes(data)) == "The graph in the file was altered after it was written."


def test_refuses_other_versions(graph: bytes, tiny_metadata: ModelMetadata) -> None:
    document = tiny_metadata.model_dump(mode="json")
    message = refused(with_document(graph, document | {"format_version": 2, "new_key": 1}))
    assert message == "The model has format version 2; this program reads version 1."


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"labels": ["one"]}, "labels"),
        ({"surprise": 1}, "surprise"),
        ({"frontend": {"kind": "cepstrum"}}, "frontend"),
        ({"call_label": 2}, "call_label"),
        ({"name": ""}, "name"),
    ],
)
def test_refuses_malformed_metadata(
    graph: bytes, tiny_metadata: ModelMetadata, change: dict[str, Any], place: str
) -> None:
    message = refused(with_document(graph, tiny_metadata.model_dump(mode="json") | change))
    assert "metadata is malformed" in message
    assert place in message


def test_refuses_an_unknown_reset_rule(graph: bytes, tiny_metadata: ModelMetadata) -> None:
    document = tiny_metadata.model_dump(mode="json")
    document["network"]["layers"][1]["reset"] = "none"
    assert "malformed at network.layers.1.reset" in refused(with_document(graph, document))


def test_refuses_metadata_that_is_not_json(graph: bytes) -> None:
    assert "malformed at document" in refused(with_document(graph, "{"))


def test_refuses_a_front_end_that_does_not_match(graph: bytes, tiny_metadata: ModelMetadata) -> None:
    document = tiny_metadata.model_dump(mode="json")
    document["frontend"]["bands"] = 40
    message = refused(with_document(graph, document))
    assert "features has the shape [N, 50, 101]" in message
    assert "requires [N, 40, 101]" in message


def test_refuses_other_tensor_names_and_types(graph: bytes, tiny_metadata: ModelMetadata) -> None:
    document = tiny_metadata.model_dump(mode="json")
    model = onnx.load_from_string(graph)
    model.graph.output[1].name = "probability"
    assert "layer_spikes, probability, spike_counts instead of" in refused(
        with_document(model.SerializeToString(), document)
    )
    model = onnx.load_from_string(graph)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    assert refused(with_document(model.SerializeToString(), document)) == "Tensor features is float32, not uint8."


def test_refuses_missing_or_wrong_arrays(graph: bytes, tiny_metadata: ModelMetadata) -> None:
    document = tiny_metadata.model_dump(mode="json")
    model = onnx.load_from_string(graph)
    next(t for t in model.graph.initializer if t.name == "second.weight").name = "other"
    assert "no tensor second.weight" in refused(with_document(model.SerializeToString(), document))
    document["network"]["layers"][1]["max_pool"] = [1, 1]
    assert "takes 72 inputs" in refused(with_document(graph, document))


@given(position=st.floats(0, 1, exclude_max=True), flips=st.integers(1, 255), cut=st.floats(0.5, 1))
def test_a_damaged_file_is_refused_or_read(tiny_model: Path, position: float, flips: int, cut: float) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[int(position * len(data))] ^= flips
    try:
        ModelFile.from_bytes(bytes(data[: int(cut * len(data)) + 1]))
    except ModelError as error:
        assert error.message  # noqa: PT017 - both outcomes are right; only another exception is wrong
