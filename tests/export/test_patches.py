"""Patches of convolutions by hand and against torch's."""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from edge_daemon.model.network import Layer
from export.nodes import Graph
from export.patches import gathered_patches, patch_places


def convolution(size: tuple[int, int], **fields: tuple[int, int]) -> Layer:
    ones = np.ones(1, np.int32)
    weight = np.ones((1, 1, *size), np.int8)
    return Layer("one", "conv", weight, 0 * ones, ones, 256 * ones, "subtract", **fields)


def places(layer: Layer, shape: tuple[int, int, int]) -> NDArray[np.int32]:
    band, frame = patch_places(layer, shape)
    assert (band.dtype, frame.dtype) == (np.int32, np.int32)
    return np.reshape(band + frame, (-1, layer.weight[0, 0].size))


def test_by_hand() -> None:
    """A kernel of 1 × 2 on two bands of three frames, which are five with the padding: 0 and 4, 5 and 9 are that."""
    found = places(convolution((1, 2), padding=(0, 1)), (1, 2, 3))
    assert found.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [5, 6], [6, 7], [7, 8], [8, 9]]


def test_max_pool_by_hand() -> None:
    """Two runs, one for each frame that the max-pool merges; the third frame is left over."""
    assert places(convolution((1, 1), max_pool=(1, 2)), (1, 2, 3)).tolist() == [[0], [3], [1], [4]]


def test_against_torch() -> None:
    bands, frames = 6, 9
    numbers = torch.arange(1.0, 1 + bands * frames).reshape(1, 1, bands, frames)
    for size, stride, padding in product([(1, 1), (3, 2), (5, 5)], [(1, 1), (2, 3)], [(0, 0), (1, 2), (2, 0)]):
        expected = torch.nn.functional.unfold(numbers, size, padding=padding, stride=stride)[0].T.numpy()
        padded = np.pad(numbers[0, 0].numpy(), [(n, n) for n in padding]).ravel()
        found = places(convolution(size, stride=stride, padding=padding), (1, bands, frames))
        np.testing.assert_array_equal(padded[found], expected)


def test_runs_are_gathered_to_the_same_patches() -> None:
    """Frames that are no multiple of a run, runs of one frame, and a run as wide as the picture, too."""
    rng = np.random.default_rng(1)
    channels, bands, frames = 3, 6, 8
    tried = 0
    for size, stride, padding in product([(1, 1), (3, 2), (5, 5), (2, 8)], [(1, 1), (2, 3)], [(0, 0), (1, 0), (2, 1)]):
        weight = np.ones((1, channels, *size), np.int8)
        ones = np.ones(1, np.int32)
        layer = Layer("one", "conv", weight, 0 * ones, ones, 256 * ones, "subtract", stride=stride, padding=padding)
        shape = (channels, bands, frames)
        graph = Graph()
        graph.output(gathered_patches(graph, "x", layer, shape), "patches")
        pictures = rng.integers(0, 255, (2, bands, frames, channels)).astype(np.uint8)
        padded = np.pad(pictures, [(0, 0), *((n, n) for n in padding), (0, 0)])
        given = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, padded.shape)
        wanted = onnx.helper.make_tensor_value_info("patches", onnx.TensorProto.UINT8, None)
        proto = onnx.helper.make_graph(graph.nodes, "g", [given], [wanted], graph.tensors)
        model = onnx.helper.make_model(proto, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
        (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": padded})
        flat = padded.reshape(2, -1, channels)
        expected = flat[:, places(layer, shape)].reshape(-1, size[0] * size[1] * channels)
        np.testing.assert_array_equal(found, expected)
        tried += 1
    assert tried == 24
