"""What runs the network: ONNX Runtime, our own event-driven arithmetic, and other people's chips.

What a package with a backend of its own may import of edge_daemon is named here (`GUIDE.md` says what each is for), and
is promised; everything else may move or change at any time.

May import: `config`, `model`, `system`, `clock`, `errors`.
"""

from edge_daemon.backends.base import Backend, BackendOptions, BackendPlugin, Capabilities, Inference
from edge_daemon.backends.fit import unmet_requirements
from edge_daemon.backends.registry import create
from edge_daemon.errors import BackendError, EdgeDaemonError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, prepare, readout, run, synapses
from edge_daemon.model.neuron import LEAK_BITS, UNIT_LEAK, leak_fraction_bits, step
from edge_daemon.model.shipped import model_path

__all__ = [
    "LEAK_BITS",
    "UNIT_LEAK",
    "Backend",
    "BackendError",
    "BackendOptions",
    "BackendPlugin",
    "Capabilities",
    "EdgeDaemonError",
    "Inference",
    "IntegerNetwork",
    "Layer",
    "ModelFile",
    "create",
    "leak_fraction_bits",
    "model_path",
    "prepare",
    "readout",
    "run",
    "step",
    "synapses",
    "unmet_requirements",
]
