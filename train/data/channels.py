"""Marks and channels: which of an analyst's marks count where one channel of a recording is judged.

Where marks of a recording with several channels name the judged one, those count, and marks without a channel. Sound
that is marked on other channels alone may be heard on the judged one as well, since analysts mark a call where it is
plainest: it is no call to be found, and an event there is not false.

A recording with one channel has no other: it was looked at in a view of several hydrophones, and all marks count. So do
they where no mark names the judged channel: the analyst worked on another one of the same place. One sound is then
marked on several channels, so marks that overlap, have the same annotations and are on different channels count once,
as the one on the lowest channel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.raven import Selection


@dataclass(frozen=True)
class OnChannel:
    """Marks of one recording, by the channel that is judged.

    Attributes:
        marks: those that count.
        others: those on other channels, where some are on the judged one.
        repeated: how many were left out because they repeat a sound on another channel.
        named: False where no mark is on the judged channel, but some are on others.
    """

    marks: list[Selection]
    others: list[Selection]
    repeated: int
    named: bool

    @classmethod
    def of(cls, found: list[Selection], channel: int, channels: int) -> OnChannel:
        """Choose among the marks of a recording.

        Args:
            found: its marks.
            channel: which is judged, from 0.
            channels: how many the recording has.
        """
        said = {mark.channel for mark in found} - {None}
        if channels > 1 and channel + 1 in said:
            own = [mark for mark in found if mark.channel in (None, channel + 1)]
            return cls(own, [mark for mark in found if mark.channel not in (None, channel + 1)], 0, True)
        once = _once(found)
        return cls(once, [], len(found) - len(once), channels == 1 or not said)


def channel_notes(chosen: Sequence[OnChannel], channel: int) -> list[str]:
    """Sentences about what does not count, or counts although it is on another channel."""
    others = sum(len(one.others) for one in chosen)
    repeated = sum(one.repeated for one in chosen)
    unnamed = sum(not one.named for one in chosen)
    said = {
        f"{others} marks are not on channel {channel + 1}: they are no calls to be found, and no noise.": others,
        f"{unnamed} recordings have no mark on channel {channel + 1}, so those of all channels count.": unnamed,
        f"{repeated} marks repeat a sound on another channel; each sound counts once.": repeated,
    }
    return [sentence for sentence, count in said.items() if count]


def _once(found: list[Selection]) -> list[Selection]:
    """The marks without those that repeat one of a lower channel, in the same order."""
    kept: list[Selection] = []
    for channel in sorted({mark.channel or 0 for mark in found}):
        lower: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
        for mark in kept:
            lower[mark.annotations].append(mark.span)
        spans = {words: np.array(own) for words, own in lower.items()}
        for mark in found:
            if (mark.channel or 0) == channel:
                begins, ends = spans.get(mark.annotations, np.zeros((0, 2))).T
                if not ((mark.begin_s < ends) & (mark.end_s > begins)).any():
                    kept.append(mark)
    places = set(map(id, kept))
    return [mark for mark in found if id(mark) in places]
