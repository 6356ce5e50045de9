"""A range coder: writes choices, each in as many bits as it is surprising, and reads them again.

Writer and reader have the same methods, so that what describes a document is written once and serves both ways: each
method takes the value, which a reader ignores, and returns it. A likely choice costs next to nothing, an even one of
two a bit.
"""

from __future__ import annotations

from typing import Protocol

SCALE = 1 << 16
"""Chances are given in so many parts."""
EVEN = SCALE // 2
LIKELY = SCALE * 31 // 32
_LOW_BITS = 24  # the range never holds fewer
_HIGHEST = (1 << 32) - 1
_SLOWEST = 5  # a chance moves by a 32nd of the way at last
MOST_BITS = 128
"""Longest whole number."""


class Chance:
    """How likely a zero is; it learns, fast at first."""

    __slots__ = ("_seen", "zero")

    def __init__(self, zero: int = EVEN) -> None:
        self.zero = zero
        self._seen = 1

    def learn(self, bit: int) -> None:
        """One more has been seen."""
        goal = 0 if bit else SCALE
        self._seen = min(self._seen + 1, _SLOWEST)
        # whole numbers, towards zero on both sides: the same on every machine
        step = abs(goal - self.zero) >> (self._seen if self._seen > 1 else 2)
        self.zero = min(SCALE - 64, max(64, self.zero + (step if goal > self.zero else -step)))


class Coder(Protocol):
    """A writer or a reader."""

    writing: bool

    def bit(self, zero: int, bit: int) -> int:
        """One of two choices; `zero` of `SCALE` is the chance of a 0."""

    def symbol(self, count: int, value: int) -> int:
        """One of `count` equal choices, 0 … count − 1."""


class RangeWriter:
    """Writes; `payload` is what was written."""

    writing = True

    def __init__(self) -> None:
        self._low, self._range, self._shifts = 0, _HIGHEST, 0

    def bit(self, zero: int, bit: int) -> int:
        """See `Coder`."""
        bound = (self._range >> 16) * zero
        if bit:
            self._low += bound
            self._range -= bound
        else:
            self._range = bound
        self._grow()
        return bit

    def symbol(self, count: int, value: int) -> int:
        """See `Coder`; count is at most 65,536."""
        part = self._range // count
        self._low += part * value
        self._range = part
        self._grow()
        return value

    def _grow(self) -> None:
        while self._range < 1 << _LOW_BITS:
            self._low <<= 8
            self._range <<= 8
            self._shifts += 1

    def payload(self) -> bytes:
        """The shortest bytes that are read as what was written; a reader takes zeros behind the end."""
        width = 4 + self._shifts
        for kept in range(self._shifts, width + 1):  # never fewer than a reader can take to be whole
            cut = 8 * (width - kept)
            value = -(-self._low >> cut) << cut  # the lowest number with so many bytes that is not below
            if value < self._low + self._range:
                return (value >> cut).to_bytes(kept, "big")
        raise AssertionError("the whole width holds the number itself")


class RangeReader:
    """Reads what a `RangeWriter` has written; of anything else something, or ValueError when it ends too early."""

    writing = False

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at = payload, 4
        self._range = _HIGHEST
        self._code = int.from_bytes(payload[:4].ljust(4, b"\0"), "big")

    def bit(self, zero: int, bit: int = 0) -> int:  # noqa: ARG002 - a writer needs it
        """See `Coder`."""
        bound = (self._range >> 16) * zero
        if self._code < bound:
            found, self._range = 0, bound
        else:
            found = 1
            self._code -= bound
            self._range -= bound
        self._grow()
        return found

    def symbol(self, count: int, value: int = 0) -> int:  # noqa: ARG002 - a writer needs it
        """See `Coder`."""
        part = self._range // count
        found = min(count - 1, self._code // part)
        self._code -= part * found
        self._range = part
        self._grow()
        return found

    def _grow(self) -> None:
        while self._range < 1 << _LOW_BITS:
            following = self._payload[self._at] if self._at < len(self._payload) else 0
            self._code = (self._code << 8 | following) & _HIGHEST
            self._range <<= 8
            self._at += 1
            if self._at > len(self._payload) + 4:
                raise ValueError("it is cut off")


def learned_bit(coder: Coder, chance: Chance, bit: int) -> int:
    """One of two choices, by a chance that learns from it."""
    found = coder.bit(chance.zero, bit)
    chance.learn(found)
    return found


def direct(coder: Coder, bits: int, value: int) -> int:
    """A number of so many bits, of which nothing is known."""
    found = 0
    for shift in range((bits - 1) // 16 * 16, -1, -16) if bits else ():
        width = min(16, bits - shift)
        found = found << width | coder.symbol(1 << width, value >> shift & ((1 << width) - 1))
    return found


def whole(coder: Coder, value: int, about: int = 0) -> int:
    """A whole number from 0 on; cheapest with `about` binary digits.

    Raises:
        ValueError: it has more than `MOST_BITS` digits.
    """
    digits = value.bit_length()
    if about and coder.bit(EVEN, digits < about):
        found = about - 1
        while found and coder.bit(EVEN, digits < found):
            found -= 1
    else:
        found = about
        while coder.bit(EVEN, digits > found):
            found += 1
            if found > MOST_BITS:
                raise ValueError("a number is too long")
    return 1 << (found - 1) | direct(coder, found - 1, value) if found else 0


def signed(coder: Coder, value: int, about: int = 0) -> int:
    """A whole number on both sides of 0, which is the likeliest; others are cheapest with `about` digits."""
    if not coder.bit(SCALE * 5 // 8, value != 0):
        return 0
    negative = coder.bit(EVEN, value < 0)
    size = 1 + whole(coder, abs(value) - 1, about)
    return -size if negative else size
