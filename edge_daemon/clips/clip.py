"""A clip: the sound of one event, with a margin on both sides, and what is known of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Gap
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import moment, nanoseconds
from edge_daemon.position.position import Position

Format = Literal["flac", "wav"]


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """An event whose sound is wanted.

    Attributes:
        id: identity of the detection.
        begin: first sample of the event, at the ring's rate.
        end: sample after its last one.
        begin_utc_ns: UTC of the first sample, ns.
        clock: what that rests on.
        device: identity of the buoy.
        label: what was detected.
        score: peak score.
        source: what the sound came from: name of the sound card.
        model: name and digest of the model.
        position: where that was, if known.
    """

    id: str
    begin: int
    end: int
    begin_utc_ns: int
    clock: str
    device: str
    label: str
    score: float
    source: str = ""
    model: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip ready to be stored.

    Attributes:
        name: path below the clip folder, with slash.
        samples: float32 [n], full scale ±1.
        rate: samples per second.
        begin: first sample in the stream.
        gaps: missing sound within: offset and length in samples of the clip, cause.
        request: whose sound it is.
    """

    name: str
    samples: NDArray[np.float32]
    rate: int
    begin: int
    request: ClipRequest
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def begin_utc_ns(self) -> int:
        """UTC of the first sample, ns."""
        return self.request.begin_utc_ns + (self.begin - self.request.begin) * SECOND_NS // self.rate


_BEGIN = re.compile(r"_(\d{8}T\d{6})\.(\d{3})Z_[A-Za-z0-9]+\.[a-z0-9]+$")


def clip_begin(name: str) -> int | None:
    """UTC of a clip's first sample by its name, ns, to a millisecond; None if the name does not tell."""
    found = _BEGIN.search(name)
    try:
        at = None if found is None else datetime.strptime(f"{found[1]}.{found[2]}000+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        return None
    return None if at is None else nanoseconds(at)


def clip_name(device: str, begin_utc_ns: int, identity: str, file_format: Format) -> str:
    """`2009-03-29/buoy-7_20090329T121503.250Z_3e0a8d0c.flac`: a folder per day, time of the first sample, identity."""
    at = moment(begin_utc_ns)
    safe_device = re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip(".-") or "device"
    safe_identity = re.sub(r"[^A-Za-z0-9]+", "", identity)[:8] or "0"
    time = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
    return f"{at:%Y-%m-%d}/{safe_device}_{time}_{safe_identity}.{file_format}"
