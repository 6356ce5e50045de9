"""Assembles the components of a live daemon, each with what the configuration says for it."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.clips.recorder import ClipRecorder
from edge_daemon.clips.retention import Retention
from edge_daemon.clips.store import ClipStore
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.config import Config
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.report_periods import ReportPeriods
from edge_daemon.effort.spans import Session
from edge_daemon.health.counters import HealthCounters
from edge_daemon.history.history import BoardHistory
from edge_daemon.levels.hydrophone import Hydrophone
from edge_daemon.levels.stream_levels import StreamLevels
from edge_daemon.live.announcement_record import AnnouncementRecord
from edge_daemon.live.capture_loop import CaptureLoop
from edge_daemon.live.clip_cutter import ClipCutter
from edge_daemon.live.clip_promises import ClipPromises
from edge_daemon.live.clip_queue import ClipQueue
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.live.detection_reporter import DetectionReporter
from edge_daemon.live.effort_reporter import EffortReporter
from edge_daemon.live.expiry import Expiry
from edge_daemon.live.history_keeper import HistoryKeeper
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.schedule import ScheduleRunner, schedule_from_config
from edge_daemon.live.scoring_loop import ScoringLoop
from edge_daemon.live.sound_queue import SoundQueue
from edge_daemon.live.storage_loop import StorageLoop
from edge_daemon.live.tally_reporter import TallyReporter
from edge_daemon.live.unsaved_log import UnsavedLog
from edge_daemon.mqtt.announcements import Announcement
from edge_daemon.mqtt.packing import PackedOutbox, Packing
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.position.position import Position
from edge_daemon.storage.reserve import Reserve
from edge_daemon.system.pulse import Pulse

if TYPE_CHECKING:
    from edge_daemon.live.orders_desk import OrdersDesk
    from edge_daemon.live.page_feed import PageFeed
    from edge_daemon.live.track_keeper import TrackKeeper
    from edge_daemon.mqtt.inbox import Inbox
    from edge_daemon.position.receiver import PositionReceiver

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Components:
    """The components of one daemon; see each one's own file. None stands for what is not configured."""

    topics: Topics
    counters: HealthCounters
    times: SampleTime
    queue: SoundQueue
    capture: CaptureLoop
    scoring: ScoringLoop
    reporter: DetectionReporter
    levels: StreamLevels | None
    cutter: ClipCutter | None
    clips: ClipQueue
    store: ClipStore | None
    promises: ClipPromises
    outbox: PackedOutbox
    unsaved: UnsavedLog
    ledger: EffortLedger
    history: BoardHistory
    keeper: HistoryKeeper
    periods: ReportPeriods
    tally_periods: ReportPeriods
    clock: ProvenClock
    expiry: Expiry
    storage: StorageLoop
    publisher: Publisher | None
    schedule: ScheduleRunner
    receiver: PositionReceiver | None
    track: TrackKeeper | None
    orders: OrdersDesk | None
    page: PageFeed | None

    @property
    def pulses(self) -> dict[str, Pulse]:
        """The pulse of each thread, by its name."""
        found = {"capture": self.capture.pulse, "scoring": self.scoring.pulse, "storage": self.storage.pulse}
        return found if self.publisher is None else {**found, "publishing": self.publisher.pulse}


