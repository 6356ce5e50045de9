"""SIGHUP: what a running daemon takes from a changed configuration, and what it says about the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from edge_daemon.clips.retention import Retention
from edge_daemon.config import Config, changes, merge_live
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.live.assembly import Components
from edge_daemon.live.health_collector import HealthCollector
from edge_daemon.live.schedule import schedule_from_config
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.position.position import Position
from edge_daemon.system.journal import set_level

log = logging.getLogger(__name__)
DAY_S = 86_400


class Reread(NamedTuple):
    """What came of reading the configuration again.

    Attributes:
        config: in force from now on.
        refusal: why the file was not applied; None if it was.
        waiting: keys whose new values need a restart.
    """

    config: Config
    refusal: EdgeDaemonError | None
    waiting: tuple[str, ...]


def reread(current: Config, read: Callable[[], Config], judge: Callable[[Config], object]) -> Reread:
    """The configuration from now on: the current one with the new values of the keys that can change while running.

    A file that is wrong changes nothing. Every key that changed is named in the log, with what becomes of it.

    Args:
        current: in force.
        read: reads the file anew; raises EdgeDaemonError for a file that is wrong.
        judge: raises EdgeDaemonError for values that do not suit the model that listens.
    """
    try:
        new = read()
        # rules of events are a model's, and another model needs a start
        waits = new.model != current.model
        merged = merge_live(current, new.model_copy(update={"detection": current.detection}) if waits else new)
        judge(merged)
    except EdgeDaemonError as error:
        log.error("the changed configuration has an error and was not applied", extra={"reason": str(error)})
        return Reread(current, error, ())
    waiting = []
    found = changes(current, new)
    for change in found:
        if change.live and not (waits and change.path[0] == "detection"):
            log.info(f"{change.key} changed", extra={"old": change.old, "new": change.new})
        else:
            log.warning(f"{change.key} changed in the file; restart the daemon to apply it", extra={"kept": change.old})
            waiting.append(change.key)
    if not found:
        log.info("the configuration was read again; nothing changed")
    return Reread(merged, None, tuple(waiting))


def apply(config: Config, components: Components, health: HealthCollector, rules: EventRules) -> None:
    """Give every component the values of its live keys.

    Args:
        config: the values.
        components, health: who is given them.
        rules: of events, as the configuration has them for the model that listens.
    """
    set_level(config.log.level)
    health.section = config.health
    components.outbox.limits = OutboxLimits.from_config(config.outbox)
    components.expiry.keep_days = config.effort.keep_days
    components.periods.change(config.effort.publish_interval_s)
    components.reporter.move(Position.from_config(config))
    if components.receiver is not None and components.track is not None:
        components.receiver.apply(config.position)
        components.track.section = config.position
    components.tally_periods.change(config.presence.publish_interval_s)
    components.schedule.change(schedule_from_config(config.schedule))
    components.scoring.change(rules)
    if components.cutter is not None:
        components.cutter.change(config.clips.margin_s, config.clips.max_length_s)
    components.history.keep_s = config.history.keep_days * DAY_S
    components.history.max_bytes = round(config.history.max_mb * 1e6)
    if components.store is not None:
        components.store.rules = Retention.from_config(config.clips)
    if components.publisher is not None:
        components.publisher.apply(config.mqtt)
