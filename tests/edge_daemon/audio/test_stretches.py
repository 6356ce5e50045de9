"""A source with seams: no item reaches over one, and nothing is lost or moved."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.stretches import Stretch, StretchedSource

DAY = datetime(2023, 4, 5, tzinfo=UTC)


class Items:
    """A source that gives what it was given."""

    rate, name = 2000, "items"

    def __init__(self, items: list[Block | Gap]) -> None:
        self.items, self.closed = items, False

    def read(self) -> Block | Gap | None:
        return self.items.pop(0) if self.items else None

    def close(self) -> None:
        self.closed = True


def read_all(source: StretchedSource) -> list[Block | Gap]:
    items = []
    while (item := source.read()) is not None:
        items.append(item)
    return items


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=12), st.sets(st.integers(1, 400)))
def test_items_are_cut_at_seams(lengths: list[tuple[int, bool]], seams: set[int]) -> None:
    made: list[Block | Gap] = []
    place = 0
    for length, is_gap in lengths:
        made.append(
            Gap(place, length, "read_error")
            if is_gap
            else Block(np.arange(place, place + length, dtype=np.float32), place)
        )
        place += length
    stretches = [Stretch(first, DAY) for first in (0, *sorted(seams))]
    items = read_all(StretchedSource(Items(list(made)), stretches))
    within = sorted(seam for seam in seams if seam < place)
    assert [item.start for item in items if isinstance(item, Gap) and item.seam] == within
    end = 0
    for item in items:
        assert item.start == end
        assert not any(item.start < seam < item.end for seam in within)
        if isinstance(item, Block):
            assert item.samples.tolist() == list(range(item.start, item.end))
            assert len(item.samples)
        end = item.end
    assert end == place
    lost = sum(item.length for item in items if isinstance(item, Gap))
    assert lost == sum(length for length, is_gap in lengths if is_gap)


def test_it_closes_its_source() -> None:
    items = Items([])
    source = StretchedSource(items, [])
    assert source.read() is None
    source.close()
    assert items.closed