def assemble(config: Config, dependencies: Dependencies) -> Components:
    """Make the components and begin the session in the effort ledger; no thread is started and nothing is heard yet.

    The ledger and the outbox wait in memory where the disk fails.

    Raises:
        ConfigError: hop and rules contradict each other or the model.
        AudioError: the input's rate cannot be brought to the model's.
    """
    time, source, rng, detector = dependencies.time, dependencies.source, dependencies.rng, dependencies.detector
    rate = detector.model.metadata.frontend.sample_rate
    topics = Topics(config.mqtt.prefix, config.device.id)
    counters = HealthCounters(time.monotonic_ns())
    times = SampleTime(source.rate, rate, config.clock, dependencies.kernel, time)
    blocks = round(config.audio.ring_s * 1000 / config.audio.block_ms)
    sound = SoundQueue(round(config.audio.ring_s * source.rate), blocks)

    boot_id = _boot_id()
    clock = ProvenClock(config.storage.clock_path, boot_id, times, time)
    session = Session(str(uuid4()), config.device.id, source.name, rate, boot_id)
    ledger = EffortLedger(
        config.storage.effort_path, time=time, rng=rng, commit_every_s=config.effort.commit_interval_s
    )
    ledger.begin(session, time.utc_ns(), times.state, began_ns=time.monotonic_ns())
    periods = ReportPeriods(config.effort.publish_interval_s, time.utc_ns(), ledger.previous_end_ns())
    limits = OutboxLimits.from_config(config.outbox)
    outbox = PackedOutbox(config.storage.outbox_path, time=time, rng=rng, limits=limits)
    outbox.packing = Packing(topics, config.mqtt.form)
    mailbox = TimedMailbox(outbox, time, counters.delivered)
    record = AnnouncementRecord(config.storage.announcements_path, _announcements(config), time)
    nudge = threading.Event()
    orders = None
    if config.orders.enabled and config.mqtt.enabled:  # else nothing of it is even imported
        from edge_daemon.live.orders_assembly import OrdersAssembly

        orders = OrdersAssembly(config, dependencies, topics, outbox, times)
        orders.inbox.arrived = nudge.set
    publisher = _publisher(config, dependencies, mailbox, record, None if orders is None else orders.inbox)
    history = BoardHistory(
        config.storage.history_path,
        time=time,
        rng=random.Random(session.id),  # noqa: S311 jitter; the others' waits do not depend on it
        keep_s=config.history.keep_days * 86_400,
        max_bytes=round(config.history.max_mb * 1e6),
    )
    mailbox.when_acknowledged.append(history.mark_delivered)
    keeper = HistoryKeeper(history, outbox, clock, time, Reserve(config.storage.reserve_path, time))
    tally_periods = ReportPeriods(config.presence.publish_interval_s, time.utc_ns(), ledger.previous_end_ns())
    tallies = TallyReporter(
        ledger,
        tally_periods,
        history,
        outbox if config.mqtt.enabled else None,
        times,
        config.device.id,
        topics.presence,
        detector.rules.max_length_s,
    )
    outbox.when_put.append(nudge.set)
    if publisher is not None:
        outbox.when_put.append(publisher.wake)

    store = _store(config, dependencies, clock)
    promises = ClipPromises(
        config.device.id,
        topics.lost_clips,
        outbox,
        dependencies.clip_files,
        time,
        lambda: times.state != "unsynchronised",
    )
    clips = ClipQueue(
        store,
        promises,
        nudge.set,
        None if publisher is None or config.mqtt.excerpt_kb is None else publisher.publish_excerpt,
        1000 * (config.mqtt.excerpt_kb or 0),
    )
    desk = None if orders is None else orders.desk(history)
    if desk is not None:
        mailbox.when_acknowledged.append(desk.setups.acknowledged)
    effort = EffortReporter(ledger, periods, outbox, times, config.device.id, topics.effort)
    expiry = Expiry(outbox, ledger, store, clock, time, config.effort.keep_days)

    receiver, track = _receiver(config, dependencies, times, ledger)
    recent = RecentSound(rate)
    levels = _levels(config, dependencies, recent, ledger)
    cutter = None if store is None else _cutter(config, dependencies, recent, clips, times)
    hydrophone = Hydrophone.from_config(config.hydrophone)
    page = _page(config, rate, times, time)
    reporter = DetectionReporter(
        detector.origin(
            config.device.id,
            session.id,
            channel=config.audio.channel,
            position=Position.from_config(config),
            full_scale_db=None if hydrophone is None else hydrophone.full_scale_db,
        ),
        topics.detections,
        times,
        mailbox,
        levels,
        cutter,
        publisher,
        topics.thumbnails if _sends_pictures(config) else "",
        history,
        receiver,
        page,
        together=config.mqtt.form == "compact",
    )
    observers: list[StreamObserver] = [one for one in (levels, cutter, page) if one is not None]
    return Components(
        topics=topics,
        counters=counters,
        times=times,
        queue=sound,
        capture=CaptureLoop(source, sound, time),
        scoring=ScoringLoop(
            detector.pipeline(source.rate, pictures=_sends_pictures(config) or page is not None),
            recent,
            times,
            ledger,
            counters,
            [*observers, periods, tally_periods, reporter],
            time,
        ),
        reporter=reporter,
        levels=levels,
        cutter=cutter,
        clips=clips,
        store=store,
        promises=promises,
        outbox=outbox,
        unsaved=UnsavedLog(outbox, time),
        ledger=ledger,
        history=history,
        keeper=keeper,
        periods=periods,
        tally_periods=tally_periods,
        clock=clock,
        expiry=expiry,
        storage=StorageLoop(
            nudge,
            outbox,
            ledger,
            clips,
            tuple(
                chore
                for chore in (promises, effort, clock, expiry, record, keeper, tallies, track, desk)
                if chore is not None
            ),
            (history.close, *(() if desk is None else (desk.close,))),
        ),
        publisher=publisher,
        schedule=ScheduleRunner(schedule_from_config(config.schedule), source.listen, time),
        receiver=receiver,
        track=track,
        orders=desk,
        page=page,
    )


