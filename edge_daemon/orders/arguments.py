"""The kinds of orders, and what each is told."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge_daemon.orders.order import ShoreOrder
from edge_daemon.orders.refusal import OrderRefusedError

MOST_VALUES = 64
MOST_MODEL_BYTES = 256_000_000
LEAST_PIECE, MOST_PIECE = 256, 32_768
MOST_PIECES = 10_000
"""Of one model: each is a file on the device, which takes a block however short it is."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Arguments(BaseModel):
    """Arguments of an order: of these and no others, each of its own type. By itself: of an order without any."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SetArguments(Arguments):
    """Of `set`: values of live keys, by their path; and keys whose ordered value goes again."""

    values: dict[str, Any] = Field(default_factory=dict, max_length=MOST_VALUES)
    unset: list[str] = Field(default_factory=list, max_length=MOST_VALUES)

    @model_validator(mode="after")
    def _something(self) -> SetArguments:
        if not self.values and not self.unset:
            raise ValueError("nothing is set")
        if self.values.keys() & set(self.unset):
            raise ValueError("a key is set and unset")
        return self


class ClipArguments(Arguments):
    """Of `clip`: the id of a detection."""

    id: str

    @field_validator("id")
    @classmethod
    def _canonical(cls, value: str) -> str:
        if str(UUID(value)) != value:
            raise ValueError("not the id of a detection")
        return value


class ModelArguments(Arguments):
    """Of `model`: the file that is to be taken, and how it is cut into pieces."""

    digest: Digest
    size: int = Field(ge=1, le=MOST_MODEL_BYTES)
    piece_bytes: int = Field(ge=LEAST_PIECE, le=MOST_PIECE)

    @model_validator(mode="after")
    def _few(self) -> ModelArguments:
        if self.pieces > MOST_PIECES:
            raise ValueError(f"the model is cut into more than {MOST_PIECES} pieces")
        return self

    @property
    def pieces(self) -> int:
        """How many there are."""
        return -(-self.size // self.piece_bytes)

    def length(self, number: int) -> int:
        """Bytes of a piece, counted from 0."""
        return min(self.piece_bytes, self.size - number * self.piece_bytes)


class PieceArguments(Arguments):
    """Of `piece`: which one of which file; the bytes are attached."""

    digest: Digest
    number: int = Field(ge=0)


KINDS: dict[str, type[Arguments]] = {
    "set": SetArguments,
    "reload": Arguments,
    "clip": ClipArguments,
    "health": Arguments,
    "model": ModelArguments,
    "piece": PieceArguments,
    "roll_back": Arguments,
    "restart": Arguments,
}
"""All kinds: set live keys; read the configuration file again; send the sound of a detection; send health now; take a
model; a piece of it; go back to what was before the last change; start anew."""


def arguments_of(order: ShoreOrder) -> Arguments:
    """The arguments of an order.

    Raises:
        OrderRefusedError: `kind` or `arguments`.
    """
    form = KINDS.get(order.kind)
    if form is None:
        raise OrderRefusedError("kind", f"there is no order {order.kind!r}")
    if bool(order.attachment) != (order.kind == "piece"):
        raise OrderRefusedError("arguments", "bytes are attached, or lacking")
    try:
        return form.model_validate(dict(order.arguments))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise OrderRefusedError("arguments", f"{place}: {first['msg']}".removeprefix(": ")[:200]) from None
