"""What an exported model takes over from the networks that its weights were made from (see `train.ancestor`).

Terms, credit, known weaknesses, event rules and the band of the call stay what they were, unless the person who exports
says otherwise. Nobody widens terms by saying nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import ModelMetadata, OperatingPoint
from train.ancestor import Ancestor, together
from train.checkpoint import CheckpointDocument

OWN_TERMS = "Apache-2.0"
"""Of weights that were made from nothing whose terms are narrower."""
USUAL = OperatingPoint(threshold=0.5, threshold_low=0.25)
"""Event rules of weights that were made from data alone."""
CALL_BAND_HZ: tuple[float, float] = ModelMetadata.model_fields["call_band_hz"].default


def licence_of(document: CheckpointDocument) -> str:
    """Terms of a checkpoint's weights: all of those that it was made from.

    Raises:
        UsageError: it was made from weights whose terms are not known.
    """
    unknown = [ancestor.title for ancestor in document.ancestors if ancestor.licence is None]
    if unknown or (document.made_from and not document.ancestors):
        raise UsageError(
            f"The checkpoint was made from trained weights ({', '.join(unknown) or 'an older version noted none'}),"
            " but does not say under which terms these are.",
            "Say the terms of the new weights with --licence; they are no wider than those.",
        )
    return _narrower(document) or OWN_TERMS


def point_of(document: CheckpointDocument) -> OperatingPoint:
    """Event rules of the weights that a checkpoint started from, with whose they are; else the usual ones."""
    for ancestor in _starts(document):
        if ancestor.operating_point is not None:
            note = f"As for {ancestor.title}: {ancestor.operating_point.note}".removesuffix(": ")
            return ancestor.operating_point.model_copy(update={"note": note})
    return USUAL


def weaknesses_of(document: CheckpointDocument) -> tuple[str, ...]:
    """Known weaknesses of the weights that a checkpoint started from."""
    return tuple(dict.fromkeys(weakness for ancestor in _starts(document) for weakness in ancestor.weaknesses))


def band_of(document: CheckpointDocument) -> tuple[float, float]:
    """Where the call lies, Hz."""
    return next((ancestor.call_band_hz for ancestor in _starts(document) if ancestor.call_band_hz), CALL_BAND_HZ)


def made_from(document: CheckpointDocument) -> str:
    """The networks that a checkpoint was made from, for the provenance; empty where there are none."""
    how = {"start": "begun from", "teacher": "taught by"}
    return "".join(
        f"; {how[ancestor.role]} {ancestor.title}, SHA-256 {ancestor.digest[:16]}" for ancestor in document.ancestors
    )


def told(document: CheckpointDocument, made: ModelMetadata, licence: str | None) -> list[str]:
    """Lines on what a model took over, and on terms that only the person who exports knows.

    Args:
        document: of the checkpoint.
        made: the model file's.
        licence: that the person gave.
    """
    found, narrower = [], _narrower(document)
    titles = together((ancestor.title for ancestor in document.ancestors), ", ")
    kept = [
        f"the terms “{narrower}”" if licence is None and narrower else "",
        "the credit" if any(ancestor.credit for ancestor in document.ancestors) else "",
        _weaknesses(len(set(made.weaknesses) & set(weaknesses_of(document)))),
        _rules(point_of(document), made.operating_point),
        f"the call's band, {made.call_band_hz[0]:g} to {made.call_band_hz[1]:g} Hz"
        if any(ancestor.call_band_hz for ancestor in _starts(document))
        else "",
    ]
    if any(kept):
        found.append(f"Taken over from {titles}: {'; '.join(filter(None, kept))}.")
    if licence is not None and narrower and licence != narrower:
        found.append(f"The terms are “{licence}”, as --licence says; those of {titles} are “{narrower}”.")
    if licence is None and not narrower and document.credit:
        found.append(
            f"The file says that the weights are under {OWN_TERMS}. What they learned from asks for a credit: if its"
            " terms are narrower, say so with --licence."
        )
    return found


def _starts(document: CheckpointDocument) -> Sequence[Ancestor]:
    return [ancestor for ancestor in document.ancestors if ancestor.role == "start"]


def _narrower(document: CheckpointDocument) -> str:
    """Terms that are not the project's own; beside narrower ones those would read as a choice."""
    return together(
        (ancestor.licence or "" for ancestor in document.ancestors if ancestor.licence != OWN_TERMS), " Also: "
    )


def _weaknesses(count: int) -> str:
    return {0: "", 1: "a known weakness"}.get(count, f"{count} known weaknesses")


def _rules(known: OperatingPoint, made: OperatingPoint) -> str:
    """Rules that are still those of the start."""
    if known == USUAL:
        return ""
    words = {
        "threshold": f"threshold {known.threshold:g}",
        "threshold_low": f"lower threshold {known.threshold_low:g}",
        "min_windows": f"windows {known.min_windows}",
        "min_rise_hz": f"rise {known.min_rise_hz:g} Hz",
        "context_s": f"context {known.context_s:g} s",
    }
    same = [said for name, said in words.items() if getattr(known, name) == getattr(made, name)]
    return f"event rules ({', '.join(same)})" if same else ""
