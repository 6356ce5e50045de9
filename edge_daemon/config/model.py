"""Section `model`: which network listens."""

from __future__ import annotations

from edge_daemon.config.section import ConfigPath, Section, key


class ModelSection(Section):
    """The one model file."""

    path: ConfigPath | None = key(None, "Model file (.onnx). Empty: the model inside the package")
