"""Words that people use for "call" and "not a call": folder names, table columns, annotations.

Data sets name their labels freely. The words known here are understood without further ado; for any other word the
user says which ones mean a call, and all the rest mean none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

CALL_WORDS: frozenset[str] = frozenset().union(
    ("1", "true", "yes", "y", "call", "calls", "upcall", "upcalls", "up-call", "up-calls", "up_call"),
    ("positive", "positives", "pos", "whale", "whales", "right_whale", "right-whale", "rightwhale"),
    ("narw", "srw", "nprw", "eg", "eubalaena", "target"),
)
OTHER_WORDS: frozenset[str] = frozenset().union(
    ("0", "false", "no", "n", "none", "noise", "noises", "background", "ambient", "negative", "negatives", "neg"),
    ("no_call", "no-call", "nocall", "not_a_call", "not-a-call", "notcall", "other", "others", "nowhale", "no_whale"),
    ("humpback", "minke", "fin", "sei", "ship", "mn", "ba", "bp", "bb"),
)


def normal(word: str) -> str:
    """Lower case, blanks as underscores: 'Right Whale' and 'right_whale' are one word."""
    return "_".join(word.strip().lower().split())


def label_of(word: str, call_words: Collection[str] | None = None) -> int | None:
    """The label that a word means: 1 call, 0 not a call, None unknown.

    Args:
        word: as it stands in a table or names a folder.
        call_words: words that mean a call, all others then mean none; None takes the lists above.
    """
    if call_words is not None:
        return int(normal(word) in {normal(call) for call in call_words})
    if normal(word) in CALL_WORDS:
        return 1
    return 0 if normal(word) in OTHER_WORDS else None


def unknown(words: Iterable[str], call_words: Collection[str] | None = None) -> list[str]:
    """Those words, sorted, that mean neither."""
    return sorted({word for word in words if label_of(word, call_words) is None})
