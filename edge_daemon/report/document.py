"""What the page's script is given: one JSON document of plain numbers and texts.

Names, sentences and figures go into it as text and are shown as text; nothing in it is ever taken for HTML.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_daemon.clock.utc import moment
from edge_daemon.presence.periods import PresenceRule
from edge_daemon.report.calendar import hourly_effort
from edge_daemon.report.entry import Entry, Listened
from edge_daemon.report.gathering import Gathering
from edge_daemon.report.timeline import Track, tracks

Lines = Sequence[tuple[str, str]]
"""(name, text) pairs, shown as a table; an empty name goes on with the one above."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page says about the run beyond its detections.

    Attributes:
        label: what was looked for.
        model: its name and version.
        digest: of the model file.
        device: what detections name as their device.
        threshold: score of a call.
        threshold_low: score down to which an event goes on.
        call_band_hz: where the species calls.
        settings: how the run was made.
        card: what the model file says of itself.
        presence: by which the calendar judges hours.
        context_s: how far back calls raised scores before these thresholds; 0: they did not.
    """

    label: str
    model: str
    digest: str
    device: str
    threshold: float
    threshold_low: float
    call_band_hz: tuple[float, float]
    settings: Lines = ()
    card: Lines = ()
    presence: PresenceRule = field(default_factory=PresenceRule)
    context_s: float = 0.0


def document(
    gathering: Gathering, entries: Sequence[Entry], facts: Facts, *, pictured: int, top_hz: float, speed: int
) -> dict[str, Any]:
    """The document.

    Args:
        gathering: the run.
        entries: detections to list, best score first.
        facts: about the run.
        pictured: how many of the entries, from the first, have picture and sound.
        top_hz: upper edge of the pictures.
        speed: at which the player begins.
    """
    lanes = tracks(gathering.recordings)
    return {
        "report": identity(facts, gathering.recordings),
        "label": facts.label,
        "threshold": facts.threshold,
        "thresholdLow": facts.threshold_low,
        "contextS": facts.context_s,
        "topHz": top_hz,
        "callBandHz": facts.call_band_hz,
        "speed": speed,
        "total": gathering.detections,
        "pictured": pictured,
        "figures": figures(gathering, facts),
        "sections": _sections(gathering, facts),
        "tracks": [_track(lane) for lane in lanes],
        "recordings": _recordings(gathering.recordings, lanes),
        "effort": hourly_effort(gathering.recordings, facts.presence),
        "presence": _presence(facts.presence),
        "listened": [_listened(recording) for recording in gathering.recordings],
        "rows": [_row(entry) for entry in entries],
    }


def _presence(rule: PresenceRule) -> dict[str, Any]:
    """What the page's script needs of the rule: it judges anew with each verdict."""
    return {
        "leastScore": rule.least_score,
        "detectedCalls": rule.detected_calls,
        "withinUs": rule.within_ns // 1000,
    }


def to_script(value: object) -> str:
    """JSON that may stand inside a script element: no `<` in a recording's name can end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def identity(facts: Facts, recordings: Sequence[Listened]) -> str:
    """Under which a browser keeps verdicts: the same for the same recordings, model and device at any threshold."""
    parts = [facts.device, facts.digest, *(recording.name for recording in recordings)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def figures(gathering: Gathering, facts: Facts) -> list[tuple[str, str, str]]:
    """The summary: (figure, what it is, remark)."""
    recorded = sum(recording.seconds for recording in gathering.recordings)
    lost = sum(seconds for cause, seconds in gathering.lost_s.items() if cause != "tail")
    listened = max(0.0, recorded - sum(gathering.lost_s.values()))
    rate = f"{gathering.detections / (listened / 3600):.1f}" if listened > 0 else "–"
    failed = len(gathering.failures)
    return [
        (f"{gathering.detections:,}", "detections", facts.label.replace("_", " ")),
        (rate, "detections per hour", "of sound analysed"),
        (length_text(listened), "analysed", f"{length_text(lost)} lost" if lost >= 0.05 else "nothing lost"),
        (
            f"{len(gathering.recordings):,}",
            "recording" if len(gathering.recordings) == 1 else "recordings",
            f"{failed:,} more could not be replayed" if failed else "all could be replayed",
        ),
        (*_period(gathering.recordings),),
        (f"{facts.threshold:g}", "threshold", f"model {facts.model}"),
    ]


def length_text(seconds: float) -> str:
    """A length for people: `45.0 s`, `15 min`, `3 h 20 min`, `12 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def _period(recordings: Sequence[Listened]) -> tuple[str, str, str]:
    begins = [recording.start_utc_ns for recording in recordings if recording.start_utc_ns is not None]
    ends = [
        recording.start_utc_ns + round(max(sum(span) for span in recording.spans()) * 1e9)
        for recording in recordings
        if recording.start_utc_ns is not None
    ]
    unknown = len(recordings) - len(begins)
    if not begins:
        return ("–", "time of day", "not known: times count from the beginning of each recording")
    first, last = moment(min(begins)), moment(max(ends))
    remark = f"{first:%H:%M} to {last:%H:%M} UTC" if first.date() == last.date() else f"to {last:%Y-%m-%d %H:%M} UTC"
    if unknown:
        remark += f"; {unknown:,} without a known time"
    return (f"{first:%Y-%m-%d}", "recorded", remark)


def _sections(gathering: Gathering, facts: Facts) -> list[dict[str, Any]]:
    lost = [(cause.replace("_", " "), length_text(seconds)) for cause, seconds in sorted(gathering.lost_s.items())]
    sections = [
        ("How this was made", list(facts.settings)),
        ("The model", list(facts.card)),
        ("Not analysed", lost),
        ("Recordings with problems", gathering.problems),
        ("Recordings that could not be replayed", gathering.failures),
    ]
    return [{"title": title, "lines": lines} for title, lines in sections if lines]


def _track(lane: Track) -> dict[str, Any]:
    return {
        "kind": lane.kind,
        "begin": round(lane.begin_s, 3),
        "end": round(lane.end_s, 3),
        "listened": [round(float(share), 2) for share in lane.listened],
        "lost": [round(float(share), 2) for share in lane.lost],
    }


def _recordings(recordings: Sequence[Listened], lanes: Sequence[Track]) -> list[tuple[str, int, float]]:
    """(name, track, begin on it) of each."""
    places = {number: (index, offset) for index, lane in enumerate(lanes) for number, offset in lane.offsets.items()}
    return [
        (recording.name, places.get(number, (0, 0.0))[0], round(places.get(number, (0, 0.0))[1], 3))
        for number, recording in enumerate(recordings)
    ]


def _listened(recording: Listened) -> dict[str, Any]:
    """What the table of recordings shows, and where after pauses its clock was ahead of its samples."""
    shown: dict[str, Any] = {
        "seconds": round(recording.seconds, 3),
        "detections": recording.detections,
        "lost": round(sum(gap.length_s for gap in recording.lost), 3),
        "source": recording.time_source,
        "remark": " ".join(recording.remarks),
    }
    if recording.stretches:
        shown["ahead"] = [(round(begin_s, 6), round(ahead_s, 6)) for begin_s, _, ahead_s in recording.spans()]
    return shown


def _row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.recording,
        round(entry.begin_s, 6),
        round(entry.end_s, 6),
        entry.peak_score,
        entry.mean_score,
        entry.windows,
        entry.low_hz,
        entry.high_hz,
        None if entry.rms_db is None else round(entry.rms_db, 1),
        int(entry.gaps),
        entry.at_us,
    )
