"""When a recording began, from whoever knows best: the user, what the recorder wrote into the file, the file's name.

What the metadata state counts before what the name says, for names are written by people, too. Both are compared; where
they contradict each other that is said, and so is a time that nobody can have recorded at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import accumulate, pairwise
from typing import Literal

from edge_daemon.audio.metadata.audiomoth import audiomoth_time
from edge_daemon.audio.metadata.bext import bext_time
from edge_daemon.audio.metadata.chunks import Chunks, read_chunks
from edge_daemon.audio.metadata.date_tag import date_tag_time
from edge_daemon.audio.metadata.guano import guano_time
from edge_daemon.audio.metadata.harp import RawFile, raw_files
from edge_daemon.audio.metadata.soundtrap import soundtrap_time
from edge_daemon.audio.metadata.stated_time import StatedTime
from edge_daemon.audio.metadata.wamd import wamd_time
from edge_daemon.audio.start_time import StartTime, implausible, read_name
from edge_daemon.audio.stretches import Stretch
from edge_daemon.audio.time_zone import offset_zone, zone_text

_NEAR = timedelta(seconds=5)  # a name is written when the file is made, a header when sound comes
_JOINED = timedelta(seconds=0.1)  # raw files that lie no further apart follow each other
_LOG = "SoundTrap log"  # in UTC, beside files that their program names in local time


@dataclass(frozen=True, slots=True)
class RecordingStart:
    """When a recording began.

    Attributes:
        start: the time, or None if nobody knows.
        told_by: who knows it.
        stretches: where the recorder has paused within the file: all of them, the first one too; else empty.
        remarks: sentences on contradictions and on times that were not believed.
    """

    start: StartTime | None = None
    told_by: Literal["given", "header", "file_name"] | None = None
    stretches: tuple[Stretch, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def source(self) -> str | None:
        """Where the time comes from and how its zone is known, for people and tables; None without a time."""
        if self.start is None:
            return None
        if self.told_by == "given":
            return f"--start; {self.start.note}"
        if self.told_by == "header":
            return f"{self.start.convention}; {self.start.note}"
        return f"file name ({self.start.convention}); {self.start.note}"


def recording_start(
    path: str | os.PathLike[str],
    given: StartTime | None = None,
    zone: tzinfo | None = None,
    now: datetime | None = None,
    chunks: Chunks | None = None,
) -> RecordingStart:
    """Find out when a recording began.

    Args:
        path: the file; one that cannot be read has its name only.
        given: what the user said.
        zone: of times that do not tell theirs; None assumes UTC.
        now: what time it is; None asks the clock.
        chunks: the file's metadata; None reads them.
    """
    found = _told(path, read_chunks(path) if chunks is None else chunks, given, zone, now)
    remark = _changing_clock(found.start, zone)
    return replace(found, remarks=(*found.remarks, remark)) if remark else found


def _changing_clock(start: StartTime | None, zone: tzinfo | None) -> str | None:
    """A sentence on a local time in an hour that comes twice, or never, where clocks are put back or forward."""
    if zone is None or start is None or start.local is None or not start.note.endswith("given"):
        return None
    first, second = (start.local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first == second:
        return None
    how = "comes twice: the first is used" if first > second else "does not exist: clocks were put forward then"
    return f"Its local time {start.local:%Y-%m-%d %H:%M:%S} in {zone_text(zone)} {how}."


def _told(
    path: str | os.PathLike[str], chunks: Chunks, given: StartTime | None, zone: tzinfo | None, now: datetime | None
) -> RecordingStart:
    raws = [raw for raw in raw_files(chunks.by_name.get("harp")) if implausible(_from_raw(raw), now) is None]
    stretches, misfit = _stretches(raws, chunks)
    remarks = [misfit] if misfit else []
    if given is not None:
        shift = given.utc - stretches[0].utc if stretches else timedelta(0)
        moved = tuple(replace(stretch, utc=stretch.utc + shift) for stretch in stretches)
        return RecordingStart(given, "given", moved, tuple(remarks))
    named = read_name(path, zone, now)
    remarks += [f"{named.refused[0].upper()}{named.refused[1:]}: it is not believed."] if named.refused else []
    header = None
    for stated in _stated(path, chunks, raws):
        start = _place(stated, zone)
        reason = implausible(start, now)
        if reason is not None:
            remarks.append(f"The time of its {stated.source}, {_text(start)}, is {reason}: it is not believed.")
        elif header is None:
            header = (stated, start)
        elif stated.moment.tzinfo is not None and abs(header[1].utc - start.utc) > _NEAR:
            used = f"The {header[0].source} says {_text(header[1])}, its {stated.source} {_text(start)}"
            remarks.append(f"{used}: the former is used.")
    if header is None:
        return _by_name_or_tag(named.start, date_tag_time(chunks.tags), zone, now, remarks)
    stated, start = header
    if named.start is not None and not _agree(stated, start, named.start):
        by_name = stated.moment.tzinfo is None and _tells_zone(named.start)
        remarks.append(
            f"Its {stated.source} says {_text(start)}, its name {_text(named.start)}:"
            f" the {'name' if by_name else 'former'} is used."
        )
    if named.start is not None and stated.moment.tzinfo is None and _tells_zone(named.start):
        return RecordingStart(named.start, "file_name", (), tuple(remarks))
    return RecordingStart(start, "header", stretches if stated.source == _HARP else (), tuple(remarks))


def _by_name_or_tag(
    named: StartTime | None, tag: StatedTime | None, zone: tzinfo | None, now: datetime | None, remarks: list[str]
) -> RecordingStart:
    """The start where no recorder's own header tells it: a tag may be of the day on which the file was converted."""
    start = None if tag is None else _place(tag, zone)
    reason = None if start is None else implausible(start, now)
    if tag is None or start is None or reason is not None:
        if tag is not None and start is not None:
            remarks.append(f"The time of its {tag.source}, {_text(start)}, is {reason}: it is not believed.")
        return RecordingStart(named, "file_name" if named else None, (), tuple(remarks))
    if named is None or (named.zone_assumed and tag.moment.tzinfo is not None and _same_clock(start, named)):
        return RecordingStart(start, "header", (), tuple(remarks))  # of the same clock, the tag tells the zone
    if not _agree(tag, start, named):
        remarks.append(f"Its {tag.source} says {_text(start)}, its name {_text(named)}: the name is used.")
    return RecordingStart(named, "file_name", (), tuple(remarks))


