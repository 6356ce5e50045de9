"""Recordings whose header says otherwise than those of their neighbours.

In many formats the sample rate stands in one place, and nothing in the file contradicts it if it is damaged: the sound
is then heard too fast or too slowly. But a recorder keeps its rate and its channels, so one recording with others than
all its neighbours is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from edge_daemon.audio.defect import Defect
from edge_daemon.replay.recording import Recording

_FEWEST = 3  # of two that differ nobody knows which is odd
_RARE = 0.1


@dataclass(frozen=True, slots=True)
class Form:
    """What a header says of its sound.

    Attributes:
        rate: samples per second.
        channels: how many.
    """

    rate: int
    channels: int

    def __str__(self) -> str:
        return f"{self.rate:,} Hz and {self.channels} channel{'' if self.channels == 1 else 's'}"


def odd_forms(forms: Sequence[tuple[int, Hashable, Form]], recordings: Sequence[Recording]) -> dict[int, Defect]:
    """Find recordings that are the only one of their form, or of one in ten at most, among those of one recorder.

    Args:
        forms: index of a recording, its recorder, and its form.
        recordings: of the run.

    Returns:
        What is to be said, by the recording's index.
    """
    counts: dict[Hashable, Counter[Form]] = defaultdict(Counter)
    for _place, recorder, form in forms:
        counts[recorder][form] += 1
    odd = {}
    for place, recorder, form in forms:
        usual, number = counts[recorder].most_common(1)[0]
        alike, all_of_them = counts[recorder][form], counts[recorder].total()
        if form != usual and number > 1 and all_of_them >= _FEWEST and alike <= max(1, _RARE * all_of_them):
            odd[place] = Defect(
                "header",
                0.0,
                f"'{recordings[place].name}' has {form} by its header, {number:,} others of its recorder have {usual}:"
                " if its header is damaged, its sound was misread.",
            )
    return odd
