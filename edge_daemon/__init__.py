"""Edge daemon: listens to a hydrophone, runs a spiking network on each two seconds, reports the whales it hears."""

import os

__version__ = "0.1.0"

# ONNX Runtime 1.32 and later, when it is imported, looks up its maker's host and writes an identity below HOME. Here,
# since this runs before any module of ours, and before a worker or a plug-in, can import it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