def _receiver(
    config: Config, dependencies: Dependencies, times: SampleTime, ledger: EffortLedger
) -> tuple[PositionReceiver | None, TrackKeeper | None]:
    if config.position.source == "fixed":
        return None, None
    # here: a device that stays where it is does not pay for them
    from edge_daemon.live.track_keeper import TrackKeeper
    from edge_daemon.position.receiver import PositionReceiver

    receiver = PositionReceiver(
        config.position,
        dependencies.position_lines,
        dependencies.time,
        lambda: times.state == "synchronised" and times.trusts_now,  # one in holdover may be off by seconds
        random.Random(),  # noqa: S311 jitter; the others' waits do not depend on it
    )
    return receiver, TrackKeeper(receiver.track, ledger, config.position)


def _page(config: Config, rate: int, times: SampleTime, time: TimeSource) -> PageFeed | None:
    if not config.page.enabled:
        return None
    from edge_daemon.live.page_feed import PageFeed  # likewise, here and below

    return PageFeed(config.page.socket, config.device.id, rate, times, time)


def _sends_pictures(config: Config) -> bool:
    return config.mqtt.enabled and config.mqtt.thumbnails


def _announcements(config: Config) -> list[Announcement]:
    """What is to be announced to Home Assistant."""
    if not (config.mqtt.enabled and config.mqtt.home_assistant.enabled):
        return []
    from edge_daemon.mqtt.home_assistant import discovery

    topics = Topics(config.mqtt.prefix, config.device.id)
    moves = config.position.source != "fixed"
    return discovery(topics, config.mqtt.home_assistant.prefix, config.device.name, moves=moves)


def _publisher(
    config: Config,
    dependencies: Dependencies,
    mailbox: TimedMailbox,
    record: AnnouncementRecord,
    inbox: Inbox | None,
) -> Publisher | None:
    mqtt = config.mqtt
    if not mqtt.enabled:
        return None
    publisher = Publisher(
        mqtt,
        config.device.id,
        mailbox,
        link=dependencies.link,
        time=dependencies.time,
        rng=dependencies.rng,
        environment=dependencies.environment,
        announcements=record.announcements,
        inbox=inbox,
    )
    record.announced = publisher.announced
    return publisher


def _store(config: Config, dependencies: Dependencies, clock: ProvenClock) -> ClipStore | None:
    if not config.clips.enabled:
        return None
    return ClipStore(
        dependencies.clip_files,
        Retention.from_config(config.clips),
        time=dependencies.time,
        rng=dependencies.rng,
        dated=clock.believes_now,
    )


def _levels(
    config: Config, dependencies: Dependencies, recent: RecentSound, ledger: EffortLedger
) -> StreamLevels | None:
    detector = dependencies.detector
    delay_s = 3 * detector.model.metadata.frontend.window_seconds
    return StreamLevels.from_config(config, recent, detector.rules.max_length_s, delay_s, ledger.band_minute)


def _cutter(
    config: Config, dependencies: Dependencies, recent: RecentSound, clips: ClipQueue, times: SampleTime
) -> ClipCutter:
    detector = dependencies.detector
    recorder = ClipRecorder(
        recent,
        longest_event_s=detector.rules.max_length_s,
        delay_s=3 * detector.model.metadata.frontend.window_seconds + 2.0,
        margin_s=config.clips.margin_s,
        max_length_s=config.clips.max_length_s,
        file_format=config.clips.format,
    )
    return ClipCutter(recorder, clips, times, dependencies.source.name)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
