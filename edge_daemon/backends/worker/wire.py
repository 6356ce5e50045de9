"""Messages between the daemon and a worker process: a few fields and some arrays, behind their length.

    "EDW1" · header's length (4 bytes) · body's length (8 bytes) · header (JSON) · body (the arrays' bytes)

Lengths are little-endian. The header holds the fields and each array's name, element type and shape; the body is the
arrays one after the other. Nothing in a message can run code, and a reader knows what it is in for before it
allocates. This page needs numpy alone and runs on Python 3.9 and later, so that a vendor's old interpreter can use
it as it is.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from math import prod
from typing import Any, Mapping, Tuple  # noqa: UP035 - older interpreters

import numpy as np

MAGIC = b"EDW1"
_LENGTHS = struct.Struct("<4sIQ")
MAX_HEADER = 1 << 20
MAX_BODY = 1 << 30
DTYPES = ("uint8", "int8", "int32", "int64", "float32", "float64")

Message = Tuple[Any, Any]  # noqa: UP006 - (fields: dict, arrays: dict of numpy arrays)


class WireError(Exception):
    """The other side is gone, silent for too long, or does not speak this protocol."""


def encode(fields: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> bytes:
    """A message's bytes; arrays of one of `DTYPES`."""
    parts, index = [], []
    for name, given in (arrays or {}).items():
        array = np.asarray(given)
        if array.dtype.name not in DTYPES:
            raise WireError(f"arrays of {array.dtype} cannot be sent")
        index.append([name, array.dtype.name, list(array.shape)])
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    header = json.dumps({"fields": dict(fields), "arrays": index}).encode()
    body = b"".join(parts)
    if len(header) > MAX_HEADER or len(body) > MAX_BODY:
        raise WireError("the message is too long")
    return _LENGTHS.pack(MAGIC, len(header), len(body)) + header + body


def decode(header: bytes, body: bytes) -> Message:
    """Fields and arrays of a message; raises `WireError` where they contradict each other."""
    try:
        document = json.loads(header)
        fields, arrays, place = dict(document["fields"]), {}, 0
        for name, dtype, shape in document["arrays"]:
            if dtype not in DTYPES or any(size < 0 for size in shape):
                raise ValueError(f"an array of {dtype} {shape}")
            size = prod(shape) * np.dtype(dtype).itemsize
            raw = body[place : place + size]
            arrays[str(name)] = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)
            place += size
        if place != len(body):
            raise ValueError(f"{len(body)} bytes of arrays instead of {place}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise WireError(f"malformed message: {error}") from error
    return fields, arrays


def send(connection: socket.socket, message: bytes, timeout_s: float | None) -> None:
    """Send a message; raises `WireError` where the other side is gone or does not read."""
    connection.settimeout(timeout_s)
    try:
        connection.sendall(message)
    except OSError as error:
        raise WireError(f"cannot send: {error}") from error


def receive(connection: socket.socket, timeout_s: float | None, most: int = MAX_BODY) -> Message:
    """The next message.

    Args:
        connection: a stream socket.
        timeout_s: longest wait for the whole message, seconds; None waits for ever.
        most: bytes of arrays that the message may have; nothing is allocated for more.

    Raises:
        WireError: nothing came in time, the other side is gone, it sends more, or it speaks something else.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    magic, header, body = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size, deadline))
    if magic != MAGIC or header > MAX_HEADER or body > MAX_BODY:
        raise WireError("the other side speaks another protocol")
    if body > most:
        raise WireError(f"a message of {body} bytes, where {most} at most were expected")
    return decode(_exactly(connection, header, deadline), _exactly(connection, body, deadline))


def _exactly(connection: socket.socket, size: int, deadline: float | None) -> bytes:
    parts, left = [], size
    while left:
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            ready = select.select([connection], [], [], wait)[0]
            part = connection.recv(min(left, 1 << 20)) if ready else None
        except OSError as error:
            raise WireError(f"cannot receive: {error}") from error
        if part is None:
            raise WireError("no answer in time")
        if not part:
            raise WireError("the other side has ended")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
