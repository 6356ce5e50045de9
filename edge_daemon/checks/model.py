"""Does the model load, do hop and thresholds suit it, and does the backend compute a window with it in time?"""

from __future__ import annotations

from time import perf_counter

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import ModelError


def check_model(config: Config) -> Verdict:
    """The model file loads, and `detection` suits it."""
    from edge_daemon.detection.detector import hop_of, rules_of
    from edge_daemon.model.model_file import ModelFile, default_model_path

    model = ModelFile.read(config.model.path or default_model_path())
    hop_of(config, model)
    rules = rules_of(config, model)
    metadata = model.metadata
    text = f"{metadata.name} {metadata.version} ({model.digest[:12]}), threshold {rules.threshold:g}"
    return Verdict("model", "ok", text)


def check_backend(config: Config) -> Verdict:
    """The backend starts and computes a window with the model."""
    import numpy as np

    from edge_daemon.backends.guarded import open_backend
    from edge_daemon.model.model_file import ModelFile, default_model_path

    try:
        model = ModelFile.read(config.model.path or default_model_path())
    except ModelError:
        return Verdict("backend", "skipped", "there is no model to try it with")
    backend = open_backend(model, config.backend)
    try:
        window = np.zeros((1, *model.metadata.frontend.shape), np.uint8)
        backend.infer(window)  # the first one also warms up
        began = perf_counter()
        backend.infer(window)
        took_ms = 1000 * (perf_counter() - began)
        problem, name = backend.problem, backend.name
    finally:
        backend.close()
    if problem:
        hint = f"The daemon would run on {name}. `edge-daemon backends` lists what there is; then set backend.name."
        return Verdict("backend", "failed", f"{problem.rstrip('.')}.", hint)
    hop_ms = 1000 * config.detection.hop_s
    text = f"{name} computes a window in {took_ms:.1f} ms; the next one comes after {hop_ms:g} ms"
    if took_ms > hop_ms:
        return Verdict("backend", "warning", text, "Raise detection.hop_s, or choose a faster backend or model.")
    return Verdict("backend", "ok", text)
