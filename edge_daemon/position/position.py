"""The position as documents carry it: configured by hand, or a receiver's, with how it was known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from edge_daemon.documents.document import DocumentPart

if TYPE_CHECKING:
    from edge_daemon.config import Config

FixType = Literal["2d", "3d", "differential", "rtk"]
"""How good a receiver's fix is: from three satellites, from four or more, with corrections, with carrier phase."""


class PositionFix(DocumentPart):
    """How a receiver knew the position."""

    type: FixType = Field(description="`2d`, `3d`, `differential` or `rtk`.")
    accuracy_m: float | None = Field(ge=0, description="The receiver's estimate of its horizontal error, metres.")
    age_s: float = Field(
        ge=0,
        description="Seconds between the moment and the nearest fix. The device was at most"
        " 2 · position.max_speed_m_s · age_s (and the receiver's error) away from the position.",
    )


class Position(DocumentPart):
    """Where the hydrophone was, WGS 84."""

    latitude: float = Field(ge=-90, le=90, description="Degrees north.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east.")
    fix: PositionFix | None = Field(default=None, description="Of a receiver; null if it was configured by hand.")

    @classmethod
    def from_config(cls, config: Config) -> Self | None:
        """The configured position; None without one, and for a device with a receiver."""
        latitude, longitude = config.device.latitude, config.device.longitude
        if config.position.source != "fixed" or latitude is None or longitude is None:
            return None
        return cls(latitude=latitude, longitude=longitude)
