"""Figures of exported graphs: the study's full-size network, and the compact model that ships. One run, one machine.

    python tests/benchmarks/bench_export.py [--json FILE]

The full-size network (13,905-4096-512-64-2, 25 steps) has random weights: its time does not depend on them. It is set
beside the time this machine needs to read as many bytes once, and beside snnTorch's eager loop on the same network.
Everything runs on one thread; figures are medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

FULL_SHAPE = (103, 135)
STEPS = 25
_RSS_UNIT = 1024  # Linux counts kilobytes


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Median time of some runs after two to warm up, milliseconds."""
    for _ in range(2):
        work()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return 1000 * float(np.median(times))


def write_full_size(path: Path) -> None:
    """The study's network with random weights, as a model file."""
    import torch

    from edge_daemon.bundle import ModelMetadata, OperatingPoint, Provenance
    from edge_daemon.calibration import logistic
    from edge_daemon.frontend import StftSpec
    from export.graph import model_file, network_document
    from train.networks import build
    from train.networks.lif import SpikingNetwork
    from train.quantise import QuantisedNetwork, to_integer_network

    torch.manual_seed(0)
    network = build("mlp2d", FULL_SHAPE, {"time_steps": STEPS})
    assert isinstance(network, SpikingNetwork)
    integer = to_integer_network(QuantisedNetwork(network))
    metadata = ModelMetadata(
        name="full-size",
        version="0",
        labels=("noise", "call"),
        frontend=StftSpec(),
        network=network_document(integer),
        calibration=logistic(1.0, 0.0),
        operating_point=OperatingPoint(threshold=0.5, threshold_low=0.25),
        provenance=Provenance(data="random weights", licence="Apache-2.0"),
    )
    path.write_bytes(model_file(integer, metadata))


def child(model: str) -> None:
    """Load and run a model in this fresh process; prints times and peak memory as JSON."""
    from edge_daemon.backends import create
    from edge_daemon.bundle import Bundle

    bundle = Bundle.read(model)
    shape, size = bundle.metadata.frontend.shape, len(bundle.data)
    backend = create(bundle)
    del bundle
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (1, *shape)).astype(np.uint8)
    many = rng.integers(0, 256, (64, *shape)).astype(np.uint8)
    found = {"bytes": size, "batch1_ms": median_ms(lambda: backend.infer(one), 60)}
    found["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e6
    found["batch64_ms_a_window"] = median_ms(lambda: backend.infer(many), 6) / 64
    print(json.dumps(found))


def run_child(model: Path) -> dict[str, float]:
    """Figures of a model in a process of its own, which imports no more than a buoy would."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--child", str(model)], check=True, capture_output=True, text=True, env=environment
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def read_once_ms(size: int) -> float:
    """Time to read as many bytes once, on one thread."""
    data = np.random.default_rng(0).integers(0, 2**62, size // 8)  # real pages, not zero ones
    return median_ms(data.sum, 30)


def eager_ms() -> float:
    """snnTorch's loop as its tutorials write it, on the same network."""
    import snntorch
    import torch

    torch.set_num_threads(1)
    sizes = (FULL_SHAPE[0] * FULL_SHAPE[1], 4096, 512, 64, 2)
    synapses = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    neurons = [snntorch.Leaky(beta=0.9) for _ in synapses]
    x = torch.rand(1, sizes[0])

    def loop() -> None:
        with torch.no_grad():
            membranes = [neuron.reset_mem() for neuron in neurons]
            for _ in range(STEPS):
                spikes = x
                for i, (synapse, neuron) in enumerate(zip(synapses, neurons, strict=True)):
                    spikes, membranes[i] = neuron(synapse(spikes), membranes[i])

    return median_ms(loop, 5)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child")
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    from edge_daemon.bundle import default_model_path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full.onnx"
        # in a process of its own, so that torch's memory is not ours
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import bench_export, pathlib;"
        subprocess.run(
            [sys.executable, "-c", f"{code} bench_export.write_full_size(pathlib.Path({str(path)!r}))"], check=True
        )
        full = run_child(path)
    read = read_once_ms(int(full["bytes"]))
    eager = eager_ms()
    compact = run_child(default_model_path())
    rows = [
        ("full size: file", f"{full['bytes'] / 1e6:.1f} MB", "≤ 60"),
        ("full size: reading its bytes once", f"{read:.2f} ms", ""),
        ("full size: one window", f"{full['batch1_ms']:.2f} ms", ""),
        ("full size: window / reading once", f"{full['batch1_ms'] / read:.2f}", "≤ 2.5 (1.5)"),
        ("full size: snnTorch's eager loop", f"{eager:.0f} ms", ""),
        ("full size: eager loop / window", f"{eager / full['batch1_ms']:.0f}", "≥ 50 (100)"),
        ("full size: peak resident memory", f"{full['peak_rss_mb']:.0f} MB", "≤ 200 (130)"),
        ("compact: file", f"{compact['bytes'] / 1e3:.0f} kB", "≤ 500 (100)"),
        ("compact: one window", f"{compact['batch1_ms']:.3f} ms", "≤ 1 (0.4)"),
        ("compact: one window of 64", f"{compact['batch64_ms_a_window']:.3f} ms", ""),
        ("compact: batch 1 / batch 64", f"{compact['batch1_ms'] / compact['batch64_ms_a_window']:.2f}", "≥ 2"),
        ("compact: peak resident memory", f"{compact['peak_rss_mb']:.0f} MB", ""),
    ]
    for name, value, asked in rows:
        print(f"{name:40} {value:>12}   {asked}")
    if arguments.json:
        figures = {"full": full, "compact": compact, "read_once_ms": read, "eager_ms": eager}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
