"""Figures of exported graphs: the study's full-size network, and the compact model that ships. One run, one machine.

    python tests/benchmarks/bench_export.py [--json FILE]

The full-size network (13,905-4096-512-64-2, 25 steps) has random weights: its time does not depend on them. It is set
beside the time this machine needs to read as many bytes once, and beside snnTorch's eager loop on the same network.
Everything runs on one thread. A time is the best of many, so that what else the machine does counts little; times that
are set side by side are measured in turns, in one process. No window is given twice in a row: a processor's branch
prediction learns a window by heart. The full-size network's numbers are those of the reference: `agreement` counts what
differs on a few windows (nothing), and `tests/export/test_full_size.py` fails where something does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edge_daemon.backends.base import Backend
    from edge_daemon.model.model_file import ModelFile

FULL_SHAPE = (103, 135)
STEPS = 25
PARITY_WINDOWS = 8


def best_ms(runs: int, **works: Callable[[], object]) -> dict[str, float]:
    """Best time of each work, run in turns, milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            times[name].append(1000 * (time.perf_counter() - begin))
    return {name: min(found) for name, found in times.items()}


def write_full_size(path: Path) -> None:
    """The study's network with random weights, as a model file."""
    import torch

    from edge_daemon.model.frontend import StftSpec
    from edge_daemon.model.model_file import ModelMetadata, OperatingPoint, Provenance
    from edge_daemon.model.score_calibration import logistic
    from export.graph import model_file, network_document
    from train.networks import build
    from train.networks.lif import SpikingNetwork
    from train.quantise import QuantisedNetwork, to_integer_network

    torch.manual_seed(0)
    network = build("mlp2d", FULL_SHAPE, {"time_steps": STEPS})
    assert isinstance(network, SpikingNetwork)
    with torch.no_grad():
        for layer in network.spiking_layers():
            layer.synapses.weight.mul_(3.0)  # untrained, its last layer would be silent
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


