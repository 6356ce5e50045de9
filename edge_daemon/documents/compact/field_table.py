"""A document, or a part of one, as a table of its fields: which there are, in which order, and how each is written.

Every field may also be null, missing, or something else than its codec knows (written as JSON then); and there may be
fields that the table does not know, behind the others. So a document of a newer program passes, only longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edge_daemon.documents.compact.codecs import Codec, Seen, other, text
from edge_daemon.documents.compact.range_coder import LIKELY, Coder, whole

State = Literal["known", "null", "absent", "other"]
MOST_UNKNOWN = 64
"""Fields beyond those of the table."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field.

    Attributes:
        name: in the document.
        codec: of its usual values.
        usual: what it is most of the time.
    """

    name: str
    codec: Codec
    usual: State = "known"


@dataclass(frozen=True, slots=True)
class FieldTable:
    """A table of fields; itself the codec of an object."""

    fields: tuple[Field, ...]

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`: any object does, with few unknown fields."""
        return isinstance(value, dict) and len(value.keys() - {field.name for field in self.fields}) <= MOST_UNKNOWN

    def code(self, coder: Coder, value: Any, seen: Seen) -> dict[str, Any]:
        """See `Codec`."""
        return self.document(coder, value if coder.writing else {}, seen.here, seen.before)

    def document(
        self, coder: Coder, value: Mapping[str, Any], around: Mapping[str, Any], before: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write an object, or read one.

        Args:
            coder: writer or reader.
            value: the object; a reader's is empty.
            around: fields so far of the document that it is a part of.
            before: the document before it in the same message.
        """
        here: dict[str, Any] = {}
        seen = Seen(here, around, before)
        for field in self.fields:
            state = _coded(coder, _state(field, value, seen) if coder.writing else "known", field.usual)
            if state == "known":
                here[field.name] = field.codec.code(coder, value.get(field.name), seen)
            elif state == "null":
                here[field.name] = None
            elif state == "other":
                here[field.name] = other(coder, value.get(field.name))
        unknown = [name for name in value if name not in {field.name for field in self.fields}]
        count = whole(coder, len(unknown))
        if count > MOST_UNKNOWN:
            raise ValueError(f"{count} unknown fields are too many")
        for place in range(count):
            name = text(coder, unknown[place] if coder.writing else "")
            here[name] = other(coder, value.get(name))
        return here


def _state(field: Field, value: Mapping[str, Any], seen: Seen) -> State:
    if field.name not in value:
        return "absent"
    found = value[field.name]
    if found is None:
        return "null"
    return "known" if field.codec.fits(found, seen) else "other"


def _coded(coder: Coder, state: State, usual: State) -> State:
    if not coder.bit(LIKELY, state != usual):
        return usual
    states: list[State] = [one for one in ("known", "null", "absent", "other") if one != usual]
    return states[coder.symbol(3, states.index(state) if coder.writing and state != usual else 0)]
