"""Runs layers on Intel's lava-nc (Python 3.10) for the comparison with our simulator: a worker in the wire protocol.

Takes one message (weights of each layer unrolled to a matrix, thresholds, decays, spikes that arrive) and answers with
the layers' rasters. It is given the path of `edge_daemon/backends/wire.py`, which runs on old interpreters as it is.
"""

import importlib.util
import socket
import sys

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF


def rasters(arrays, fields):
    """Spikes [neurons, steps] of each layer; a layer's output comes one step after its input."""
    arriving = arrays["spikes"]
    steps = arriving.shape[1] + len(fields["thresholds"]) + 1
    padded = np.zeros((arriving.shape[0], steps), np.int64)
    padded[:, : arriving.shape[1]] = arriving
    source = Source(data=padded)
    port, sinks = source.s_out, []
    for number, (threshold, decay) in enumerate(zip(fields["thresholds"], fields["decays"])):  # noqa: B905
        weights = arrays[f"weights{number}"].astype(np.int64)
        synapses = Dense(weights=weights)
        # du 4095 and its offset of one: the current is forgotten in each step
        neurons = LIF(shape=(len(weights),), vth=threshold, du=4095, dv=decay, bias_mant=0)
        sink = Sink(shape=(len(weights),), buffer=steps)
        port.connect(synapses.s_in)
        synapses.a_out.connect(neurons.a_in)
        neurons.s_out.connect(sink.a_in)
        port = neurons.s_out
        sinks.append(sink)
    source.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi1SimCfg(select_tag="fixed_pt"))
    found = {f"raster{number}": sink.data.get().astype(np.uint8) for number, sink in enumerate(sinks)}
    source.stop()
    return found


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("wire", sys.argv[1])
    wire = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wire)
    with socket.socket(fileno=int(sys.argv[2])) as connection:
        fields, arrays = wire.receive(connection, 60.0)
        wire.send(connection, wire.encode({"kind": "rasters"}, rasters(arrays, fields)), 60.0)
