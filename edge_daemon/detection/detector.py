"""The model as the daemon runs it: the file, the backend, the rules of events and the hop, found to suit each other."""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.backends.guarded import GuardedBackend, open_backend
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.config import Config
from edge_daemon.detection.events import EventRules
from edge_daemon.errors import ConfigValueError
from edge_daemon.model.model_file import ModelFile, default_model_path


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model that is ready to listen.

    Attributes:
        model: the file.
        backend: runs it.
        rules: how scores become events.
        hop: samples at the model's rate between windows.
    """

    model: ModelFile
    backend: GuardedBackend
    rules: EventRules
    hop: int


def open_model(config: Config, time: TimeSource) -> LiveModel:
    """Load the configured model and start its backend.

    Raises:
        ModelError: the file is no model of ours.
        ConfigError: hop or rules do not suit the model.
        BackendError: neither the backend nor its fallback starts.
    """
    model = ModelFile.read(config.model.path or default_model_path())
    return LiveModel(model, open_backend(model, config.backend, time), rules_of(config, model), hop_of(config, model))


def hop_of(config: Config, model: ModelFile) -> int:
    """Samples at the model's rate between windows.

    Raises:
        ConfigValueError: longer than a window, or no whole number of samples.
    """
    spec = model.metadata.frontend
    samples = config.detection.hop_s * spec.sample_rate
    hop = round(samples)
    if hop > spec.window:
        raise ConfigValueError(
            "detection.hop_s",
            f"is {config.detection.hop_s:g} s, longer than the model's windows of {spec.window_seconds:g} s",
            "Sound between windows would go unheard.",
        )
    if abs(samples - hop) > 1e-6:
        raise ConfigValueError(
            "detection.hop_s",
            f"is {config.detection.hop_s:g} s, no whole number of samples at the model's {spec.sample_rate} Hz",
            f"The nearest is {hop / spec.sample_rate:g} s.",
        )
    return hop


def rules_of(config: Config, model: ModelFile) -> EventRules:
    """The model's operating point, with the configuration's choices on top.

    Raises:
        ConfigValueError: `threshold_low` lies above the model's threshold.
    """
    detection, point = config.detection, model.metadata.operating_point
    if detection.threshold is None and (detection.threshold_low or 0.0) > point.threshold:
        raise ConfigValueError(
            "detection.threshold_low",
            f"is {detection.threshold_low:g}, above the model's threshold ({point.threshold:g})",
            "Lower it, or set `threshold` too.",
        )
    chosen = detection.model_dump(exclude={"hop_s"})
    return EventRules.for_model(point, **chosen)
