"""Section `model`: which network listens."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from edge_daemon.config.section import ConfigPath, Section, key
from edge_daemon.model.shipped import model_path, shipped_models


class ModelSection(Section):
    """The one model file."""

    path: ConfigPath | None = key(
        None,
        "Model file (.onnx), or the name of one inside the package: right_whale, or right_whale_portable for backends"
        " that are chips. Empty: right_whale",
    )

    @field_validator("path", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return model_path(value) if isinstance(value, str) and value in shipped_models() else value
