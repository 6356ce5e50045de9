"""Weights that an ONNX file keeps in other files: refused, since no digest of the model covers them.

ONNX lets a tensor name a file and a place in it instead of holding its bytes; the runtime would read them from wherever
that leads. Such a tensor may stand in the graph, in a node's attribute, in a graph within a node, or in a function. So
all places in which the format allows a tensor are looked at. Field numbers are those of `onnx.proto`.

Each byte is looked at once for each message around it, so depth is bounded, and so is the number of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

MOST_PARTS = 4_000_000
"""Messages and values in one file; the largest graph that we export has under a million."""
MOST_LEVELS = 12
"""Messages within messages; a tensor in a branch of a branch lies ten deep."""

_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Kind of message → the fields in which messages with tensors stand."""
_PLACES_OUTSIDE = 13
_PLACED = 14

Fields = Callable[[memoryview], Iterable[tuple[int, int | memoryview]]]


def refuse_outside(data: memoryview, fields: Fields) -> None:
    """Look at every tensor of an ONNX file.

    Args:
        data: the whole file.
        fields: field numbers and values of one message.

    Raises:
        ValueError: a tensor is kept outside of the file, or the file has more parts or levels than any model.
    """
    left = MOST_PARTS
    waiting = [("model", data, 0)]
    while waiting:
        kind, message, level = waiting.pop()
        if level > MOST_LEVELS:
            raise ValueError(f"its parts lie more than {MOST_LEVELS} deep")
        for number, value in fields(message):
            left -= 1
            if left < 0:
                raise ValueError(f"it has more than {MOST_PARTS} parts")
            if kind == "tensor" and (number == _PLACES_OUTSIDE or (number == _PLACED and value)):
                raise ValueError("it keeps weights outside of the file, which no digest covers")
            inner = _INSIDE[kind].get(number)
            if inner is not None and isinstance(value, memoryview):
                waiting.append((inner, value, level + 1))
