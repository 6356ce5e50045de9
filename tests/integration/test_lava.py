"""Our Loihi simulator against Intel's own: lava-nc, raster for raster. Needs Python 3.10, which lava-nc asks for."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.backends import wire
from edge_daemon.backends.loihi import place, run_layer
from edge_daemon.network import Layer, synapses

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
    return folder / "bin" / "python"


def unrolled(layer: Layer, shape: tuple[int, int, int]) -> np.ndarray:
    """Weights of a layer as a matrix [neurons, inputs]: its answer to each input alone."""
    inputs = int(np.prod(shape))
    answers = synapses(layer, np.eye(inputs, dtype=np.int64).reshape(inputs, *shape))
    return answers.reshape(inputs, -1).T


def layers(rng: np.random.Generator, leak: int) -> list[Layer]:
    def layer(name: str, shape: tuple[int, ...], threshold: int, *, mixed: bool = True, pooled: bool = False) -> Layer:
        convolution = len(shape) == 4
        return Layer(
            name=name,
            kind="conv" if convolution else "dense",
            weight=rng.integers(-127 if mixed else 0, 128, shape).astype(np.int8),  # odd ones too
            bias=np.zeros(shape[0], np.int32),
            threshold=np.full(shape[0], threshold, np.int32),
            beta_256=np.array([leak], np.int32),
            reset="zero",
            stride=(2, 2) if convolution else (1, 1),
            padding=(1, 1) if convolution else (0, 0),
            pool="global_sum" if pooled else "none",
        )

    return [
        layer("a", (4, 3, 3, 3), 100),
        layer("b", (5, 4, 3, 3), 200, mixed=False),
        layer("c", (8, 15), 40, pooled=True),
    ]


@pytest.mark.parametrize("leak", [128, 100, 250])
def test_rasters_are_lavas(lava_python: Path, leak: int) -> None:
    rng = np.random.default_rng(leak)
    steps, shape = 24, (3, 10, 14)
    arriving = rng.random((steps, 1, *shape)) < 0.15
    spikes, expected, message = arriving, [], {"spikes": arriving.reshape(steps, -1).T.astype(np.uint8)}
    model = layers(rng, leak)
    chip = [place(layer) for layer in model]
    for number, layer in enumerate(chip):
        # lava is given the odd weights of both signs, too, and truncates them by itself
        message[f"weights{number}"] = unrolled(model[number], spikes.shape[2:]).astype(np.int32)
        spikes = run_layer(layer, spikes).spikes
        expected.append(spikes.reshape(steps, -1).T)
    fields = {"thresholds": [layer.threshold for layer in chip], "decays": [layer.decay for layer in chip]}
    found = ask(lava_python, fields, message)
    for number, raster in enumerate(expected):
        late = found[f"raster{number}"][:, number + 1 :][:, :steps]  # a layer answers one step after it is asked
        np.testing.assert_array_equal(late, raster, err_msg=f"layer {number}")
        assert 0.01 < raster.mean() < 0.9, f"layer {number}: {raster.mean()}"


def ask(python: Path, fields: dict[str, list[int]], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    ours, theirs = socket.socketpair()
    wire_file = Path(wire.__file__)
    with ours:
        with theirs:
            command = [python, HERE / "lava_raster.py", wire_file, str(theirs.fileno())]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        try:
            wire.send(ours, wire.encode(fields, arrays), 60.0)
            return wire.receive(ours, 300.0)[1]
        finally:
            process.kill()
            process.wait()
