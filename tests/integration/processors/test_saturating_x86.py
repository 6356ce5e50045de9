"""An x86 processor without VNNI, under emulation: its 16-bit sums saturate, and ours must not.

ONNX Runtime multiplies uint8 by int8 on such processors (most Intel machines before 2019) by adding pairs of products
in 16 bits. The exporter keeps every pair below that; this test runs a model of the largest weights and features there.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import Stem, run

EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="runs this machine's own Python under emulation"),
    pytest.mark.skipif(EMULATOR is None, reason="needs the Debian package qemu-user-static"),
]

CHILD = """
import sys
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
def outputs(path, inputs):
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
folder = sys.argv[1]
naive = outputs(folder + "/naive.onnx", {"x": np.full((1, 64), 255, np.uint8)})["y"]
found = outputs(folder + "/model.onnx", {"features": np.load(folder + "/x.npy")})
np.savez(folder + "/found.npz", naive=naive, **found)
"""


def naive_product(path: Path) -> None:
    """64 products of 127 with an input, in the way that saturates."""
    weight = numpy_helper.from_array(np.full((64, 16), 127, np.int8), "w")
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 64])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, ["N", 16])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], "naive", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)


@pytest.mark.parametrize("stem", ["none", "band_median"])
def test_no_product_saturates(tmp_path: Path, write_wide_model: Callable[[Path, Stem], ModelFile], stem: Stem) -> None:
    model_file = write_wide_model(tmp_path / "model.onnx", stem)
    naive_product(tmp_path / "naive.onnx")
    rng = np.random.default_rng(1)
    shape = model_file.metadata.frontend.shape
    features = np.concatenate(
        [rng.integers(0, 256, (4, *shape)), 255 * rng.integers(0, 2, (3, *shape)), np.full((1, *shape), 255)]
    ).astype(np.uint8)
    features = np.concatenate([features, np.sort(features, axis=2)])
    np.save(tmp_path / "x.npy", features)
    assert EMULATOR is not None
    command = [EMULATOR, "-cpu", "Haswell", sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    assert found["naive"][0, 0] < 64 * 127 * 255, "this processor does not saturate, so the test tells nothing"
    trace = run(model_file.network(), features)
    assert (trace.layer_spikes.sum(axis=0) > 0).all()
    np.testing.assert_array_equal(found["spike_counts"], trace.spike_counts)
    np.testing.assert_array_equal(found["layer_spikes"], trace.layer_spikes)
    np.testing.assert_array_equal(found["score"], model_file.metadata.calibration.score(trace.margin))
