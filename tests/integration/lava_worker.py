"""A worker that runs a model's deeper layers on Intel's lava-nc: `PYTHON -m lava_worker --fd N`, on Python 3.10.

What `edge_daemon/backends/GUIDE.md` calls a worker of your own: it speaks the protocol of `wire.py`, of which a copy
lies beside it, and imports nothing of edge-daemon, whose package asks for a newer Python. Two options: `program`, the
network as arrays (`tests/integration/test_lava.py` writes it), and `rasters`, a folder for the spikes of each window.
Its scores are all 0: lava's neurons do not give their membranes away as they are before the reset.
"""

import argparse
import socket
from pathlib import Path

import numpy as np
import wire
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF
from lava.proc.sparse.process import Sparse
from scipy.sparse import csr_matrix


class Program:
    """The host's first layer, and the chip's layers: weights as matrices, thresholds, decays."""

    def __init__(self, path):
        with np.load(path, allow_pickle=False) as stored:
            self.arrays = dict(stored)
        self.steps = int(self.arrays["steps"])
        self.chip = []
        for number, (threshold, decay) in enumerate(zip(self.arrays["thresholds"], self.arrays["decays"])):  # noqa: B905
            values, indices, ends, shape = (
                self.arrays[f"{part}{number}"] for part in ("data", "indices", "ends", "shape")
            )
            matrix = csr_matrix((values.astype(np.int64), indices, ends), shape=tuple(shape))
            self.chip.append((matrix, int(threshold), int(decay)))

    def host(self, features):
        """Spikes [inputs of the chip, steps] of one window, the first layer in the reference's arithmetic."""
        x = features.astype(np.int64)
        if str(self.arrays["stem"]) == "band_median":
            x = x - np.sort(x, axis=1)[:, (x.shape[1] - 1) // 2, None]
        weight, bias = self.arrays["first_weight"].astype(np.int64), self.arrays["first_bias"].astype(np.int64)
        (ph, pw), (sh, sw), shift = (
            self.arrays["first_padding"],
            self.arrays["first_stride"],
            int(self.arrays["first_shift"]),
        )
        views = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((ph, ph), (pw, pw))), weight.shape[2:])
        sums = np.einsum("yxij,cij->cyx", views[::sh, ::sw], weight[:, 0]) + bias[:, None, None]
        current = sums << shift if shift >= 0 else sums >> -shift
        threshold = self.arrays["first_threshold"].astype(np.int64)[:, None, None]
        leak = self.arrays["first_leak"].astype(np.int64)[:, None, None]
        membrane, spikes, found = np.zeros_like(current), np.zeros(current.shape, bool), []
        for _ in range(self.steps):
            membrane = ((leak * np.where(spikes, 0, membrane)) >> 8) + current
            spikes = membrane > threshold
            found.append(spikes.ravel())
        return np.stack(found, axis=1).astype(np.int64)

    def run(self, features):
        """Spikes uint8 [neurons, steps] of every layer for one window; a layer answers one step after it is asked."""
        host = self.host(features)
        steps = self.steps + len(self.chip) + 1
        source = Source(data=np.pad(host, ((0, 0), (0, steps - self.steps))))
        port, sinks = source.s_out, []
        for matrix, threshold, decay in self.chip:
            synapses = Sparse(weights=matrix)
            # du 4095 and its offset of one: the current is forgotten in each step
            neurons = LIF(shape=(matrix.shape[0],), vth=threshold, du=4095, dv=decay, bias_mant=0)
            sink = Sink(shape=(matrix.shape[0],), buffer=steps)
            port.connect(synapses.s_in)
            synapses.a_out.connect(neurons.a_in)
            neurons.s_out.connect(sink.a_in)
            port = neurons.s_out
            sinks.append(sink)
        source.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi1SimCfg(select_tag="fixed_pt"))
        found = [sink.data.get().astype(np.uint8) for sink in sinks]
        source.stop()
        late = [raster[:, number + 1 :][:, : self.steps] for number, raster in enumerate(found)]
        return [host.astype(np.uint8), *late]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    program, folder, windows = None, None, 0
    with socket.socket(fileno=parser.parse_args().fd) as connection:
        while True:
            try:
                fields, arrays = wire.receive(connection, None)
            except wire.WireError:
                return
            try:
                if fields["kind"] == "start":
                    program, folder = Program(fields["options"]["program"]), Path(fields["options"]["rasters"])
                    reply = wire.encode({"kind": "ready"})
                else:
                    counts, totals = [], []
                    for window in arrays["features"]:
                        rasters = program.run(window)
                        np.savez(folder / f"window{windows}.npz", *rasters)
                        counts.append(rasters[-1].sum(axis=1))
                        totals.append([raster.sum() for raster in rasters])
                        windows += 1
                    found = {
                        "score": np.zeros(len(counts), np.float32),
                        "spike_counts": np.array(counts, np.int32),
                        "layer_spikes": np.array(totals, np.int64),
                    }
                    health = {"windows": float(windows)}
                    reply = wire.encode({"kind": "inference", "id": fields["id"], "health": health}, found)
            except Exception as error:  # noqa: BLE001 - the daemon decides what a failure means
                reply = wire.encode({"kind": "error", "message": f"{type(error).__name__}: {error}", "hint": ""})
            wire.send(connection, reply, None)


if __name__ == "__main__":
    main()
