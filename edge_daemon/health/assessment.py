"""The judgement on a health document: ok, warning or failing, and every reason for it in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from edge_daemon.health.board import HOT_C
from edge_daemon.health.counters import CounterReport
from edge_daemon.health.document import HealthDocument
from edge_daemon.health.link_assessment import link_warnings

FEW_INODES = 1000
"""Fewer files than this that a disk still takes are a warning: a day of clips."""


def assess(
    document: HealthDocument,
    counted: CounterReport,
    problems: Sequence[str] = (),
    *,
    silence_limit_s: float = 30.0,
    disk_warning_mb: float = 200.0,
) -> HealthDocument:
    """The document with its state and the reasons for it.

    Args:
        document: as the parts of the daemon report.
        counted: what its counts come from.
        problems: sentences on what else works, but should be looked at.
        silence_limit_s: without a score for longer than this something is wrong.
        disk_warning_mb: less free disk than this is a warning.
    """
    failing = _failures(document, counted, silence_limit_s)
    warnings = [*_warnings(document, disk_warning_mb), *problems]
    state = "failing" if failing else "warning" if warnings else "ok"
    return document.model_copy(update={"state": state, "reasons": (*failing, *warnings)})


def _failures(document: HealthDocument, counted: CounterReport, silence_limit_s: float) -> list[str]:
    """Why no sound is being analysed that should be."""
    heard = document.input
    if heard is not None and heard.phase == "paused":
        return []
    found: list[str] = []
    if heard is not None and heard.phase == "waiting":
        reason = heard.last_error.removesuffix(".") or "the input does not answer"
        found.append(f"no sound: {reason}")
    if heard is not None and heard.dead_input:
        found.append("the samples do not change: is the hydrophone connected?")
    elif heard is not None and heard.sound.state == "broken":
        found += heard.sound.reasons.values()
    if counted.silent_s > silence_limit_s:
        if counted.lost_for == "non_finite":
            found.append("the samples are not numbers: does audio.sample_format match the input?")
        found.append(f"no window scored for {counted.silent_s:.0f} s")
    return found


def _warnings(document: HealthDocument, disk_warning_mb: float) -> list[str]:
    """What works, but should be looked at."""
    found: list[str] = []
    mqtt, outbox, board, heard = document.mqtt, document.outbox, document.board, document.input
    if heard is not None and heard.sound.state == "doubtful" and heard.phase != "paused":
        found += heard.sound.reasons.values()
    if mqtt is not None:
        found += link_warnings(mqtt)
    if outbox is not None and not outbox.available:
        found.append(f"the outbox cannot be stored on disk: {outbox.reason}")
    dropped = 0 if outbox is None else sum(outbox.dropped.values())
    if dropped:
        found.append(f"{dropped} messages dropped")
    if document.clock is not None and document.clock.state == "unsynchronised":
        found.append("the clock is not synchronised")
    if document.position is not None and document.position.state != "fix":
        found.append(f"the position is not known: {document.position.reason}")
    if document.model is not None and document.model.fallback:
        found.append(f"the configured backend has failed; {document.model.backend} has taken over")
    if "inference_behind" in document.gaps:
        found.append("scoring cannot keep up with the sound")
    if board is not None:
        found += [f"the board reports {name}" for name in board.throttling]
        if board.disk_free_mb is not None and board.disk_free_mb < disk_warning_mb:
            found.append(f"{board.disk_free_mb:.0f} MB of disk space left")
        if board.inodes_free is not None and board.inodes_free < FEW_INODES:
            found.append(f"the disk takes only {board.inodes_free} more files, whatever space is left: delete some")
        if board.temperature_c is not None and board.temperature_c >= HOT_C:
            found.append(f"the processor is at {board.temperature_c:.0f} °C")
    return found
