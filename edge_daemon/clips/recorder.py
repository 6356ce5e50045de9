"""The sound of each event, cut out of the recent past with a margin on both sides.

A detection that can be listened to can be judged. The recorder keeps the last seconds of sound in a ring, at the
model's rate: that is the band in which the decision was made, and a minute of it is 0.5 MB of memory and, as FLAC,
some 200 kB on the card (right whales' up-calls lie below 400 Hz; the model hears to 1 kHz). Feeding it the device's
own rate works the same where more is wanted.

When an event ends, `request` gives the clip's name at once, for the detection to carry; the clip is ready when the
margin after the event has been heard, or the stream has ended. Gaps inside are silence and are listed in the metadata.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_daemon import __version__
from edge_daemon.audio.source import Block, Gap
from edge_daemon.clips import guano
from edge_daemon.clock.time_source import SECOND_NS

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
        position: latitude and longitude, degrees (WGS 84), if known.
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
    position: tuple[float, float] | None = None


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


class ClipRecorder:
    """The recent past, and the clips being cut from it; one thread feeds it.

    Args:
        rate: samples per second of what is fed.
        ring_s: how far back one can reach, seconds: longest event + margin + the pipeline's delay.
        margin_s: sound kept before and after an event, seconds.
        max_length_s: longest clip, seconds; of longer events the begin is kept.
        file_format: "flac" or "wav", for the name.
        max_waiting: clips that wait for their margin at most.
    """

    def __init__(
        self,
        rate: int,
        *,
        ring_s: float,
        margin_s: float,
        max_length_s: float,
        file_format: Format = "flac",
        max_waiting: int = 16,
    ) -> None:
        self._rate = rate
        self._ring = np.zeros(max(1, round(ring_s * rate)), np.float32)
        self._margin = round(margin_s * rate)
        self._max_length = max(1, round(max_length_s * rate))
        self._format: Format = file_format
        self._max_waiting = max_waiting
        self._first: int | None = None  # first sample of the stream that was fed
        self._end = 0  # sample after the newest
        self._gaps: deque[Gap] = deque()
        self._waiting: deque[tuple[str, int, int, ClipRequest]] = deque()
        self.missed = 0
        """Clips not made: too many waited, or the sound was no longer there."""

    def add(self, block: Block) -> None:
        """Take in sound; samples must come in order, and what is left out is silence."""
        if self._first is None:
            self._first = self._end = block.start
        if block.start > self._end:
            self.skip(Gap(self._end, block.start - self._end, "read_error"))
        self._write(block.samples[max(0, self._end - block.start) :])

    def skip(self, gap: Gap) -> None:
        """Take in a gap: silence of its length."""
        if self._first is None:
            self._first = self._end = gap.start
        length = gap.end - self._end
        if length <= 0:
            return
        self._gaps.append(Gap(self._end, length, gap.cause))
        self._write(np.zeros(min(length, len(self._ring)), np.float32), length)
        while self._gaps and self._gaps[0].end <= self._oldest():
            self._gaps.popleft()

    def request(self, request: ClipRequest) -> str | None:
        """Ask for an event's sound; returns the name its clip will have, or None if there will be none."""
        begin = max(request.begin - self._margin, self._oldest())
        end = min(request.end + self._margin, begin + self._max_length)
        if len(self._waiting) >= self._max_waiting or end <= begin or self._first is None:
            self.missed += 1
            return None
        begin_utc_ns = request.begin_utc_ns + (begin - request.begin) * SECOND_NS // self._rate
        name = clip_name(request.device, begin_utc_ns, request.id, self._format)
        self._waiting.append((name, begin, end, request))
        return name

    def ready(self, *, final: bool = False) -> list[Clip]:
        """Clips whose margin has been heard; with `final`, all, as far as sound is there."""
        waiting, self._waiting = self._waiting, deque()
        clips = []
        for name, begin, end, request in waiting:
            if end > self._end and not final:
                self._waiting.append((name, begin, end, request))
                continue
            first, last = max(begin, self._oldest()), min(end, self._end)
            if last <= first:
                self.missed += 1
                continue
            samples = self._ring[np.arange(first, last) % len(self._ring)]
            gaps = [
                Gap(max(gap.start, first) - first, min(gap.end, last) - max(gap.start, first), gap.cause)
                for gap in self._gaps
                if gap.start < last and gap.end > first
            ]
            clips.append(Clip(name, samples, self._rate, first, request, tuple(gaps)))
        return clips

    def _oldest(self) -> int:
        return max(self._first or 0, self._end - len(self._ring))

    def _write(self, samples: NDArray[np.float32], length: int | None = None) -> None:
        """Append samples; `length` is given where it is more than there are (a gap longer than the ring)."""
        end = self._end + (len(samples) if length is None else length)
        samples = samples[-len(self._ring) :]
        self._ring[np.arange(end - len(samples), end) % len(self._ring)] = samples
        self._end = end


