"""What runs the network: a slot for ONNX Runtime, for our own event-driven arithmetic, and for other people's chips.

May import: `config`, `model`, `system`, `clock`, `errors`.
"""

from edge_daemon.backends.base import Backend, Capabilities, Inference
from edge_daemon.backends.registry import create

__all__ = ["Backend", "Capabilities", "Inference", "create"]
