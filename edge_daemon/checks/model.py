"""Does the model load, do hop and thresholds suit it, and does the backend compute a window with it in time?"""

from __future__ import annotations

from time import perf_counter

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import ConfigError, ModelError


def check_model(config: Config) -> Verdict:
    """The model file loads, and `detection` suits it."""
    from edge_daemon.detection.detector import DetectorSettings, plan

    planned = plan(DetectorSettings.from_config(config))
    metadata = planned.model.metadata
    text = f"{metadata.name} {metadata.version} ({planned.model.digest[:12]}), threshold {planned.rules.threshold:g}"
    return Verdict("model", "ok", text)


def check_backend(config: Config) -> Verdict:
    """The backend starts and computes a window with the model."""
    import numpy as np

    from edge_daemon.detection.detector import DetectorSettings, open_detector

    try:
        detector = open_detector(DetectorSettings.from_config(config))
    except (ModelError, ConfigError):
        return Verdict("backend", "skipped", "not tried: the model does not work")
    try:
        window = np.zeros((1, *detector.model.metadata.frontend.shape), np.uint8)
        detector.backend.infer(window)  # the first one also warms up
        began = perf_counter()
        detector.backend.infer(window)
        took_ms = 1000 * (perf_counter() - began)
        problem, name = detector.problem, detector.backend.name
    finally:
        detector.close()
    if problem:
        hint = f"The daemon would run on {name}. Set backend.name to one that `edge-daemon backends` lists."
        return Verdict("backend", "failed", f"{problem.rstrip('.')}.", hint)
    hop_ms = 1000 * config.detection.hop_s
    text = f"{name} computes a window in {took_ms:.1f} ms; the next one comes after {hop_ms:g} ms"
    if took_ms > hop_ms:
        return Verdict("backend", "warning", text, "Raise detection.hop_s, or choose a faster backend or model.")
    return Verdict("backend", "ok", text)
