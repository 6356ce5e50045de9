"""What orders have set, laid over a configuration file: the file itself is never touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_daemon.config import Loaded, load_text
from edge_daemon.config.catalogue import entries
from edge_daemon.config.loading import Overlay
from edge_daemon.orders.setup import Setup


def settable_keys() -> frozenset[str]:
    """Paths of the keys that orders may set: those that change while the daemon runs."""
    return frozenset(".".join(entry.path) for entry in entries() if entry.live)


def model_path(folder: Path, digest: str) -> Path:
    """Where a model that came from shore lies."""
    return folder / f"{digest}.onnx"


def overlay(setup: Setup, models: Path) -> Overlay:
    """A setup as values by path; of keys that this program does not let orders set, none.

    Args:
        setup: what orders have set.
        models: folder of the models that came from shore.
    """
    allowed = settable_keys()
    found = {
        tuple(key.split(".")): (one.value, f"order {one.counter}")
        for key, one in setup.values.items()
        if key in allowed
    }
    if setup.model is not None:
        found["model", "path"] = (str(model_path(models, setup.model).absolute()), f"order {setup.model_counter}")
    return found


def laid_over(loaded: Loaded, setup: Setup, environment: Mapping[str, str]) -> Loaded:
    """A configuration file with what orders have set.

    Raises:
        ConfigFileError: the two do not suit each other.
    """
    if setup.empty:
        return loaded
    values = overlay(setup, loaded.config.storage.models_folder)
    without_mqtt = not loaded.config.mqtt.enabled
    return load_text(loaded.content, environment, loaded.path, without_mqtt=without_mqtt, overlay=values)
