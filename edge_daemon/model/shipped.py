"""The models inside the package, by their names: `right_whale`, and where there are others, those."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped_models() -> dict[str, Path]:
    """Model files inside the package by name."""
    folder = Path(str(resources.files("edge_daemon") / "assets"))
    return {path.stem: path for path in sorted(folder.glob("right_whale*.onnx"))}


def model_path(given: str | Path) -> Path:
    """The model inside the package that goes by this name, or else the path as it is.

    Args:
        given: a path, or a name. A file of the same name must be written with its folder: `./right_whale`.
    """
    return shipped_models().get(str(given), Path(given))


def named_models() -> str:
    """A sentence with the names of the models inside the package, for those who gave another."""
    return f"Models inside the package: {', '.join(shipped_models())}."
