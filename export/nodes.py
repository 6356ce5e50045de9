"""Nodes and tensors of an ONNX graph under construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


@dataclass
class Graph:
    """Nodes and tensors under construction; every method returns the name of what it made."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)
    _constants: dict[tuple[str, bytes, tuple[int, ...]], str] = field(default_factory=dict)
    _floats: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def node(self, op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> str:
        return self.node_many(op, inputs, outputs, **attributes)[0]

    def node_many(self, op: str, inputs: list[str], outputs: int, **attributes: Any) -> list[str]:
        names = [f"{op.lower()}_{self._count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self._count += 1
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names

    def constant(self, value: NDArray[np.generic] | np.generic | float, name: str = "") -> str:
        array = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        key = (str(array.dtype), array.tobytes(), array.shape)
        if not name and key in self._constants:
            return self._constants[key]
        name = name or f"constant_{len(self.tensors)}"
        self._constants.setdefault(key, name)
        self.tensors.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def number(self, value: float, carrier: int) -> str:
        return self.constant(np.array(value, np.float32 if carrier == TensorProto.FLOAT else np.float64))

    def cast(self, tensor: str, to: int, found: int) -> str:
        return tensor if to == found else self.node("Cast", [tensor], to=to)

    def floats(self, tensor: str) -> str:
        if tensor not in self._floats:
            self._floats[tensor] = self.node("Cast", [tensor], to=TensorProto.FLOAT)
        return self._floats[tensor]

    def shape(self, tensor: str, shape: list[int]) -> str:
        return self.node("Reshape", [tensor, self.constant(np.array(shape, np.int64))])

    def tiled(self, tensor: str, times: int) -> str:
        """One behind the other, so many times: what each channel has, for all neurons of a step."""
        return tensor if times == 1 else self.node("Tile", [tensor, self.constant(np.array([times], np.int64))])

    def concat(self, parts: list[str], axis: int) -> str:
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, axis=axis)

    def split(self, tensor: str, parts: int) -> list[str]:
        return [tensor] if parts == 1 else self.node_many("Split", [tensor], parts, axis=0, num_outputs=parts)

    def total(self, tensor: str, axes: list[int], keep: bool = False) -> str:
        return self.node("ReduceSum", [tensor, self.constant(np.array(axes, np.int64))], keepdims=int(keep))

    def output(self, tensor: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))
