"""What an annotation means: nothing becomes a call, or none, without a word."""

from __future__ import annotations

import pytest

from train.data.call_annotations import call_annotations
from train.data.dataset import DataError


def calls(*found: tuple[str, ...], words: tuple[str, ...] | None = None) -> tuple[set[tuple[str, ...]], list[str]]:
    said: list[str] = []
    return call_annotations("t", found, words, said.append), said


def test_known_words_mean_what_they_mean_also_alone() -> None:
    assert calls(("0",), ("0",)) == (set(), [])
    assert calls(("humpback",)) == (set(), [])
    assert calls(("upcall",), ("Upcall",), ("humpback",), ("1",)) == ({("upcall",), ("Upcall",), ("1",)}, [])
    assert calls(("humpback",), ("ship",)) == (set(), [])
    assert calls() == (set(), [])


def test_to_mark_is_to_call_where_all_marks_say_the_same() -> None:
    assert calls((), ()) == ({()}, [])
    assert calls(("Z",), ("z",), ("Z",)) == (
        {("Z",), ("z",)},
        ["All marks have one annotation, which is taken for a call: 'Z' (2), 'z' (1)."],
    )


def test_what_is_not_clear_is_asked_about_with_its_counts() -> None:
    found = [("upcall",), ("upcall?",), ("NARW upcall",), ("NARW upcall",), ()]
    with pytest.raises(DataError) as caught:
        calls(*found)
    assert caught.value.message == (
        "t: it is not clear whether these annotations mean a call: 'NARW upcall' (2), no annotation (1), 'upcall?' (1)."
    )
    for place in ("prepare --call-label", "evaluate --call-label", "call_labels"):
        assert place in caught.value.hint
    assert calls(*found, words=("upcall", "narw upcall")) == (
        {("upcall",), ("NARW upcall",)},
        ["Marks that mean no call by --call-label: no annotation (1), 'upcall?' (1)."],
    )
    assert calls(*found, words=("",))[0] == {()}


def test_all_columns_are_asked() -> None:
    found = [("NARW", "upcall"), ("NARW", "gunshot"), ("humpback", "upcall")]
    with pytest.raises(DataError, match=r"mean a call: 'NARW' 'gunshot' \(1\)\."):
        calls(*found)
    assert calls(*found[::2]) == ({("NARW", "upcall")}, [])
    assert calls(*found[:2], words=("upcall",)) == (
        {("NARW", "upcall")},
        ["Marks that mean no call by --call-label: 'NARW' 'gunshot' (1)."],
    )
    assert calls(*found[:2], words=("narw",)) == (set(found[:2]), [])


def test_a_word_that_no_mark_has_is_refused() -> None:
    with pytest.raises(DataError, match=r"t: no mark is annotated 'upcal' or 'x', but 'upcall' \(2\)\."):
        calls(("upcall",), ("upcall",), words=("upcal", "x"))
