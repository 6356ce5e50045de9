"""The sound of each event, cut out of the recent past with a margin on both sides.

A detection that can be listened to can be judged. Clips have the model's rate: that is the band in which the decision
was made, and a minute of it is, as FLAC, some 200 kB on the card (right whales' up-calls lie below 400 Hz; the model
hears to 1 kHz). Feeding the recent sound at the device's own rate works the same where more is wanted.

When an event ends, `request` gives the clip's name at once, for the detection to carry; the clip is ready when the
margin after the event has been heard, or the stream has ended. Gaps inside are silence and are listed in the metadata.
"""

from __future__ import annotations

from collections import deque

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.source import Gap
from edge_daemon.clips.clip import Clip, ClipRequest, Format, clip_name
from edge_daemon.clock.time_source import SECOND_NS


class ClipRecorder:
    """The clips being cut from the recent sound; one thread drives it.

    Args:
        recent: the sound; as much of it is reserved as clips reach back.
        longest_event_s: longest event, seconds. Of events beyond ten minutes (5 MB of memory) the begin may be lacking.
        delay_s: what passes after an event until it is known, seconds.
        margin_s: sound kept before and after an event, seconds.
        max_length_s: longest clip, seconds; of longer events the begin is kept.
        file_format: "flac" or "wav", for the name.
        max_waiting: clips that wait for their margin at most.
    """

    def __init__(
        self,
        recent: RecentSound,
        *,
        longest_event_s: float,
        delay_s: float,
        margin_s: float,
        max_length_s: float,
        file_format: Format = "flac",
        max_waiting: int = 16,
    ) -> None:
        self._recent = recent
        self._reach_s = min(longest_event_s, 600.0) + delay_s
        self.change(margin_s, max_length_s)
        self._format: Format = file_format
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[str, int, int, ClipRequest]] = deque()
        self._lost: list[str] = []
        self.missed = 0
        """Clips not made: too many waited, or the sound was no longer there."""

    def change(self, margin_s: float, max_length_s: float) -> None:
        """Another margin and longest clip for events from now on; sound that is gone does not come back."""
        self._recent.reserve(self._reach_s + 2 * margin_s)
        self._margin = round(margin_s * self._recent.rate)
        self._max_length = max(1, round(max_length_s * self._recent.rate))

    def request(self, request: ClipRequest) -> str | None:
        """Ask for an event's sound; returns the name its clip will have, or None if there will be none."""
        begin = max(request.begin - self._margin, self._recent.oldest)
        end = min(request.end + self._margin, begin + self._max_length)
        if len(self._waiting) >= self._max_waiting or end <= begin or not self._recent.end:
            self.missed += 1
            return None
        begin_utc_ns = request.begin_utc_ns + (begin - request.begin) * SECOND_NS // self._recent.rate
        name = clip_name(request.device, begin_utc_ns, request.id, self._format)
        self._waiting.append((name, begin, end, request))
        return name

    def ready(self, *, final: bool = False) -> list[Clip]:
        """Clips whose margin has been heard; with `final`, all, as far as sound is there."""
        waiting, self._waiting = self._waiting, deque()
        clips = []
        for name, begin, end, request in waiting:
            if end > self._recent.end and not final:
                self._waiting.append((name, begin, end, request))
                continue
            first, samples, missing = self._recent.excerpt(begin, end)
            if not len(samples):
                self.missed += 1
                self._lost.append(name)
                continue
            gaps = tuple(Gap(gap.start - first, gap.length, gap.cause) for gap in missing)
            clips.append(Clip(name, samples, self._recent.rate, first, request, gaps))
        return clips

    def take_lost(self) -> list[str]:
        """Names that were given and whose sound was no longer there when it was cut; each is told once."""
        lost, self._lost = self._lost, []
        return lost
