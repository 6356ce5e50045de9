"""Does the model load, and do hop and rules suit it?"""

from __future__ import annotations

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.detection.detector import DetectorSettings, plan
from edge_daemon.errors import about
from edge_daemon.model.shipped import named_models
from edge_daemon.system.named_file import open_named


def refuse_model(config: Config) -> None:
    """Refuse a model that is not there or damaged, and a section `detection` that does not suit it."""
    if config.model.path is not None:
        with open_named("model.path", config.model.path, named_models()):
            pass
    with about("model.path"):
        plan(DetectorSettings.from_config(config))


def try_model(config: Config) -> Verdict:
    """Tell which model it is, and the threshold."""
    planned = plan(DetectorSettings.from_config(config))
    metadata = planned.model.metadata
    text = f"{metadata.name} {metadata.version} ({planned.model.digest[:12]}), threshold {planned.rules.threshold:g}"
    return Verdict("model", "ok", text)
