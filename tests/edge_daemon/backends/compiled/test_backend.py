"""The compiled backend: the reference's integers from machine code, whatever the network."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from edge_daemon.backends import create
from edge_daemon.backends.compiled.backend import CompiledBackend
from edge_daemon.backends.compiled.layout import LaidOutNetwork
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, Stem, run
from edge_daemon.model.score_calibration import logistic
from edge_daemon.model.shipped import model_path
from edge_daemon.system import compiled_library as library

CURVE = logistic(slope=0.8, offset=-0.5)
networks = runpy.run_path(str(Path(__file__).parents[1] / "event" / "test_backend.py"))["networks"]


def images(n: int, shape: tuple[int, int] = (50, 101)) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, *shape)).astype(np.uint8)


def agrees(network: IntegerNetwork, features: np.ndarray) -> np.ndarray:
    """Compare with the reference; the spikes of each layer."""
    expected, got = run(network, features), CompiledBackend(network, CURVE).infer(features)
    np.testing.assert_array_equal(got.layer_spikes, expected.layer_spikes)
    np.testing.assert_array_equal(got.spike_counts, expected.spike_counts)
    np.testing.assert_array_equal(got.score, CURVE.score(expected.margin))
    return got.layer_spikes


@pytest.mark.slow
@pytest.mark.parametrize("name", ["right_whale", "right_whale_portable"])
def test_the_shipped_networks_are_onnx_bit_for_bit(name: str, built: Path) -> None:
    model = ModelFile.read(model_path(name))
    features = images(40)
    features[:20] //= 4
    compiled, onnx = create(model, "compiled").infer(features), create(model, "onnx").infer(features)
    np.testing.assert_array_equal(compiled.score, onnx.score)
    np.testing.assert_array_equal(compiled.spike_counts, onnx.spike_counts)
    np.testing.assert_array_equal(compiled.layer_spikes, onnx.layer_spikes)
    assert [a.dtype for a in (compiled.score, compiled.spike_counts, compiled.layer_spikes)] == [
        "float32",
        "int32",
        "int64",
    ]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(network=networks())
def test_every_kind_of_layer(network: IntegerNetwork, built: Path) -> None:
    agrees(network, images(3, network.input_shape))


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["none", "band_mean", "band_median"])
@pytest.mark.parametrize("shift", [-3, 0, 9, 13])
def test_wide_layers_and_long_sums(stem: Stem, shift: int, built: Path) -> None:
    """More channels than are added at a time, sums beyond 16 bits, membranes (times leaks, and alone) beyond 32."""
    rng = np.random.default_rng(5)

    def layer(name: str, shape: tuple[int, ...], threshold: int, **fields: int | tuple[int, int]) -> Layer:
        out = shape[0]
        weight = rng.integers(-127, 128, shape).astype(np.int8)
        beta = rng.integers(1, 257, out).astype(np.int32)
        bias, limit = rng.integers(-99, 99, out).astype(np.int32), np.full(out, threshold, np.int32)
        kind = "conv" if len(shape) == 4 else "dense"
        return Layer(name, kind, weight, bias, limit, beta, "subtract", **fields)  # type: ignore[arg-type]

    first = layer("first", (90, 1, 3, 3), 20_000, stride=(2, 2), padding=(1, 1))
    second = layer("second", (70, 90, 3, 3), 2 ** max(9, 9 + shift), shift=shift, padding=(1, 1), max_pool=(2, 3))
    last = layer("last", (2, 70 * 2 * 2), 900)
    laid = LaidOutNetwork(network := IntegerNetwork((first, second, last), 5, (9, 13), stem))
    assert [one.narrow for one in laid.layers[1:]] == [0, 1]
    assert laid.layers[1].leaks == (2 if shift > 0 else 1)
    assert laid.layers[1].wide_membrane == (shift == 13)
    assert (agrees(network, images(4, (9, 13)))[:, :2] > 0).all()


@pytest.mark.slow
def test_a_dense_first_layer_is_computed_in_whole_numbers(built: Path) -> None:
    rng = np.random.default_rng(6)
    ones = np.ones(30, np.int32)
    first = Layer(
        "f", "dense", rng.integers(-127, 128, (30, 1200)).astype(np.int8), ones, 90_000 * ones, 200 * ones, "zero"
    )
    weight = rng.integers(-127, 128, (2, 30)).astype(np.int8)
    last = Layer("l", "dense", weight, ones[:2], 300 * ones[:2], 256 * ones[:2], "zero")
    network = IntegerNetwork((first, last), 6, (40, 30))
    assert LaidOutNetwork(network).layers[0].whole == 1
    assert (agrees(network, images(5, (40, 30))) > 0).any()


@pytest.mark.slow
def test_a_convolution_too_wide_for_float_is_computed_in_whole_numbers(built: Path) -> None:
    rng = np.random.default_rng(7)
    ones = np.ones(5, np.int32)
    weight = rng.integers(100, 128, (5, 1, 30, 28)).astype(np.int8)
    first = Layer("f", "conv", weight, ones, 10_000_000 * ones, 200 * ones, "zero", stride=(3, 2), padding=(2, 1))
    last = Layer("l", "dense", rng.integers(-9, 10, (2, 125)).astype(np.int8), ones[:2], 9 * ones[:2], ones[:2], "zero")
    network = IntegerNetwork((first, last), 4, (40, 34))
    laid = LaidOutNetwork(network).layers[0]
    assert (laid.whole, laid.table) == (1, None)
    assert (agrees(network, images(3, (40, 34)))[:, 0] > 0).all()


def test_without_a_kernel_it_says_how_to_build_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    library.kernel.cache_clear()
    with pytest.raises(BackendError, match="is not there") as refused:
        create(ModelFile.read(model_path("right_whale")), "compiled")
    assert "python -m edge_daemon.backends.compiled" in refused.value.hint


@pytest.mark.slow
def test_a_kernel_of_another_source_is_refused(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pcm_24.c"  # it includes none of ours
    other.write_bytes(library.SOURCES[-1].read_bytes() + b"\n")
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    with monkeypatch.context() as changed:
        changed.setattr(library, "SOURCES", (*library.SOURCES[:-1], other))
        library.build()
    library.kernel.cache_clear()
    with pytest.raises(BackendError, match="another version"):
        library.kernel()
    library.kernel.cache_clear()


def test_a_compiler_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    with pytest.raises(BackendError, match="cannot be built"):
        library.build("no-such-compiler")
    with pytest.raises(BackendError, match="failed"):
        library.build("false")
    assert not list(tmp_path.iterdir())


def test_sums_that_no_32_bits_hold_are_refused() -> None:
    ones = np.ones(2, np.int32)
    weight = np.full((2, 40_000), 127, np.int8)
    layer = Layer("big", "dense", weight, ones, ones, ones, "zero", shift=4)
    with pytest.raises(BackendError, match="big can add up to"):
        LaidOutNetwork(IntegerNetwork((layer,), 2, (200, 200)))
