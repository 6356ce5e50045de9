"""Which of many things come more than once, without a table of all of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from itertools import pairwise
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def repeated(keys: Callable[[], Iterable[Key]]) -> set[Key]:
    """The keys that come more than once; of the others eight bytes each are kept, their hash.

    Args:
        keys: gives them all; called again where two hashes are the same.
    """
    hashes = sorted(array("q", map(hash, keys())))
    twice = {one for one, other in pairwise(hashes) if one == other}
    if not twice:
        return set()
    counts = Counter(key for key in keys() if hash(key) in twice)
    return {key for key, number in counts.items() if number > 1}