_HARP = "HARP raw file"


def _stated(path: str | os.PathLike[str], chunks: Chunks, raws: list[RawFile]) -> Iterator[StatedTime]:
    """All times that the metadata state, those with a zone first."""
    times = [
        StatedTime(raws[0].utc, _HARP) if raws else None,
        audiomoth_time(chunks.comments),
        guano_time(chunks.by_name.get("guan"), chunks.comments),
        wamd_time(chunks.by_name.get("wamd")),
        soundtrap_time(path),
        bext_time(chunks.by_name.get("bext")),
    ]
    known = [time for time in times if time is not None]
    yield from sorted(known, key=lambda time: time.moment.tzinfo is None)


def _from_raw(raw: RawFile) -> StartTime:
    return StartTime(raw.utc, _HARP, "")


def _place(stated: StatedTime, zone: tzinfo | None) -> StartTime:
    """The time in UTC, with the zone that the metadata tell, or else the one given, or else UTC."""
    moment, told = stated.moment, stated.moment.tzinfo
    used = told or zone or UTC
    if told is not None:
        offset = told.utcoffset(moment) or timedelta(0)
        note = f"zone {zone_text(timezone(offset))} in the header"
    else:
        note = f"zone {zone_text(zone)} given" if zone else "no zone in the header: UTC assumed"
    try:
        utc = moment.replace(tzinfo=used).astimezone(UTC)
    except OverflowError:  # year 1 or 9999 and a zone
        utc = moment.replace(tzinfo=UTC)
    return StartTime(
        utc, stated.source, note, zone_assumed=used is UTC and told is None, local=moment.replace(tzinfo=None)
    )


def _tells_zone(named: StartTime) -> bool:
    """Whether the name itself tells the zone."""
    return not named.zone_assumed and not named.note.endswith("given")


def _agree(stated: StatedTime, start: StartTime, named: StartTime) -> bool:
    """Whether metadata and name can both be right."""
    if abs(start.utc - named.utc) <= _NEAR:
        return True
    if named.local is None or start.local is None:
        return False
    if stated.moment.tzinfo is None:
        return abs(start.local - named.local) <= _NEAR or abs(start.local - named.utc.replace(tzinfo=None)) <= _NEAR
    if not named.zone_assumed:
        return False
    if _same_clock(start, named):
        return True
    return stated.source == _LOG and _a_zone_apart(named.local - start.local)


def _same_clock(start: StartTime, named: StartTime) -> bool:
    """Whether both write the same day and hour, whatever the zone."""
    return start.local is not None and named.local is not None and abs(start.local - named.local) <= _NEAR


def _a_zone_apart(distance: timedelta) -> bool:
    minutes = round(distance.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    near = abs(distance - timedelta(minutes=minutes)) <= _NEAR
    return near and offset_zone("+" if minutes >= 0 else "-", hours, rest) is not None


def _stretches(raws: list[RawFile], chunks: Chunks) -> tuple[tuple[Stretch, ...], str | None]:
    """Where the recorder paused between raw files; empty if nowhere. And a sentence if they do not fit the sound."""
    if len(raws) < 2 or not chunks.frame_bytes or not chunks.rate:
        return (), None
    lengths = [raw.length for raw in raws]
    offsets = [raw.offset for raw in raws]
    behind = [0, *accumulate(lengths)]
    there = chunks.sound_bytes or behind[-1]
    apart = all(one + length <= other for (one, other), length in zip(pairwise(offsets), lengths[:-1], strict=True))
    if not apart or offsets[-1] + chunks.frame_bytes > there:
        if behind[-2] + chunks.frame_bytes > there:
            return (), "The raw files that its harp chunk tells of do not fit its sound: only the first begin is used."
        offsets = behind[:-1]  # places of another file, from which this one was made
    per_second = chunks.frame_bytes * chunks.rate
    stretches = [Stretch(0, raws[0].utc)]
    for before, raw, offset in zip(raws[:-1], raws[1:], offsets[1:], strict=True):
        pause = raw.utc - before.utc - timedelta(seconds=before.length / per_second)
        if abs(pause) > _JOINED:
            stretches.append(Stretch(offset // chunks.frame_bytes, raw.utc))
    return (tuple(stretches), None) if len(stretches) > 1 else ((), None)


def _text(start: StartTime) -> str:
    return f"{start.utc:%Y-%m-%d %H:%M:%S} UTC"
