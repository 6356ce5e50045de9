"""Which recordings follow each other without a gap: one recorder's, cut into files.

Recordings are of one recorder if they lie in one folder, have the same rate and number of channels, and names that
differ in the time alone; a number behind the time, or any number in a name without a time, may count up by one. One
follows another if it begins where that one ends. Names tell the time to a second as a rule, and a recorder's clock and
its samples drift apart while a file is written: up to `TOLERANCE_S`, and `DRIFT` of the file's length, is no gap and no
overlap.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from edge_daemon.audio.file_name import stem_and_ending
from edge_daemon.audio.start_time import without_times

TOLERANCE_S = 1.0
"""Names have a resolution of one second."""
DRIFT = 50e-6
"""Of a quartz without temperature compensation, from 0 to 40 °C."""


@dataclass(frozen=True, slots=True)
class RecorderName:
    """What a file's name tells of its recorder.

    Attributes:
        text: the name without what changes from file to file.
        counters: numbers that may count the files.
    """

    text: str
    counters: tuple[int, ...]

    @classmethod
    def of(cls, name: str) -> RecorderName:
        """From a file's name, without folders."""
        stem, ending = stem_and_ending(name)
        before, time, after = without_times(stem).rpartition("*")
        counters = tuple(int(number) for number in re.findall(r"[0-9]+", after))
        return cls(before + time + re.sub(r"[0-9]+", "#", after) + ending, counters)

    def before(self) -> list[tuple[int, ...]]:
        """Counters of the file before this one: the same, or one of them less by one."""
        lower = (
            (*self.counters[:place], number - 1, *self.counters[place + 1 :])
            for place, number in enumerate(self.counters)
        )
        return [self.counters, *lower]


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """When a recording was made, and by which recorder.

    Attributes:
        recorder: folder, name without what changes, rate, channels.
        name: the file's.
        begin_ns: nanoseconds since 1970 UTC.
        length_ns: of its sound, > 0.
        pause_ns: how long the recorder paused within it.
    """

    recorder: tuple[object, ...]
    name: RecorderName
    begin_ns: int
    length_ns: int
    pause_ns: int = 0

    @property
    def end_ns(self) -> int:
        """When its last sample was over."""
        return self.begin_ns + self.length_ns + self.pause_ns

    @property
    def tolerance_ns(self) -> int:
        """How far from this one's end the next one may begin."""
        return round(TOLERANCE_S * 1e9 + DRIFT * self.length_ns)


@dataclass(frozen=True, slots=True)
class Seam:
    """Where one recording of a recorder ends and its next begins, with sound missing or there twice.

    Attributes:
        place: index of the later one.
        seconds: between them; negative where they overlap.
    """

    place: int
    seconds: float


def continuous(spans: Iterable[tuple[int, RecordedSpan]]) -> tuple[list[list[int]], list[Seam]]:
    """As `in_runs`, of spans in any order."""
    return in_runs(sorted(spans, key=lambda one: (one[1].begin_ns, one[0])))


def in_runs(spans: Iterable[tuple[int, RecordedSpan]]) -> tuple[list[list[int]], list[Seam]]:
    """Sort recordings into runs without a gap.

    Args:
        spans: index of each recording, and when it was made, in order of time.

    Returns:
        The runs, each of one index or more in order of time; and the seams between runs of one recorder.
    """
    ends: dict[tuple[object, ...], list[tuple[int, RecordedSpan, list[int]]]] = defaultdict(list)
    runs: list[list[int]] = []
    seams: list[Seam] = []
    for place, span in spans:
        keys = [(*span.recorder, span.name.text, counters) for counters in span.name.before()]
        run: list[int] | None = None
        for key in keys:  # the same numbers go before a count
            near = [end for end in ends.get(key, ()) if abs(span.begin_ns - end[1].end_ns) <= end[1].tolerance_ns]
            if near:
                chosen = min(near, key=lambda end: abs(span.begin_ns - end[1].end_ns))
                ends[key].remove(chosen)
                run = chosen[2]
                break
        if run is None:
            run = []
            runs.append(run)
            before = max(chain.from_iterable(ends.get(key, ()) for key in keys), key=_end, default=None)
            # files that count up and lie over each other are channels, not one recorder's sound twice
            if before is not None and (before[1].name == span.name or before[1].end_ns < span.begin_ns):
                seams.append(Seam(place, (span.begin_ns - before[1].end_ns) / 1e9))
        run.append(place)
        # what has ended long ago is of no use any more; one is left, to tell the next seam from
        ends[keys[0]] = [end for end in ends[keys[0]] if end[1].end_ns + end[1].tolerance_ns >= span.begin_ns]
        ends[keys[0]].append((place, span, run))
    return runs, seams


def _end(end: tuple[int, RecordedSpan, list[int]]) -> int:
    return end[1].end_ns
