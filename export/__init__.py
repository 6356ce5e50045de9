"""From a trained network to a model file, checked spike for spike."""

import edge_daemon  # noqa: F401 - keeps ONNX Runtime, which modules here import, from calling its maker
