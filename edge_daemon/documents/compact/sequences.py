"""The two long fields, which are worth learning from as they are written: a call's pitch, and a picture's cells."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_daemon.documents.compact.codecs import Prediction, Seen, predicted
from edge_daemon.documents.compact.range_coder import Chance, Coder, direct, learned_bit, signed, whole

MOST_POINTS = 4096
MOST_CELLS = 4096
COARSE = (0, 6, 9, 13)
"""Levels of a picture in four steps."""
_MOST_DIGITS = 24  # of a step in hertz


@dataclass(frozen=True, slots=True)
class Pitch:
    """Frequencies one after the other, each near the one before.

    Attributes:
        first: what the first one is likely to be.
        count: how many there are likely to be.
    """

    first: Prediction
    count: Prediction

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return (
            isinstance(value, list)
            and 0 < len(value) <= MOST_POINTS
            and all(type(hz) is int and 0 <= hz < 1 << (_MOST_DIGITS - 1) for hz in value)
        )

    def code(self, coder: Coder, value: Any, seen: Seen) -> list[int]:
        """See `Codec`."""
        likely = round(predicted(self.count, seen) or 0)
        count = likely + signed(coder, len(value) - likely if coder.writing else 0, 4)
        if not 0 < count <= MOST_POINTS:
            raise ValueError(f"a contour of {count} points")
        hz = round(predicted(self.first, seen) or 0)
        hz += signed(coder, value[0] - hz if coder.writing else 0, 4)
        steps, found = _Steps(), [hz]
        for place in range(1, count):
            hz += steps.code(coder, value[place] - hz if coder.writing else 0)
            found.append(hz)
        return found


class _Steps:
    """From one frequency to the next: by number of binary digits, which is learned."""

    def __init__(self) -> None:
        self._still, self._down = Chance(7000), Chance(45_000)
        self._longer = [Chance(zero) for zero in (16_000, 22_000, 26_000, 34_000, 46_000, 60_000)]

    def code(self, coder: Coder, step: int) -> int:
        """Write a step, or read one."""
        if learned_bit(coder, self._still, step == 0):
            return 0
        falls = learned_bit(coder, self._down, step < 0)
        digits = 1
        while learned_bit(coder, self._longer[min(digits, len(self._longer)) - 1], abs(step).bit_length() > digits):
            digits += 1
            if digits > _MOST_DIGITS:
                raise ValueError("a step of the contour is too long")
        size = 1 << (digits - 1) | direct(coder, digits - 1, abs(step))
        return -size if falls else size


@dataclass(frozen=True, slots=True)
class Cells:
    """A picture's cells in Base64, two in a byte: each is likely to be as its neighbours are."""

    def fits(self, value: Any, seen: Seen) -> bool:
        """See `Codec`."""
        try:
            cells, _ = _cells(value, seen.here)
        except (ValueError, TypeError):
            return False
        return _in_base64(cells) == value and 0 < len(cells) <= MOST_CELLS

    def code(self, coder: Coder, value: Any, seen: Seen) -> str:
        """See `Codec`."""
        rows = _rows(seen.here)
        cells, columns = _cells(value, seen.here) if coder.writing else ([], 0)
        columns = whole(coder, columns, 5)
        if not 0 < rows * columns <= MOST_CELLS:
            raise ValueError(f"a picture of {rows} × {columns} cells")
        coarse = not coder.bit(60_000, any(cell not in COARSE for cell in cells))
        levels = COARSE if coarse else tuple(range(16))
        binary: dict[tuple[int, int], Chance] = defaultdict(lambda: Chance(40_000 if coarse else 32_768))
        found: list[int] = []
        for place in range(rows * columns):
            left = found[place - 1] if place % columns else 0
            below = found[place - columns] if place >= columns else 0
            around = min(6, left + below) if coarse else (left + below) // 4
            wanted = levels.index(cells[place]) if coder.writing else 0
            number = 0
            # from the quietest on: the higher, the rarer
            while number < len(levels) - 1 and learned_bit(coder, binary[number, around], wanted > number):
                number += 1
            found.append(number)
        return _in_base64([levels[number] for number in found])


def _rows(here: Mapping[str, Any]) -> int:
    rows = here.get("rows")
    if type(rows) is not int or rows < 1:
        raise TypeError("a picture without rows")
    return rows


def _cells(value: Any, here: Mapping[str, Any]) -> tuple[list[int], int]:
    """Cells and columns; ValueError or TypeError where it is no such picture."""
    rows = _rows(here)
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    cells = [half for byte in data for half in (byte >> 4, byte & 15)]
    columns = len(cells) // rows
    return cells[: rows * columns], columns


def _in_base64(cells: list[int]) -> str:
    even = [*cells, 0] if len(cells) % 2 else cells
    return base64.b64encode(bytes(a << 4 | b for a, b in zip(even[::2], even[1::2], strict=True))).decode()
