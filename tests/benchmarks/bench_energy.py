"""Operations and energy of a window, counted on real clips.

    python tests/benchmarks/bench_energy.py [MODEL] [CLIPS.npz]

Prints a table for the README. Conventional network: the same layers computed once, every product (its twin in `train`
has the same number). Spiking network on a processor: every product of every time step, as ONNX Runtime computes them.
Event-driven: what the `event` backend counts.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_daemon.backends.event import EventBackend
from edge_daemon.bundle import Bundle, default_model_path
from edge_daemon.energy import FLOAT32, INTEGER, Operations, dense_operations

CLIPS = 1000


def row(name: str, operations: Operations) -> str:
    """One line of the table: means over windows."""
    counts = [operations.multiply_accumulates, operations.accumulates, operations.membrane_updates]
    energies = [operations.energy_pj(costs).mean() / 1e6 for costs in (FLOAT32, INTEGER)]
    return f"| {name} | " + " | ".join([*(f"{c.mean():,.0f}" for c in counts), *(f"{e:.2f}" for e in energies)]) + " |"


def main(model: Path, clips: Path) -> None:
    """Print the table."""
    bundle = Bundle.read(model)
    network = bundle.network()
    features = np.load(clips, allow_pickle=False)["X"]
    features = features[np.linspace(0, len(features) - 1, CLIPS).astype(int)]
    _, counted = EventBackend(network, bundle.metadata.calibration).count(features)
    once = replace(network, time_steps=1) if network.input_mode == "constant" else network
    conventional = replace(dense_operations(once), membrane_updates=np.zeros(1, np.int64))
    print(f"{bundle.metadata.name} {bundle.metadata.version}, {CLIPS} clips of {clips.name}; energy in µJ a window")
    print("| arithmetic | multiply-accumulates | accumulates | membrane updates | float32, 45 nm | int8, 45 nm |")
    print("|---|---:|---:|---:|---:|---:|")
    print(row("conventional network", conventional))
    print(row("spiking network, every product", dense_operations(network)))
    print(row("spiking network, events only", counted))
    print(f"activation sparsity {counted.activation_sparsity().mean():.3f}")


if __name__ == "__main__":
    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "right_whale_logmel.npz"
    arguments = [Path(argument) for argument in sys.argv[1:]]
    main(arguments[0] if arguments else default_model_path(), arguments[1] if len(arguments) > 1 else shared)
