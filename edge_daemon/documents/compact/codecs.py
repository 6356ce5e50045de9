"""How the values of a document's fields are written: each codec knows one kind of value, and which fit it.

A codec writes and reads by one and the same lines (see `range_coder`). It may look at what was written before in the
same document, and in the one before it, and then writes only by how much a value differs from what that makes likely.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge_daemon.documents.compact.range_coder import EVEN, SCALE, Coder, direct, signed, whole

MOST_CHARACTERS = 100_000
"""Longest text."""
_COMMON = "etaoinsrhldcumfpgwybvkxjqz-_. 0123456789"
_SHORT = 7  # binary digits of usual lengths, of text that nobody knows


@dataclass(frozen=True, slots=True)
class Seen:
    """What has been written before.

    Attributes:
        here: fields of this document or part, by name.
        around: of the document that the part belongs to.
        before: the document before this one in the same message; empty without one.
    """

    here: Mapping[str, Any]
    around: Mapping[str, Any]
    before: Mapping[str, Any]


class Codec(Protocol):
    """Writes and reads one kind of value."""

    def fits(self, value: Any, seen: Seen, /) -> bool:
        """Whether it can write this value, so that exactly this is read."""

    def code(self, coder: Coder, value: Any, seen: Seen, /) -> Any:
        """Write a value that fits, or read one; returns it."""


Prediction = Callable[[Seen], float]
"""A number that a field is likely to have; it may raise KeyError or TypeError where nothing is known."""


def text(coder: Coder, value: str, about: int = 3) -> str:
    """Any text; cheapest if its length has `about` binary digits and its letters are small.

    Raises:
        ValueError: what was read is no text, or too long.
    """
    length = whole(coder, len(value), about)
    if length > MOST_CHARACTERS:
        raise ValueError(f"a text of {length} characters is too long")
    letters = []
    for place in range(length):
        letter = value[place] if coder.writing else ""
        if coder.bit(SCALE // 8, letter in _COMMON):
            letters.append(_COMMON[coder.symbol(len(_COMMON), max(0, _COMMON.find(letter)))])
        else:
            letters.append(chr(whole(coder, ord(letter) if letter else 0, 7)))
    return "".join(letters)


def other(coder: Coder, value: Any) -> Any:
    """Any value at all, as JSON.

    Raises:
        ValueError: what was read is no JSON.
    """
    return json.loads(text(coder, as_json(value) if coder.writing else "", _SHORT))


def as_json(value: Any) -> str:
    """JSON as documents are written: on one line, without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Text that nobody knows before, or that of the document before."""

    same_as_before: str = ""

    def _likely(self, seen: Seen) -> str | None:
        likely = seen.before.get(self.same_as_before)
        return likely if isinstance(likely, str) else None

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return isinstance(value, str) and len(value) <= MOST_CHARACTERS

    def code(self, coder: Coder, value: Any, seen: Seen) -> str:
        """See `Codec`."""
        likely = self._likely(seen)
        if likely is not None and not coder.bit(SCALE * 15 // 16, value != likely):
            return likely
        return text(coder, value if coder.writing else "")


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; of some, only of the first one is much heard."""

    words: tuple[str, ...]
    first: int = EVEN

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return isinstance(value, str) and value in self.words

    def code(self, coder: Coder, value: Any, _seen: Seen) -> str:
        """See `Codec`."""
        if len(self.words) == 1 or not coder.bit(self.first, value != self.words[0]):
            return self.words[0]
        rest = self.words[1:]
        return rest[coder.symbol(len(rest), rest.index(value) if coder.writing else 0)]


@dataclass(frozen=True, slots=True)
class Hexadecimal:
    """Bytes as hexadecimal digits, in groups of so many with a hyphen between them (a UUID), or in one."""

    groups: tuple[int, ...]
    same_as_before: str = ""

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        if not isinstance(value, str):
            return False
        parts = value.split("-")
        return [len(part) for part in parts] == list(self.groups) and all(
            letter in "0123456789abcdef" for part in parts for letter in part
        )

    def code(self, coder: Coder, value: Any, seen: Seen) -> str:
        """See `Codec`."""
        likely = seen.before.get(self.same_as_before)
        if isinstance(likely, str) and self.fits(likely, seen) and not coder.bit(SCALE * 15 // 16, value != likely):
            return likely
        digits = sum(self.groups)
        number = direct(coder, 4 * digits, int(value.replace("-", ""), 16) if coder.writing else 0)
        plain, parts = f"{number:0{digits}x}", []
        for count in self.groups:
            parts.append(plain[:count])
            plain = plain[count:]
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from 0 on, likely with `about` binary digits, or near a prediction."""

    about: int = 0
    near: Prediction | None = None

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return type(value) is int and (value >= 0 or self.near is not None) and value.bit_length() < 64

    def code(self, coder: Coder, value: Any, seen: Seen) -> int:
        """See `Codec`."""
        near = None if self.near is None else predicted(self.near, seen)
        if near is None:
            return whole(coder, value if coder.writing else 0, self.about)
        return round(near) + signed(coder, value - round(near) if coder.writing else 0, self.about)


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number with a decimal point and at most so many digits behind it, likely near a prediction.

    Attributes:
        places: digits behind the point; None writes how many there are.
        about: binary digits of the number, or of its difference from the prediction, in units of its last place.
        near: the prediction; without one, 0.
    """

    places: int | None
    about: int
    near: Prediction | None = None

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return type(value) is float and self._places(value) is not None

    def _places(self, value: float) -> int | None:
        if not -1e12 < value < 1e12:
            return None
        for places in range(16) if self.places is None else (self.places,):
            if repr(_unscaled(round(value * 10**places), places)) == repr(value):
                return places
        return None

    def code(self, coder: Coder, value: Any, seen: Seen) -> float:
        """See `Codec`."""
        places = self.places
        if places is None:
            places = coder.symbol(16, self._places(value) or 0 if coder.writing else 0)
        near = None if self.near is None else predicted(self.near, seen)
        base = 0 if near is None else round(near * 10**places)
        return _unscaled(
            base + signed(coder, round(value * 10**places) - base if coder.writing else 0, self.about), places
        )


def _unscaled(number: int, places: int) -> float:
    return float(number / 10**places)


def predicted(near: Prediction, seen: Seen) -> float | None:
    """What a prediction says; None where it has nothing to go by, or something absurd."""
    try:
        value = near(seen)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None
    return value if -1e15 < value < 1e15 else None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values of one kind, mostly empty."""

    item: Codec
    most: int = 64

    def fits(self, value: Any, seen: Seen) -> bool:
        """See `Codec`."""
        return isinstance(value, list) and len(value) <= self.most and all(self.item.fits(one, seen) for one in value)

    def code(self, coder: Coder, value: Any, seen: Seen) -> list[Any]:
        """See `Codec`."""
        count = whole(coder, len(value) if coder.writing else 0)
        if count > self.most:
            raise ValueError(f"a list of {count} is too long")
        return [self.item.code(coder, value[place] if coder.writing else None, seen) for place in range(count)]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each of some names, in their order; those of which there are none are left out."""

    names: Sequence[str]

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        return (
            isinstance(value, dict)
            and list(value) == [name for name in self.names if name in value]
            and all(type(count) is int and count > 0 for count in value.values())
        )

    def code(self, coder: Coder, value: Any, _seen: Seen) -> dict[str, int]:
        """See `Codec`."""
        counts = {name: whole(coder, value.get(name, 0) if coder.writing else 0) for name in self.names}
        return {name: count for name, count in counts.items() if count}
