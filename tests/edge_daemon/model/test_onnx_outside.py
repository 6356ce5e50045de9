"""Weights outside the file, wherever the format lets them stand; and files that would take for ever to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_daemon.errors import ModelError
from edge_daemon.model import onnx_outside
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.onnx_reader import parse


def outside() -> TensorProto:
    """A tensor whose bytes stand in another file."""
    tensor = TensorProto(name="secret", data_type=TensorProto.INT8, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def inside(name: str = "w") -> TensorProto:
    return numpy_helper.from_array(np.zeros(4, np.int8), name)


def in_a_graph_of_a_node(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [outside()])
    middle = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=branch)], "middle", [], [])
    model.graph.node.append(helper.make_node("If", ["c"], ["y"], else_branch=middle))


def in_a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["k"], value=outside())
    model.functions.append(helper.make_function("d", "f", [], ["k"], [node], [helper.make_opsetid("", 17)]))


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(outside())


def in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().initialization.initializer.append(outside())


def only_the_place(model: onnx.ModelProto) -> None:
    tensor = inside("half")
    tensor.external_data.add(key="location", value="elsewhere")
    model.graph.initializer.append(tensor)


HIDDEN: dict[str, Callable[[onnx.ModelProto], object]] = {
    "the graph": lambda model: model.graph.initializer.append(outside()),
    "a constant": lambda model: model.graph.node.append(helper.make_node("Constant", [], ["k"], value=outside())),
    "a list": lambda model: model.graph.node.append(helper.make_node("Op", [], ["k"], values=[inside(), outside()])),
    "a graph in a graph": in_a_graph_of_a_node,
    "a function": in_a_function,
    "a sparse tensor": sparse,
    "training": in_training,
    "a tensor that says where without saying so": only_the_place,
}


@pytest.mark.parametrize("place", HIDDEN)
def test_weights_outside_the_file_are_refused(tiny_model: Path, place: str) -> None:
    model = onnx.load_from_string(tiny_model.read_bytes())
    parse(model.SerializeToString())
    HIDDEN[place](model)
    with pytest.raises(ModelError, match="weights outside of the file, which no digest covers"):
        parse(model.SerializeToString())


def test_the_whole_model_file_is_refused_even_without_a_digest_of_its_own(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="outside of the file"):
        ModelFile.from_bytes(
            tiny_model.read_bytes()
            + onnx.ModelProto(graph=onnx.GraphProto(initializer=[outside()])).SerializeToString()
        )


def test_two_tensors_of_one_name_are_refused() -> None:
    graph = helper.make_graph([], "g", [], [], [inside(), inside()])
    with pytest.raises(ModelError, match="two tensors 'w'"):
        parse(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("packed", [True, False])
def test_a_million_dimensions_are_refused_before_they_are_multiplied(packed: bool) -> None:
    """The product alone took hours; that this returns within the test's limit is the point."""
    largest = b"\xff" * 8 + b"\x7f"  # 2⁶³ − 1
    count = 1_000_000

    def field(number: int, content: bytes) -> bytes:
        length, encoded = len(content), bytearray()
        while length >= 0x80:
            encoded.append(length & 0x7F | 0x80)
            length >>= 7
        return bytes([number << 3 | 2, *encoded, length]) + content

    dims = field(1, largest * count) if packed else (b"\x08" + largest) * count
    tensor = dims + b"\x10\x03" + field(8, b"w") + field(9, b"")
    with pytest.raises(ModelError, match="more than 8 dimensions"):
        parse(field(7, field(5, tensor)))


def test_levels_and_parts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = helper.make_graph([], "deepest", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=graph)], "g", [], [])
    with pytest.raises(ModelError, match="deep"):
        parse(helper.make_model(graph).SerializeToString())
    monkeypatch.setattr(onnx_outside, "MOST_PARTS", 100)
    wide = helper.make_graph([helper.make_node("Op", [], [str(n)]) for n in range(200)], "g", [], [])
    with pytest.raises(ModelError, match="more than 100 parts"):
        parse(helper.make_model(wide).SerializeToString())


def test_a_name_is_no_essay() -> None:
    graph = helper.make_graph([], "g", [], [], [inside("w" * 5000)])
    with pytest.raises(ModelError) as caught:
        parse(helper.make_model(graph).SerializeToString())
    assert len(caught.value.message) < 200
