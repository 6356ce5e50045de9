"""What a network was made from, and what of it stays with the new weights.

Weights keep the terms, the credit, the known weaknesses and the event rules of the network that they started from, and
the terms and the credit of those that taught them, unless somebody says otherwise. (A teacher's event rules and
weaknesses are its own: its pupil is another network, whose scores have another curve.) So a checkpoint carries what its
ancestors said of themselves, and `python -m export` reads it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from edge_daemon.model.model_file import ModelFile, OperatingPoint

Role = Literal["start", "teacher"]


class Ancestor(BaseModel):
    """A trained network that another one was made from, as it said of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = Field(description="Whether training started from its weights, or it taught.")
    name: str
    version: str = Field("", description="Empty for a checkpoint.")
    digest: str = Field("", description="SHA-256 of the model file, or of the checkpoint's weights.")
    licence: str | None = Field("", description="Terms of the weights; empty: none were said; null: not known.")
    credit: str = Field("", description="Line that must stay with the weights.")
    operating_point: OperatingPoint | None = None
    weaknesses: tuple[str, ...] = ()
    call_band_hz: tuple[float, float] | None = None

    @classmethod
    def of_model(cls, model: ModelFile, role: Role) -> Self:
        """What a model file says of itself."""
        said = model.metadata
        return cls(
            role=role,
            name=said.name,
            version=said.version,
            digest=model.digest,
            licence=said.provenance.licence,
            credit=said.provenance.credit,
            operating_point=said.operating_point,
            weaknesses=said.weaknesses,
            call_band_hz=said.call_band_hz,
        )

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip()


def together(texts: Iterable[str], between: str = " ") -> str:
    """Texts in a row, without those that an earlier one contains."""
    found: list[str] = []
    for text in texts:
        if text and not any(text in earlier for earlier in found):
            found.append(text)
    return between.join(found)
