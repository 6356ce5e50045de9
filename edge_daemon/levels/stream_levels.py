"""How loud the sea and the calls in it are: received levels and band levels of a calibrated hydrophone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.source import Block, Gap
from edge_daemon.config import Config
from edge_daemon.detection.document import ReceivedLevel
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.levels.band_levels import BandMeter, BandMinute
from edge_daemon.levels.hydrophone import Hydrophone
from edge_daemon.levels.received_level import AROUND_S, LevelMeter


class StreamLevels(StreamObserver):
    """Levels of the stream at the model's rate.

    Args:
        meter: levels of events.
        bands: band levels of each minute; None for none.
        keep: takes a finished minute.
    """

    def __init__(self, meter: LevelMeter, bands: BandMeter | None, keep: Callable[[BandMinute], None]) -> None:
        self._meter, self._bands, self._keep = meter, bands, keep

    @classmethod
    def from_config(
        cls,
        config: Config,
        recent: RecentSound,
        longest_event_s: float,
        delay_s: float,
        keep: Callable[[BandMinute], None],
    ) -> Self | None:
        """What the configuration asks for; None without a calibrated hydrophone.

        Args:
            config: the configuration.
            recent: the sound at the model's rate.
            longest_event_s: longest event, seconds.
            delay_s: time until an event is known, seconds.
            keep: takes a finished minute of band levels.
        """
        hydrophone = Hydrophone.from_config(config.hydrophone)
        if hydrophone is None:
            return None
        meter = LevelMeter(recent, hydrophone.full_scale_db, longest_event_s + AROUND_S + delay_s)
        bands = BandMeter(recent.rate, hydrophone.full_scale_db) if config.effort.band_levels else None
        return cls(meter, bands, keep)

    @property
    def ambient_db(self) -> float | None:
        """Level of the sea without calls, dB re 1 µPa; None before there is sound."""
        return self._meter.ambient_db

    def sound(self, piece: Block | Gap) -> None:
        """The next block or gap; the recent sound has it already."""
        if self._bands is not None:
            for minute in self._bands.push(piece):
                self._keep(minute)

    def received(self, begin: int, end: int) -> ReceivedLevel | None:
        """Levels of an event; None where it has no sound in memory."""
        return self._meter.received(begin, end)

    def finish(self) -> None:
        """The stream has ended: keep the minute in progress."""
        if self._bands is not None:
            for minute in self._bands.finish():
                self._keep(minute)
