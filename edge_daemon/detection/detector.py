"""The detector: a model file, what runs it, the rules of events and the hop, found to suit each other.

Daemon, replay, bench, checks and raster open it here, so that what one refuses the others refuse, too. What is asked
for (`DetectorSettings`) is plain data and reaches worker processes and other machines. A detector keeps no sound: each
stream gets a pipeline of its own from it, and several detectors may be given the same stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edge_daemon.backends.base import Backend
from edge_daemon.backends.guarded import GuardedBackend, open_backend, unnamed_backend
from edge_daemon.backends.registry import create
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.detection.event_finder import EventFinder
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import EventBuilder
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.detection.pipeline import Pipeline
from edge_daemon.errors import ConfigValueError, about
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.position.position import Position

if TYPE_CHECKING:
    from edge_daemon.config.backend import BackendSection
    from edge_daemon.config.root import Config


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What is asked of a detector; event rules that are None take the model's operating point.

    Attributes:
        model: the model file.
        hop_s: seconds between successive windows.
        threshold: score that starts an event, or None.
        threshold_low: score that keeps an event going, or None.
        min_windows: windows at or above threshold_low that an event needs, or None.
        min_rise_hz: how far the contour of an event's call must rise, or None.
        context_s: how far back calls make others likelier, or None.
        merge_gap_s: events closer than this become one, or None.
        max_length_s: longer events are cut here, or None.
        refractory_s: no new event within this time after one, or None.
        backend: what runs the network and what takes over if it fails; None is the default one, without a fallback.
    """

    model: Path = field(default_factory=default_model_path)
    hop_s: float = 0.5
    threshold: float | None = None
    threshold_low: float | None = None
    min_windows: int | None = None
    min_rise_hz: float | None = None
    context_s: float | None = None
    merge_gap_s: float | None = None
    max_length_s: float | None = None
    refractory_s: float | None = None
    backend: BackendSection | None = None

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """What a daemon's configuration asks for."""
        model = config.model.path or default_model_path()
        return cls(model, backend=config.backend, **config.detection.model_dump())


@dataclass(frozen=True, slots=True)
class DetectorPlan:
    """A detector without what runs it.

    Attributes:
        model: the file.
        rules: how scores become events.
        hop: samples at the model's rate between windows.
    """

    model: ModelFile
    rules: EventRules
    hop: int

    def event_finder(self) -> EventFinder:
        """What finds the events of one stream whose windows such a detector has scored."""
        spec = self.model.metadata.frontend
        return EventFinder(self.rules, spec.window, self.hop, spec.sample_rate)

    def rules_for(self, config: Config) -> EventRules:
        """The rules that another configuration asks for, with this model and this hop.

        Raises:
            ConfigError: they do not suit.
        """
        return event_rules(DetectorSettings.from_config(config), self.model, self.hop)


@dataclass(frozen=True, slots=True)
class Detector(DetectorPlan):
    """A detector that is ready to listen.

    Attributes:
        backend: runs the network.
    """

    backend: Backend

    @property
    def problem(self) -> str:
        """What went wrong last with a guarded backend; empty where nothing did."""
        return self.backend.problem if isinstance(self.backend, GuardedBackend) else ""

    def pipeline(
        self,
        source_rate: int,
        *,
        batch: int = 1,
        pad_short: bool = False,
        begin: int | None = None,
        pictures: bool = False,
    ) -> Pipeline:
        """A pipeline for one stream; all pipelines of a detector use its backend, from one thread at a time.

        Args:
            source_rate: samples per second of the blocks that will be pushed.
            batch, pad_short, begin, pictures: as `Pipeline` has them.

        Raises:
            ConfigError, AudioError: as `Pipeline`.
        """
        metadata = self.model.metadata
        return Pipeline(
            metadata.frontend,
            self.backend,
            self.rules,
            source_rate=source_rate,
            hop=self.hop,
            batch=batch,
            call_band_hz=metadata.call_band_hz,
            pad_short=pad_short,
            begin=begin,
            pictures=pictures,
        )

    def origin(
        self,
        device: str,
        stream: str,
        *,
        file: str | None = None,
        channel: int = 1,
        position: Position | None = None,
        full_scale_db: float | None = None,
    ) -> Origin:
        """What the detections of one stream have in common; the arguments are fields of `Origin`."""
        metadata = self.model.metadata
        return Origin(
            device=device,
            stream=stream,
            label=metadata.label,
            model=ModelReference(name=metadata.name, version=metadata.version, digest=self.model.digest),
            backend=self.backend.name,
            threshold=self.rules.threshold,
            rate=metadata.frontend.sample_rate,
            file=file,
            channel=channel,
            position=position,
            full_scale_db=full_scale_db,
        )

    def close(self) -> None:
        """Give the backend's memory and devices back."""
        self.backend.close()


def plan(settings: DetectorSettings) -> DetectorPlan:
    """Read the model and see whether the settings suit it, without a backend.

    Raises:
        ModelError: the file is no model of ours.
        ConfigError: hop or rules do not suit the model.
    """
    model = ModelFile.read(settings.model)
    spec = model.metadata.frontend
    hop = _hop(settings.hop_s, spec.sample_rate, spec.window)
    return DetectorPlan(model, event_rules(settings, model, hop), hop)


def event_rules(settings: DetectorSettings, model: ModelFile, hop: int) -> EventRules:
    """The rules that settings ask for, with a model and a hop that they suit.

    Raises:
        ConfigError: they do not.
    """
    spec = model.metadata.frontend
    rules = EventRules.for_model(
        model.metadata.operating_point, **{name: getattr(settings, name) for name in EventRules.model_fields}
    )
    with about("detection.min_windows" if settings.max_length_s is None else "detection.max_length_s"):
        EventBuilder(rules, spec.window, hop, spec.sample_rate)
    return rules


def open_detector(settings: DetectorSettings, time: TimeSource | None = None) -> Detector:
    """Read the model and start its backend; whoever opens a detector closes it.

    Args:
        settings: what is asked for.
        time: clock for the pauses between a backend's restarts; the machine's own if None.

    Raises:
        ModelError, ConfigError: as `plan`.
        BackendError: the backend does not start, nor does its fallback.
    """
    made = plan(settings)
    if settings.backend is None:
        backend = unnamed_backend(made.model) or create(made.model)
    else:
        backend = open_backend(made.model, settings.backend, time)
    return Detector(made.model, made.rules, made.hop, backend)


def _hop(hop_s: float, rate: int, window: int) -> int:
    """Samples between windows: a whole number, and no more than a window, or sound would go unheard."""
    samples = hop_s * rate
    hop = round(min(max(1.0, samples), window))  # nearest possible
    if abs(samples - hop) <= 1e-6:
        return hop
    wrong, hint = f"which is not a whole number of samples at the model's {rate} Hz", ""
    if samples < 1:
        wrong = f"less than a sample at the model's {rate} Hz"
    elif samples > window:
        wrong = f"longer than the model's windows of {window / rate:g} s"
        hint = "Sound between windows would go unheard. "
    raise ConfigValueError(
        "detection.hop_s", f"is {hop_s:.12g} s, {wrong}", f"{hint}The nearest possible hop is {hop / rate:.12g} s."
    )
