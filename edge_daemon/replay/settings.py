"""How a replay is done: what is the same for all recordings of a run.

The settings are plain data, so that they reach worker processes and other machines. They are built from the options of
the command line, and from the configuration file of a daemon where its detections are to be repeated: model, backend,
rules of events, calibration of the hydrophone, and who reports from where.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from edge_daemon.audio.start_time import StartTime
from edge_daemon.audio.time_zone import parse_zone
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.errors import BackendError, UsageError
from edge_daemon.levels.hydrophone import Hydrophone
from edge_daemon.position.position import Position

if TYPE_CHECKING:
    from edge_daemon.config.backend import BackendSection
    from edge_daemon.config.root import Config


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What is the same for all recordings of a run.

    Attributes:
        detector: what listens to them.
        channel: counted from 1.
        start: when the (only) recording began, if the user said so.
        timezone: of recordings that do not tell theirs, as `parse_zone` takes it; None assumes UTC.
        scores: whether the result carries the score of every window.
        batch: windows per inference.
        block_s: seconds of sound per read.
        decode_ahead: whether sound that takes long to decode is decoded in a thread of its own.
        device: what detections give as their device.
        position: where the hydrophone was, if known.
        full_scale_db: level (peak) of a full-scale sample, dB re 1 µPa, for received levels; None if not calibrated.
    """

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    channel: int = 1
    start: StartTime | None = None
    timezone: str | None = None
    scores: bool = False
    batch: int = 8  # more is hardly faster, and takes a megabyte a window
    block_s: float = 16.0
    decode_ahead: bool = False
    device: str = "replay"
    position: Position | None = None
    full_scale_db: float | None = None

    @property
    def zone(self) -> tzinfo | None:
        """The zone of recordings that do not tell theirs; None assumes UTC."""
        return None if self.timezone is None else parse_zone(self.timezone)


def settings_for(config: Config | None, **chosen: Any) -> ReplaySettings:
    """Settings from a daemon's configuration, with the user's choices on top.

    Args:
        config: of the daemon whose work is to be repeated; None takes the defaults.
        chosen: fields of `ReplaySettings` and of its `DetectorSettings`; None leaves what the configuration says, or
            the default.
    """
    detector = DetectorSettings()
    values: dict[str, Any] = {}
    if config is not None:
        detector = DetectorSettings.from_config(config)
        hydrophone = Hydrophone.from_config(config.hydrophone)
        values = {
            "device": config.device.id,
            "position": Position.from_config(config),
            "full_scale_db": None if hydrophone is None else hydrophone.full_scale_db,
        }
    values |= {name: value for name, value in chosen.items() if value is not None}
    of_detector = {one.name: values.pop(one.name) for one in fields(DetectorSettings) if one.name in values}
    return ReplaySettings(replace(detector, **of_detector), **values)


def backend_for(config: Config | None, name: str | None, options: dict[str, Any]) -> BackendSection | None:
    """The backend that the command line asks for, or None where it asks for nothing.

    Another backend than the configured one does not take that one's options. Asked for by name and without a
    configuration, a backend has no fallback: who tries one wants to know that it fails.

    Args:
        config: as in `settings_for`.
        name: of the backend, or None.
        options: the backend's own; they replace the configured ones of the same name.

    Raises:
        UsageError: there is no such backend, or it has no such option.
    """
    if name is None and not options:
        return None
    from edge_daemon.backends.registry import DEFAULT
    from edge_daemon.config.backend import BackendSection

    base = BackendSection(fallback=None) if config is None else config.backend
    configured = base.name or DEFAULT  # options are the default's where none is named
    kept = base.options if name in {None, configured} else {}
    if not base.worker:  # a worker's Python may have what this one has not
        _see_that_it_exists(name or configured, {**kept, **options})
    return BackendSection.model_validate(
        {**base.model_dump(), "name": name or base.name, "options": {**kept, **options}}
    )


def _see_that_it_exists(name: str, options: dict[str, Any]) -> None:
    """Refuse at once what no restart mends: a name or an option that is not there."""
    from edge_daemon.backends.registry import check_options, load

    try:
        check_options(load(name), options)
    except BackendError as error:
        raise UsageError(error.message, error.hint) from error
