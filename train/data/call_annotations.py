"""Which annotations mean a call: a mark may have several, such as its species and the type of its call.

Without words from the user a mark is a call if all of its words are known to mean one, and none if one of them is known
to mean something else. A word that is not known is asked about, and so is a mark without a word beside others with one:
"upcall?" among upcalls must become neither without anybody's notice. Where all marks have the same words, and these are
not known, or none, marking a sound was the way to say that it is a call. With words from the user a mark is a call if
one of its words is among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from train.data.dataset import DataError
from train.data.label_words import label_of, normal

Annotations = tuple[str, ...]
"""The words of one mark."""


def call_annotations(
    source: object,
    found: Iterable[Annotations],
    call_words: Collection[str] | None,
    report: Callable[[str], object],
) -> set[Annotations]:
    """Those annotations that mean a call.

    Args:
        source: where they come from, for errors.
        found: annotations of each mark.
        call_words: words that mean a call; "" is a mark without a word. None takes those that are known.
        report: told of what was taken for a call, or for none, without being known as such.

    Raises:
        DataError: it is not clear whether some mean a call, or none has a word of the user's.
    """
    counts = Counter(found)
    meant = {words: _label(words, call_words) for words in counts}
    calls = {words for words, label in meant.items() if label}
    if call_words is not None:
        others = {words: count for words, count in counts.items() if words not in calls}
        if others and not calls:
            raise DataError(
                f"{source}: no mark is annotated {' or '.join(map(repr, call_words))}, but {_listed(others)}.",
                "Give --call-label a word that calls are annotated with.",
            )
        if others:
            report(f"Marks that mean no call by --call-label: {_listed(others)}.")
        return calls
    unclear = {words: count for words, count in counts.items() if meant[words] is None}
    if unclear and len({tuple(map(normal, words)) for words in counts}) == 1:
        if any(unclear):
            report(f"All marks have one annotation, which is taken for a call: {_listed(unclear)}.")
        return set(counts)
    if unclear:
        raise DataError(
            f"{source}: it is not clear whether these annotations mean a call: {_listed(unclear)}.",
            "Name all that do: to train, with `python -m train prepare --call-label`, then train on the archive it"
            " writes; to judge, with `python -m train evaluate --call-label`; in a mixture, with call_labels. All"
            " others then mean none.",
        )
    return calls


def _label(words: Annotations, call_words: Collection[str] | None) -> int | None:
    labels = {label_of(word, call_words) for word in words or ("",)}
    if call_words is not None:
        return int(1 in labels)
    return 0 if 0 in labels else None if None in labels else 1


def _listed(counts: dict[Annotations, int]) -> str:
    """Annotations with the number of their marks, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{' '.join(map(repr, words)) or 'no annotation'} ({count})" for words, count in ordered)
