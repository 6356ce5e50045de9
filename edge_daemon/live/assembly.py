"""Assembles the components of a live daemon, each with what the configuration says for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from edge_daemon.clips.recorder import ClipRecorder
from edge_daemon.clips.retention import Retention
from edge_daemon.clips.store import ClipStore
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.config import Config
from edge_daemon.detection.document import ModelReference, Origin, Position
from edge_daemon.detection.pipeline import Pipeline
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.report_periods import ReportPeriods
from edge_daemon.effort.spans import Session
from edge_daemon.health.counters import HealthCounters
from edge_daemon.levels.stream_levels import StreamLevels
from edge_daemon.live.capture_loop import CaptureLoop
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.live.detection_reporter import DetectionReporter, ring_s
from edge_daemon.live.health_collector import HealthCollector
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.schedule import ScheduleRunner, schedule_from_config
from edge_daemon.live.scoring_loop import ScoringLoop
from edge_daemon.live.sound_queue import SoundQueue
from edge_daemon.live.storage_loop import StorageLoop
from edge_daemon.mqtt.home_assistant import discovery
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.outbox import Outbox, OutboxLimits

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Components:
    """The components of one daemon; see each part's own file."""

    topics: Topics
    counters: HealthCounters
    queue: SoundQueue
    capture: CaptureLoop
    scoring: ScoringLoop
    reporter: DetectionReporter
    storage: StorageLoop
    outbox: Outbox
    ledger: EffortLedger
    store: ClipStore | None
    publisher: Publisher | None
    schedule: ScheduleRunner
    health: HealthCollector


def assemble(config: Config, dependencies: Dependencies) -> Components:
    """Make the components and begin the session in the effort ledger; no thread is started and nothing is heard yet.

    The ledger and the outbox wait in memory where the disk fails.

    Raises:
        ConfigError: hop and rules contradict each other or the model.
        AudioError: the input's rate cannot be brought to the model's.
    """
    time, source, model = dependencies.time, dependencies.source, dependencies.model
    metadata, now_ns = model.model.metadata, time.monotonic_ns()
    spec = metadata.frontend
    rate = spec.sample_rate
    topics = Topics(config.mqtt.prefix, config.device.id)
    book = HealthCounters(config.device.id, now_ns, config.health.silence_limit_s, config.health.disk_warning_mb)
    times = SampleTime(source.rate, rate, config.clock, dependencies.kernel, time)
    sound = SoundQueue(round(config.audio.ring_s * source.rate))
    session = Session(str(uuid4()), config.device.id, source.name, rate, _boot_id())

    ledger = EffortLedger(
        config.storage.effort_path, time=time, rng=dependencies.rng, commit_every_s=config.effort.commit_interval_s
    )
    ledger.begin(session, time.utc_ns(), times.state)
    periods = ReportPeriods(config.effort.publish_interval_s, time.utc_ns(), ledger.previous_end_ns())
    outbox = Outbox(
        config.storage.outbox_path, time=time, rng=dependencies.rng, limits=OutboxLimits.from_config(config.outbox)
    )
    store = None
    if config.clips.enabled:
        rules = Retention.from_config(config.clips)
        store = ClipStore(
            dependencies.clip_files, rules, time=time, rng=dependencies.rng, dated=lambda: times.trusts_now
        )
    deliveries = TimedMailbox(outbox, time, book.delivered)
    publisher = _publisher(config, dependencies, topics, deliveries)

    def wake() -> None:
        keeper.nudge()
        if publisher is not None:
            publisher.wake()

    def stepped(step: ClockStep, dated_before: bool) -> None:
        if step.kind == "system_clock" and not dated_before:
            periods.moved(step.jump_ns)

    keeper = StorageLoop(
        outbox,
        ledger,
        store,
        periods,
        times,
        time,
        device=config.device.id,
        topic=topics.effort,
        keep_days=config.effort.keep_days,
        wake=wake,
        send_excerpt=None if publisher is None or config.mqtt.excerpt_kb is None else publisher.publish_excerpt,
        excerpt_bytes=1000 * (config.mqtt.excerpt_kb or 0),
    )
    longest_s = model.rules.max_length_s
    levels = StreamLevels.from_config(config, rate, longest_s, 3 * spec.window_seconds, ledger.band_minute)
    announcer = DetectionReporter(
        Origin(
            device=config.device.id,
            stream=session.id,
            label=metadata.label,
            model=ModelReference(name=metadata.name, version=metadata.version, digest=model.model.digest),
            backend=model.backend.name,
            threshold=model.rules.threshold,
            rate=rate,
            channel=config.audio.channel,
            position=Position.from_config(config.device),
        ),
        topics,
        times,
        outbox,
        deliveries,
        book,
        online=lambda: publisher is not None and publisher.report().state == "online",
        wake=wake,
        recorder=_recorder(config, rate, longest_s, spec.window_seconds),
        clips_rest=lambda: store is None or store.report().resting,
        keep_clip=keeper.keep_clip,
        levels=levels,
        stepped=stepped,
        source=source.name,
    )
    pipeline = Pipeline(
        spec, model.backend, model.rules, source_rate=source.rate, hop=model.hop, call_band_hz=metadata.call_band_hz
    )
    condition = HealthCollector(
        book,
        source=source,
        queue=sound,
        queue_blocks=max(1, round(config.audio.ring_s * 1000 / config.audio.block_ms)),
        times=times,
        outbox=outbox,
        ledger=ledger,
        keeper=keeper,
        store=store,
        model_file=model.model,
        backend=model.backend,
        board=dependencies.board,
        levels=levels,
        mqtt=lambda: None if publisher is None else publisher.report(),
        time=time,
    )
    return Components(
        topics=topics,
        counters=book,
        queue=sound,
        capture=CaptureLoop(source, sound, time),
        scoring=ScoringLoop(pipeline, times, ledger, book, announcer, time),
        reporter=announcer,
        storage=keeper,
        outbox=outbox,
        ledger=ledger,
        store=store,
        publisher=publisher,
        schedule=ScheduleRunner(schedule_from_config(config.schedule), source.listen, time),
        health=condition,
    )


def _publisher(
    config: Config, dependencies: Dependencies, topics: Topics, deliveries: TimedMailbox
) -> Publisher | None:
    mqtt = config.mqtt
    if not mqtt.enabled:
        return None
    announcements = []
    if mqtt.home_assistant.enabled:
        announcements = discovery(topics, mqtt.home_assistant.prefix, config.device.name)
    return Publisher(
        mqtt,
        config.device.id,
        deliveries,
        link=dependencies.link,
        time=dependencies.time,
        rng=dependencies.rng,
        environment=dependencies.environment,
        announcements=announcements,
    )


def _recorder(config: Config, rate: int, longest_event_s: float, window_s: float) -> ClipRecorder | None:
    clips = config.clips
    if not clips.enabled:
        return None
    return ClipRecorder(
        rate,
        ring_s=ring_s(clips.margin_s, longest_event_s, window_s),
        margin_s=clips.margin_s,
        max_length_s=clips.max_length_s,
        file_format=clips.format,
    )


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
