"""Our Loihi simulator against Intel's own: lava-nc, raster for raster, as a worker in the Python 3.10 it asks for."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from edge_daemon.backends import conformance
from edge_daemon.backends.base import Inference
from edge_daemon.backends.guarded import open_backend
from edge_daemon.backends.loihi.backend import place, run_chip
from edge_daemon.backends.worker import wire
from edge_daemon.backends.worker.client import WorkerBackend, worker_command
from edge_daemon.config.backend import BackendSection
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, run, synapses
from edge_daemon.model.shipped import shipped_models
from export.conformance import network as kit_network
from export.graph import model_file, network_document

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
HERE = Path(__file__).resolve().parent
LAVA = "lava-nc==0.10.0"


def python310() -> Path | None:
    """A Python 3.10 that starts: on the path, or among pyenv's."""
    named = shutil.which("python3.10")
    candidates = [Path(named)] if named else []
    candidates += sorted((Path.home() / ".pyenv" / "versions").glob("3.10*/bin/python"))
    for candidate in candidates:
        done = subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="module")
def lava_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with lava, our worker for it, and nothing of edge-daemon but a copy of the protocol's page."""
    base = python310()
    if base is None:
        pytest.skip("lava-nc needs Python 3.10, and there is none")
    folder = tmp_path_factory.mktemp("lava")
    subprocess.run([base, "-m", "venv", folder], check=True)
    done = subprocess.run(
        [folder / "bin" / "pip", "install", "--quiet", LAVA], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{LAVA} cannot be installed: {done.stderr.splitlines()[-1:]}")
    (packages,) = folder.glob("lib/python3.10/site-packages")
    shutil.copy(wire.__file__, packages / "wire.py")
    shutil.copy(HERE / "lava_worker.py", packages)
    return folder / "bin" / "python"


def matrix(layer: Layer, shape: tuple[int, int, int], inputs_at_once: int = 200) -> csr_matrix:
    """Weights of a layer unrolled, [neurons, inputs]: its answer to each input alone."""
    inputs, parts = int(np.prod(shape)), []
    for begin in range(0, inputs, inputs_at_once):
        alone = np.zeros((min(inputs_at_once, inputs - begin), inputs), np.int64)
        alone[np.arange(len(alone)), begin + np.arange(len(alone))] = 1
        parts.append(csr_matrix(synapses(layer, alone.reshape(-1, *shape)).reshape(len(alone), -1)))
    return vstack(parts).T.tocsr()


def write_program(network: IntegerNetwork, path: Path) -> None:
    """The network as `lava_worker.py` reads it."""
    first, *deeper = network.layers
    chip = [place(layer) for layer in deeper]
    arrays: dict[str, object] = {
        "steps": network.time_steps,
        "stem": network.stem,
        "first_weight": first.weight,
        "first_bias": first.bias,
        "first_threshold": first.threshold,
        "first_leak": first.beta_256,
        "first_padding": first.padding,
        "first_stride": first.stride,
        "first_shift": first.shift,
        "thresholds": [layer.threshold for layer in chip],
        "decays": [layer.decay for layer in chip],
    }
    for number, (layer, shape) in enumerate(zip(deeper, network.shapes()[1:], strict=False)):
        # lava is given the odd weights of both signs, too, and truncates them by itself
        bare = replace(layer, bias=np.zeros_like(layer.bias), shift=0)
        weights = matrix(bare, shape)
        arrays |= {f"data{number}": weights.data, f"indices{number}": weights.indices}
        arrays |= {f"ends{number}": weights.indptr, f"shape{number}": weights.shape}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def lavas(
    python: Path, model: ModelFile, features: np.ndarray, folder: Path
) -> tuple[Inference, list[list[np.ndarray]]]:
    """What lava says of windows, through the adapter for workers; and every layer's raster [neurons, steps] of each."""
    write_program(model.network(), folder / "program.npz")
    worker = WorkerBackend.start(
        model,
        "lava",
        {"program": str(folder / "program.npz"), "rasters": str(folder)},
        timeout_s=600.0,
        start_s=120.0,
        command=worker_command(python, "lava_worker"),
    )
    try:
        found = worker.infer(features)
        assert worker.health() == {"worker_restarts": 0.0, "windows": float(len(features))}
    finally:
        worker.close()
    rasters = []
    for window in range(len(features)):
        with np.load(folder / f"window{window}.npz", allow_pickle=False) as stored:
            rasters.append([stored[f"arr_{layer}"] for layer in range(len(model.network().layers))])
    return found, rasters


def agree(python: Path, model: ModelFile, features: np.ndarray, folder: Path) -> None:
    """Every spike of every layer: our chip's and lava's."""
    network = model.network()
    expected = run_chip(network, [place(layer) for layer in network.layers[1:]], features)
    found, rasters = lavas(python, model, features, folder)
    assert [len(layers) for layers in rasters] == [len(network.layers)] * len(features)
    for window, layers in enumerate(rasters):
        for number, raster in enumerate(layers):
            ours = expected[number].spikes[:, window].reshape(network.time_steps, -1).T
            np.testing.assert_array_equal(raster, ours, err_msg=f"window {window}, layer {number}")
    totals = np.stack([raster.spikes.sum(axis=(0, 2, 3, 4), dtype=np.int64) for raster in expected], axis=1)
    np.testing.assert_array_equal(found.layer_spikes, totals)
    np.testing.assert_array_equal(found.spike_counts, expected[-1].spikes.sum(axis=0)[:, :, 0, 0])


def with_network(network: IntegerNetwork) -> ModelFile:
    metadata = conformance.shipped()[0].metadata.model_copy(update={"network": network_document(network)})
    return ModelFile.from_bytes(model_file(network, metadata))


def rounding_network(rng: np.random.Generator, leak: int) -> IntegerNetwork:
    """What the `loihi` backend refuses, for it rounds on the chip: 24 steps, any leak, odd weights of eight bits."""

    def layer(name: str, shape: tuple[int, ...], threshold: int, *, mixed: bool = True, pooled: bool = False) -> Layer:
        convolution = len(shape) == 4
        return Layer(
            name=name,
            kind="conv" if convolution else "dense",
            weight=rng.integers(-127 if mixed else 0, 128, shape).astype(np.int8),
            bias=np.zeros(shape[0], np.int32),
            threshold=np.full(shape[0], threshold, np.int32),
            beta_256=np.array([leak], np.int32),
            reset="zero",
            stride=(2, 2) if convolution else (1, 1),
            padding=(1, 1) if convolution else (0, 0),
            pool="global_sum" if pooled else "none",
        )

    first = kit_network().layers[0]
    first = replace(
        first,
        weight=first.weight[:3] // 2,
        bias=first.bias[:3],
        threshold=first.threshold[:3],
        beta_256=np.array([250], np.int32),
        stride=(5, 7),
        padding=(2, 0),
    )
    layers = (
        first,
        layer("a", (4, 3, 3, 3), 100),
        layer("b", (5, 4, 3, 3), 200, mixed=False),
        layer("c", (2, 15), 40, pooled=True),
    )
    return replace(kit_network(), layers=layers, time_steps=24)


@pytest.mark.parametrize("leak", [128, 100, 250])
def test_rasters_are_lavas(lava_python: Path, leak: int, tmp_path: Path) -> None:
    network = rounding_network(np.random.default_rng(leak), leak)
    features = conformance.synthetic_features((50, 101))[[5, 6]]
    rates = [raster.spikes.mean() for raster in run_chip(network, [place(one) for one in network.layers[1:]], features)]
    assert rates
    assert all(0.01 < rate < 0.95 for rate in rates), rates
    agree(lava_python, with_network(network), features, tmp_path)


def test_the_shipped_portable_model_is_lavas(lava_python: Path, tmp_path: Path) -> None:
    """18,434 neurons and 3.5 million synapses on lava: its spikes are the reference's, too."""
    model = ModelFile.read(shipped_models()["right_whale_portable"])
    features = conformance.synthetic_features(model.metadata.frontend.shape)[[4, 9]]
    trace = run(model.network(), features)
    assert trace.layer_spikes.any(axis=0).all()
    agree(lava_python, model, features, tmp_path)


def test_the_daemons_own_way_to_a_worker_reaches_lava(lava_python: Path, tmp_path: Path) -> None:
    """As an operator would configure it."""
    model, vectors = conformance.shipped()
    write_program(model.network(), tmp_path / "program.npz")
    options = {"program": str(tmp_path / "program.npz"), "rasters": str(tmp_path)}
    section = BackendSection(name="lava", worker=True, python=lava_python, worker_module="lava_worker", options=options)
    backend = open_backend(model, section.model_copy(update={"fallback": None, "timeout_s": 120.0}))
    try:
        found = backend.infer(vectors.features[3:5])
    finally:
        backend.close()
    assert backend.name == "lava"
    np.testing.assert_array_equal(found.spike_counts, vectors.expected.spike_counts[3:5])
    np.testing.assert_array_equal(found.layer_spikes, vectors.expected.layer_spikes[3:5])
