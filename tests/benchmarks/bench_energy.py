"""Operations and energy of a window, counted on real clips: the tables of docs/energy.md.

    python tests/benchmarks/bench_energy.py                 # prints the Markdown
    python tests/benchmarks/bench_energy.py --write         # and puts it into docs/energy.md

Conventional network: the same layers computed once, every product (its twin in `train`, network `cnn`, has the same
number). Spiking network on a processor: every product of every time step, as ONNX Runtime computes them. Compiled:
what `compiled` does, which adds weights where a spike arrives, but whole vectors, zeros and padding included. Events:
what the `event` backend counts.
"""

from __future__ import annotations

import argparse
from ctypes import c_int32
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.compiled.layout import LaidOutNetwork, LayerLayout
from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.model.energy import FLOAT32, INTEGER, Operations, conventional_operations, dense_operations
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.network import IntegerNetwork, run

CLIPS = 1000
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "right_whale_logmel.npz"
PAGE = ROOT / "docs" / "energy.md"
BEGIN, END = "<!-- counted: bench_energy.py -->", "<!-- end of counted -->"
HEAD = """\
| arithmetic | multiply-accumulates | accumulates | membrane updates | float32, µJ | int8, µJ |
|---|---:|---:|---:|---:|---:|"""


def row(name: str, operations: Operations) -> str:
    """One line of the table: means over windows."""
    counts = [operations.multiply_accumulates, operations.accumulates, operations.membrane_updates]
    energies = [operations.energy_pj(costs).mean() / 1e6 for costs in (FLOAT32, INTEGER)]
    return f"| {name} | " + " | ".join([*(f"{c.mean():,.0f}" for c in counts), *(f"{e:.2f}" for e in energies)]) + " |"


def table(model_file: ModelFile, features: NDArray[np.uint8], clips: str) -> str:
    """The Markdown of one model."""
    network, metadata = model_file.network(), model_file.metadata
    backend = EventBackend(network, metadata.calibration)
    _, counted = backend.count(features)
    low, high = (np.percentile(counted.energy_pj(INTEGER), share) / 1e6 for share in (5, 95))
    return f"""\
### `{metadata.name}` {metadata.version}

Model {model_file.digest[:12]}; {network.neurons:,} neurons, {network.time_steps} time steps, reset {reset(model_file)};
means over {len(features):,} clips of {clips}, per window.

{HEAD}
{row("conventional network, every product once", conventional_operations(network))}
{row("spiking network on a processor, every product of every step", dense_operations(network))}
{row("spiking network, the compiled kernel", compiled_operations(network, features))}
{row("spiking network, events only", counted)}

{sparsity(counted)}
Nine windows of ten cost {low:.2f} to {high:.2f} µJ in int8 arithmetic on events.
"""


def compiled_operations(network: IntegerNetwork, features: NDArray[np.uint8]) -> Operations:
    """What the compiled kernel does for N windows (`kernel.c`)."""
    laid, shapes, steps = LaidOutNetwork(network), network.shapes(), network.time_steps
    layers = list(laid.layers)
    first = layers[0]
    columns = first.sum_columns if first.whole else -(-first.sum_columns // 4) * 4  # four at a time
    products = first.sum_rows * columns * first.high * first.wide * first.padded
    updates = steps * sum(shape[1] * shape[2] * one.padded for shape, one in zip(shapes[1:], layers, strict=True))
    accumulates, spiked = [], []
    for begin in range(0, len(features), 50):
        trace = run(network, features[begin : begin + 50], keep=True)
        total = np.zeros(len(trace.layer_spikes), np.int64)
        for spikes, one in zip(trace.spikes[:-1], layers[1:], strict=True):
            total += spikes.sum(axis=(0, 2)).reshape(len(total), -1) @ sums_reached(one) * one.padded
        accumulates.append(total)
        spiked.append(trace.layer_spikes.sum(axis=1))
    constant = np.ones(len(features), np.int64)
    return Operations(
        multiply_accumulates=constant * products,
        accumulates=np.concatenate(accumulates),
        membrane_updates=constant * updates,
        spikes=np.concatenate(spiked),
        neuron_steps=constant * network.neurons * steps,
    )


def sums_reached(layer: LayerLayout) -> NDArray[np.int64]:
    """To how many sums the kernel adds for a spike of each place that arrives, int64 [places]."""
    rows, columns = layer.arriving_rows, layer.arriving_columns
    if not layer.sweeps:
        begins = np.ctypeslib.as_array((c_int32 * (rows * columns + 1)).from_address(layer.reach_begins))
        return np.diff(begins.astype(np.int64))
    # three above each other in each column that it reaches, the ones beyond the edge, too
    first = np.arange(columns) + layer.before - layer.wide + 1
    reached = np.minimum(first + layer.wide, layer.sum_columns) - np.maximum(first, 0)
    return np.tile(3 * np.maximum(reached, 0), rows)


def sparsity(counted: Operations) -> str:
    """How sparse it is, in a sentence."""
    return (
        f"{counted.spikes.mean():,.0f} of {int(counted.neuron_steps[0]):,} possible spikes:"
        f" activation sparsity {counted.activation_sparsity().mean():.3f}."
    )


def reset(model_file: ModelFile) -> str:
    """The model's reset rule in words."""
    return {"subtract": "by subtraction", "zero": "to zero"}[model_file.metadata.network.layers[0].reset]


def sample(clips: Path) -> NDArray[np.uint8]:
    """Features of clips spread evenly over the archive, uint8 [1000, bands, frames]."""
    features = np.load(clips, allow_pickle=False)["X"]
    chosen: NDArray[np.uint8] = features[np.linspace(0, len(features) - 1, CLIPS).astype(int)]
    return chosen


def main() -> None:
    """Print the tables, and write them if asked."""
    shipped = [default_model_path(), default_model_path().with_name("right_whale_portable.onnx")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, default=[path for path in shipped if path.is_file()])
    parser.add_argument("--clips", type=Path, default=DATA, help="archive with features X [default: %(default)s]")
    parser.add_argument("--write", action="store_true", help=f"also put the tables into {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    features = sample(asked.clips)
    text = "\n".join(table(ModelFile.read(model), features, asked.clips.name) for model in asked.models)
    print(text)
    if asked.write:
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
