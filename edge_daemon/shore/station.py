"""The station: what its pages and its listener have in common, made from the configuration, started and stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from edge_daemon.clips.excerpt import Excerpt
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.shore.accounts import Accounts
from edge_daemon.shore.alerts.alarm import Alarm
from edge_daemon.shore.alerts.courier import AlertCourier
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.intake import Arrival, Intake, tidy
from edge_daemon.shore.listener import Listener
from edge_daemon.shore.live_feed import LiveFeed
from edge_daemon.shore.orders import signatures
from edge_daemon.shore.settings import StationConfig
from edge_daemon.web.rate_limit import RateLimit

TIDY_S = 3600.0


class Station:
    """All parts, for one process.

    Args:
        config: the configuration.
        environment: where credentials are looked for.

    Raises:
        ConfigError: orders cannot be checked here.
        StorageError: the database cannot be used.
    """

    def __init__(self, config: StationConfig, environment: Mapping[str, str]) -> None:
        self.config = config
        self.database = StationDatabase(config.database.address)
        self.database.migrate()
        self.accounts = Accounts(self.database, config.web.session_hours * 3600)
        # of logging in, from each address and for each name: ten at once, then one each half minute
        self.tries = RateLimit(burst=10, per_s=1 / 30)
        self.feed = LiveFeed()
        self.alarm = Alarm(config.alerts, self.database)
        intake = Intake(self.database, self.alarm.consider)
        self.verify = signatures(config.orders.public_keys)
        self.listener = Listener(config.mqtt, intake, self.arrived, environment, verify=self.verify)
        self.courier = AlertCourier(config.alerts, self.database, self.listener.publish)
        self._tidied_s = 0.0

    def start(self) -> None:
        """Begin to listen and to deliver alerts."""
        self.listener.start()
        self.courier.start()

    def stop(self) -> None:
        """End; the broker and the database keep what is left to do."""
        self.listener.stop()
        self.courier.stop()
        self.database.close()

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """Something is new in the database, or a second has passed; in the listener's thread."""
        later = (Thumbnail, Excerpt, LostClip)
        changed = [one.detection for one in arrivals if one.detection is not None and isinstance(one.document, later)]
        if arrivals:
            self.feed.tell(changed)
            self.courier.wake()
        self.alarm.look_around(time.time_ns())
        if time.monotonic() - self._tidied_s > TIDY_S or not self._tidied_s:
            self._tidied_s = time.monotonic()
            keep = self.config.keep
            tidy(self.database, time.time_ns(), keep.health_days, keep.sound_days)
