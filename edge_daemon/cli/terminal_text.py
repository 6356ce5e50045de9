"""Text from outside on its way to a terminal, in which it could move the cursor, hide lines or rename the window."""

from __future__ import annotations

import unicodedata

_LEADING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is not shown but obeyed: controls, marks of direction, line separators."""


def harmless(text: str) -> str:
    r"""The text with every control character written as `\u001b`.

    That is JSON's own way of writing it, so a JSON document keeps its meaning; blanks between its parts become spaces.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if one in "\t\n\r" else _shown(one) for one in text)


def _shown(one: str) -> str:
    if unicodedata.category(one) not in _LEADING:
        return one
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
