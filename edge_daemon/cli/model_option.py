"""How a model is named on the command line: by its file, or by name where it is one of those inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class ModelPath(click.Path):
    """A model file's path; whether it can be read is found out when it is read."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Put the file in place of a name."""
        from edge_daemon.model.shipped import model_path

        return super().convert(model_path(value), param, ctx)


MODEL = ModelPath(path_type=Path)