def clip_name(device: str, begin_utc_ns: int, identity: str, file_format: Format) -> str:
    """`2009-03-29/buoy-7_20090329T121503.250Z_3e0a8d0c.flac`: a folder per day, time of the first sample, identity."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=begin_utc_ns // 1000)
    safe_device = re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip(".-") or "device"
    safe_identity = re.sub(r"[^A-Za-z0-9]+", "", identity)[:8] or "0"
    time = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
    return f"{moment:%Y-%m-%d}/{safe_device}_{time}_{safe_identity}.{file_format}"


def guano_fields(clip: Clip) -> dict[str, str]:
    """The clip's GUANO metadata; fields that the specification does not know are under EdgeDaemon."""
    request, rate = clip.request, clip.rate
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=clip.begin_utc_ns // 1000)
    event_s = [(sample - clip.begin) / rate for sample in (request.begin, request.end)]
    fields = {
        "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
        "Samplerate": str(rate),
        "Length": f"{len(clip.samples) / rate:.6f}",
        "Serial": request.device,
        "Model": request.source,
        "Firmware Version": f"edge-daemon {__version__}",
        "Loc Position": "{:.6f} {:.6f}".format(*request.position) if request.position else "",
        "Species Auto ID": request.label,
        "Original Filename": clip.name,
        "EdgeDaemon|Detection": request.id,
        "EdgeDaemon|Score": f"{request.score:.6f}",
        "EdgeDaemon|Event": f"{event_s[0]:.6f} {event_s[1]:.6f}",
        "EdgeDaemon|Clock": request.clock,
        "EdgeDaemon|Model": request.model,
        "EdgeDaemon|Gaps": ", ".join(f"{g.start / rate:.6f} {g.end / rate:.6f} {g.cause}" for g in clip.gaps),
    }
    return {key: value for key, value in fields.items() if value}


def encode_clip(clip: Clip) -> bytes:
    """The file of a clip, in the format of its name: 24 bit, mono, GUANO metadata inside.

    24 bit, because a quiet sea uses only the lowest bits of 16, and lossless packing does not pay for empty ones.
    """
    import soundfile

    text = guano.encode(guano_fields(clip))
    file_format = "WAV" if clip.name.endswith(".wav") else "FLAC"
    buffer = BytesIO()
    with soundfile.SoundFile(buffer, "w", clip.rate, 1, "PCM_24", format=file_format) as file:
        if file_format == "FLAC":
            file.comment = text
            file.date = guano_fields(clip)["Timestamp"]
            file.artist = clip.request.device
        # libsndfile would cut off where FLAC rounds; the same clip is to be the same samples in either
        steps = np.clip(np.rint(clip.samples * np.float64(2**23)), -(2**23), 2**23 - 1).astype(np.int32)
        # not `write`, which asks the array for its interface, names that Python interns (see `clip_files`)
        file.buffer_write((steps << 8).tobytes(), "int32")
    return guano.attach_to_wav(buffer.getvalue(), text) if file_format == "WAV" else buffer.getvalue()
