"""Keeping the track: a point for the effort database whenever the device has moved, or some time has passed."""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config.position import PositionSection
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.track_table import TrackPoint
from edge_daemon.position.fix import DatedFix
from edge_daemon.position.recent_track import RecentTrack
from edge_daemon.position.sphere import distance_m

LEAST_S = 10.0
"""Between two points, however fast the device is: the track is for years."""


class TrackKeeper:
    """Takes points from the track of the last minutes; the thread of the disk drives it.

    Args:
        track: of the receiver.
        ledger: takes the points.
        section: the configuration's `position`.

    Attributes:
        section: as above; may be replaced at any time.
    """

    def __init__(self, track: RecentTrack, ledger: EffortLedger, section: PositionSection) -> None:
        self.section = section
        self._track, self._ledger = track, ledger
        self._kept: DatedFix | None = None

    def tick(self) -> None:
        """Keep the newest fix, if it is due."""
        newest = self._track.newest
        if newest is None or not self._due(newest):
            return
        self._kept, fix = newest, newest.fix
        self._ledger.track_point(TrackPoint(fix.utc_ns, fix.latitude, fix.longitude, fix.type, fix.accuracy_m))

    def _due(self, newest: DatedFix) -> bool:
        if self._kept is None:
            return True
        kept, fix = self._kept.fix, newest.fix
        passed_s = (newest.moment_ns - self._kept.moment_ns) / SECOND_NS
        moved_m = distance_m((kept.latitude, kept.longitude), (fix.latitude, fix.longitude))
        far = moved_m >= self.section.track_distance_m and passed_s >= LEAST_S
        return far or passed_s >= self.section.track_interval_s
