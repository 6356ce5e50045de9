"""Is the backend there, does it take its options, and does it compute a window with the model in time?"""

from __future__ import annotations

from contextlib import closing
from time import perf_counter

import numpy as np

from edge_daemon.backends.registry import DEFAULT, check_options, installed, load
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.detection.detector import DetectorSettings, open_detector, plan
from edge_daemon.errors import BackendError, EdgeDaemonError, about


def refuse_backend(config: Config) -> None:
    """Refuse names that no backend has, a missing interpreter, and options that the backend does not take."""
    section = config.backend
    # what another Python has is not known here
    named = {"backend.name": section.name if section.python is None else None, "backend.fallback": section.fallback}
    for key, name in named.items():
        if name is not None and name not in installed():
            with about(key):
                load(name)
    if section.python is not None:
        from edge_daemon.backends.worker.client import worker_command

        with about("backend.python"):
            worker_command(section.python)
    if section.worker:
        return  # a library that must not be in this process is not imported here either; the worker checks its options
    if section.name is None and not section.options:
        return  # what will score takes none, and ONNX Runtime is not loaded where it is not needed
    try:
        backend = load(section.name or DEFAULT)  # options are the default's where none is named
    except BackendError:
        return  # the fallback takes over, and health says so
    with about("backend.options"):
        check_options(backend, section.options)


def try_backend(config: Config) -> Verdict:
    """Start the backend and have it compute a window."""
    settings = DetectorSettings.from_config(config)
    try:
        plan(settings)
    except EdgeDaemonError:
        return Verdict("backend", "skipped", "not tried: the model does not work")
    with closing(open_detector(settings)) as detector:
        window = np.zeros((1, *detector.model.metadata.frontend.shape), np.uint8)
        detector.backend.infer(window)  # the first one also warms up
        began = perf_counter()
        detector.backend.infer(window)
        took_ms = 1000 * (perf_counter() - began)
        problem, name = detector.problem, detector.backend.name
    if problem:
        hint = f"The daemon would run on {name}. Set backend.name to one that `edge-daemon backends` lists."
        return Verdict("backend", "failed", f"{problem.rstrip('.')}.", hint)
    hop_ms = 1000 * config.detection.hop_s
    text = f"{name} computes a window in {took_ms:.1f} ms; the next one comes after {hop_ms:g} ms"
    if took_ms > hop_ms:
        return Verdict("backend", "warning", text, "Raise detection.hop_s, or choose a faster backend or model.")
    return Verdict("backend", "ok", text)