def child(model: str, name: str) -> None:
    """Load and run a model in this fresh process; prints times and memory as JSON."""
    from edge_daemon.backends import create
    from edge_daemon.model.model_file import ModelFile

    opened = ModelFile.read(model)
    shape, size = opened.metadata.frontend.shape, len(opened.data)
    backend = computing(opened, name)
    del opened
    windows = np.random.default_rng(0).integers(0, 256, (256, *shape), np.uint8)
    batches = {n: itertools.cycle([windows[i : i + n] for i in range(0, len(windows), n)]) for n in (1, 8, 64)}
    backend.infer(next(batches[1]))
    found = {
        "backend": backend.name,
        "bytes": size,
        "rss_mb": resident_mb("VmRSS"),
        "peak_rss_mb": resident_mb("VmHWM"),
    }
    # the same bytes read once, as int64: the least that any computation with them takes
    data = np.random.default_rng(0).integers(0, 2**62, size // 8)  # real pages, not zero ones
    found |= best_ms(60, batch1_ms=lambda: backend.infer(next(batches[1])), read_ms=data.sum)
    for n in (8, 64):
        times = best_ms(12 if size > 1e6 else 400 // n, time=lambda n=n: backend.infer(next(batches[n])))
        found[f"batch{n}_ms_a_window"] = times["time"] / n
    backend.close()
    two = create(ModelFile.read(model), "onnx", {"threads": 2})
    found["two_threads_ms_a_window"] = (
        best_ms(12 if size > 1e6 else 60, time=lambda: two.infer(next(batches[8])))["time"] / 8
    )
    print(json.dumps(found))


def computing(model: ModelFile, name: str) -> Backend:
    """A backend of that name, or the one that a daemon would take."""
    from edge_daemon.backends import create
    from edge_daemon.backends.guarded import unnamed_backend

    return create(model, name) if name else unnamed_backend(model) or create(model)


def agreement(model: str, name: str) -> dict[str, int]:
    """Values of the graph that differ from the reference, one window at a time and four at a time.

    Returns:
        `values` compared, `differ` of them, and `silent`: layers without a spike, which would agree with anything.
    """
    from edge_daemon.model.model_file import ModelFile
    from edge_daemon.model.network import run
    from export.modelfile import synthetic_features

    opened = ModelFile.read(model)
    windows = synthetic_features(opened.metadata.frontend.shape, PARITY_WINDOWS)
    windows[0], windows[1] = 0, 255
    trace, backend = run(opened.network(), windows), computing(opened, name)
    score = opened.metadata.calibration.score(trace.margin)
    values = differ = 0
    for batch in (1, 4):
        for i in range(0, len(windows), batch):
            found, part = backend.infer(windows[i : i + batch]), slice(i, i + batch)
            for ours, expected in (
                (found.layer_spikes, trace.layer_spikes),
                (found.spike_counts, trace.spike_counts),
                (found.score, score),
            ):
                values += ours.size
                differ += int((ours != expected[part]).sum())
    return {"values": values, "differ": differ, "silent": int((trace.layer_spikes.sum(axis=0) == 0).sum())}


def resident_mb(which: str) -> float:
    """Resident memory of this process, now (VmRSS) or at its peak (VmHWM), megabytes."""
    fields = Path("/proc/self/status").read_text(encoding="ascii").split()
    return int(fields[fields.index(f"{which}:") + 1]) * 1024 / 1e6


def run_child(model: Path, what: str = "--child", backend: str = "") -> dict[str, float]:
    """Figures of a model in a process of its own, which imports no more than a buoy would.

    Args:
        model: its file.
        what: `--child` or `--agreement`.
        backend: which computes; the one that a daemon would take if empty.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, what, str(model), "--backend", backend],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


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

    return best_ms(5, loop=loop)["loop"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", metavar="MODEL", help="times and memory of one model, as JSON")
    parser.add_argument("--backend", default="", help="which computes; else the one that a daemon would take")
    parser.add_argument("--agreement", metavar="MODEL", help="what differs from the reference, as JSON")
    arguments = parser.parse_args()
    if arguments.agreement:
        print(json.dumps(agreement(arguments.agreement, arguments.backend)))
        return
    if arguments.child:
        child(arguments.child, arguments.backend)
        return
    from edge_daemon.model.model_file import default_model_path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full.onnx"
        # in a process of its own, so that torch's memory is not ours
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import bench_export, pathlib;"
        subprocess.run(
            [sys.executable, "-c", f"{code} bench_export.write_full_size(pathlib.Path({str(path)!r}))"], check=True
        )
        full, onnx = run_child(path), run_child(path, backend="onnx")
        agreed = run_child(path, "--agreement")
    compact = run_child(default_model_path())
    read, one = full["read_ms"], compact["batch1_ms"]
    eager = eager_ms()
    rows = [
        ("full size: computed by", full["backend"], ""),
        ("full size: file", f"{full['bytes'] / 1e6:.1f} MB", "≤ 60"),
        ("full size: reading its bytes once", f"{read:.2f} ms", ""),
        ("full size: one window", f"{full['batch1_ms']:.2f} ms", ""),
        ("full size: the same by ONNX Runtime", f"{onnx['batch1_ms']:.2f} ms", ""),
        ("full size: window / reading once", f"{full['batch1_ms'] / read:.2f}", "≤ 2.5 (1.5)"),
        ("full size: snnTorch's eager loop", f"{eager:.0f} ms", ""),
        ("full size: eager loop / window", f"{eager / full['batch1_ms']:.0f}", "≥ 50 (100)"),
        ("full size: values unlike the reference's", f"{agreed['differ']} of {agreed['values']}", "0"),
        ("full size: peak resident memory", f"{full['peak_rss_mb']:.0f} MB", "≤ 200 (130)"),
        ("full size: the same by ONNX Runtime", f"{onnx['peak_rss_mb']:.0f} MB", ""),
        ("full size: resident memory afterwards", f"{full['rss_mb']:.0f} MB", ""),
        ("full size: one window of 8", f"{full['batch8_ms_a_window']:.2f} ms", ""),
        ("full size: the same by ONNX Runtime", f"{onnx['batch8_ms_a_window']:.2f} ms", ""),
        ("full size: batch 1 / batch 8", f"{full['batch1_ms'] / full['batch8_ms_a_window']:.2f}", ""),
        ("compact: file", f"{compact['bytes'] / 1e3:.0f} kB", "≤ 500 (100)"),
        ("compact: one window", f"{one:.3f} ms", "≤ 1 (0.4)"),
        ("compact: one window of 8", f"{compact['batch8_ms_a_window']:.3f} ms", ""),
        ("compact: one window of 64", f"{compact['batch64_ms_a_window']:.3f} ms", ""),
        ("compact: batch 1 / batch 8", f"{one / compact['batch8_ms_a_window']:.2f}", "≥ 2"),
        ("compact: batch 1 / batch 8 on two cores", f"{one / compact['two_threads_ms_a_window']:.2f}", ""),
        ("compact: peak resident memory", f"{compact['peak_rss_mb']:.0f} MB", ""),
    ]
    for name, value, asked in rows:
        print(f"{name:40} {value:>12}   {asked}")
    if arguments.json:
        figures = {"full": full, "full_onnx": onnx, "compact": compact, "eager_ms": eager, "agreement": agreed}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
