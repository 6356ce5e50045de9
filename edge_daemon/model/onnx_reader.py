"""A look inside an ONNX file without the onnx package: metadata, inputs, outputs, stored tensors.

An ONNX file is one protocol-buffers message. Few of its fields matter on the device, so this page reads those
and skips the rest; the device is spared onnx and protobuf. Field numbers are those of `onnx.proto` (ONNX IR, public
specification), the encoding that of the protocol-buffers documentation. Every length is checked against the file,
so a damaged file ends in `ModelError`, not in a crash or in memory that the file does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import ModelError
from edge_daemon.model.onnx_outside import refuse_outside

_ELEMENT_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 11: "float64"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
MOST_DIMENSIONS = 8
MOST_LETTERS = 1000


@dataclass(frozen=True)
class TensorInfo:
    """Name, element type and shape of a graph's input or output; None stands for a free dimension."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxFile:
    """What the device wants to know of an ONNX file."""

    metadata: dict[str, str]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    tensors: dict[str, NDArray[np.generic]] = field(repr=False)


def parse(data: bytes | mmap) -> OnnxFile:
    """Read the parts of an ONNX file that matter here.

    Args:
        data: the whole file.

    Raises:
        ModelError: the bytes are not an ONNX file, or a damaged one.
    """
    try:
        return _parse(memoryview(data))
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(
            f"This is not a readable ONNX file ({error}).",
            "Copy the model again: it may have been cut short or altered on the way.",
        ) from error


def metadata_entry(key: str, value: str) -> bytes:
    """Bytes that add a metadata entry when they are appended to an ONNX file.

    Messages of protocol buffers merge when they stand one after the other, so an entry can follow the graph.
    """
    entry = _field_bytes(1, key.encode()) + _field_bytes(2, value.encode())
    return _field_bytes(14, entry)


def _parse(data: memoryview) -> OnnxFile:
    metadata: dict[str, str] = {}
    inputs: list[TensorInfo] = []
    outputs: list[TensorInfo] = []
    tensors: dict[str, NDArray[np.generic]] = {}
    seen_graph = False
    refuse_outside(data, _fields)
    for number, value in _fields(data):
        if number == 14:
            entry = dict(_fields(_message(value)))
            metadata[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
        elif number == 7:
            seen_graph = True
            for part, content in _fields(_message(value)):
                if part == 5:
                    name, tensor = _tensor(_message(content))
                    if name in tensors:
                        raise ValueError(f"it has two tensors {name!r}")
                    tensors[name] = tensor
                elif part == 11:
                    inputs.append(_tensor_info(_message(content)))
                elif part == 12:
                    outputs.append(_tensor_info(_message(content)))
    if not seen_graph:
        raise ValueError("it contains no graph")
    return OnnxFile(metadata, tuple(inputs), tuple(outputs), tensors)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one message."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind == _FIXED64:
            length = 8
        elif kind == _FIXED32:
            length = 4
        else:
            raise ValueError(f"unknown encoding {kind} at byte {position}")
        if length > len(data) - position:
            raise ValueError(f"it ends {length - (len(data) - position)} bytes too early")
        yield tag >> 3, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for number in range(_MAX_VARINT_BYTES):
        if position >= len(data):
            raise ValueError("it ends within a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise ValueError(f"a number is too long at byte {position}")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number is where a part should be")
    return value


def _text(value: int | memoryview | bytes) -> str:
    if isinstance(value, int):
        raise ValueError("a number is where a text should be")
    return bytes(value).decode("utf-8")


def _name(value: int | memoryview) -> str:
    """A name; a long one would make errors that nobody can read."""
    name = _text(value)
    if len(name) > MOST_LETTERS:
        raise ValueError(f"a name is longer than {MOST_LETTERS} letters")
    return name


def _check_dimensions(shape: Sequence[int | None]) -> None:
    """Before anything is computed of them: the product of a million large numbers takes hours."""
    if len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"a tensor has more than {MOST_DIMENSIONS} dimensions")


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("a part is where a number should be")
    return value - (1 << 64) if value >= 1 << 63 else value


def _numbers(value: int | memoryview) -> list[int]:
    """One number, or a packed run of them."""
    if isinstance(value, int):
        return [_number(value)]
    numbers, position = [], 0
    if len(value) > MOST_DIMENSIONS * _MAX_VARINT_BYTES:
        raise ValueError(f"a tensor has more than {MOST_DIMENSIONS} dimensions")
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(_number(number))
    return numbers


def _tensor_info(data: memoryview) -> TensorInfo:
    name, dtype = "", "unknown"
    shape: list[int | None] = []
    for number, value in _fields(data):
        if number == 1:
            name = _name(value)
        elif number == 2:
            kind = dict(_fields(_message(value))).get(1)
            for part, content in _fields(_message(kind)) if kind is not None else ():
                if part == 1:
                    dtype = _ELEMENT_TYPES.get(_number(content), f"type {_number(content)}")
                elif part == 2:
                    for _, dimension in _fields(_message(content)):
                        size = dict(_fields(_message(dimension))).get(1)
                        shape.append(_number(size) if size is not None else None)
                        _check_dimensions(shape)
    return TensorInfo(name, dtype, tuple(shape))


def _tensor(data: memoryview) -> tuple[str, NDArray[np.generic]]:
    name, dtype, shape = "", "", []
    raw: memoryview | None = None
    for number, value in _fields(data):
        if number == 1:
            shape.extend(_numbers(value))
            _check_dimensions(shape)
        elif number == 2:
            dtype = _ELEMENT_TYPES.get(_number(value), "")
        elif number == 8:
            name = _name(value)
        elif number == 9:
            raw = _message(value)
    if not dtype or raw is None:
        return name, np.empty(0, np.uint8)  # a kind of tensor that no part of ours stores
    size = prod(shape) * np.dtype(dtype).itemsize
    if min(shape, default=1) < 0 or size != len(raw):
        raise ValueError(f"tensor {name!r} of shape {shape} holds {len(raw)} bytes instead of {size}")
    return name, np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def _field_bytes(number: int, content: bytes) -> bytes:
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(len(content)) + content


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
