"""Names of the topics on which a device speaks: `{prefix}/{device}/{subject}`."""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.documents.compact.unpacking import PACKED

ONLINE = b"online"
OFFLINE = b"offline"
"""Retained payloads of the status topic; plain words, so that every dashboard understands them."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one device.

    Attributes:
        prefix: first part, as `edge_daemon`.
        device: the device's id.
    """

    prefix: str
    device: str

    @property
    def detections(self) -> str:
        """One JSON document per detection, QoS 1."""
        return f"{self.prefix}/{self.device}/detections"

    @property
    def status(self) -> str:
        """`online` or `offline`, retained; the broker itself says `offline` when the device is lost (last will)."""
        return f"{self.prefix}/{self.device}/status"

    @property
    def health(self) -> str:
        """Periodic health document, QoS 0."""
        return f"{self.prefix}/{self.device}/health"

    @property
    def excerpts(self) -> str:
        """Sound of events, one JSON document each, QoS 0; only where configured."""
        return f"{self.prefix}/{self.device}/excerpts"

    @property
    def lost_clips(self) -> str:
        """Clips that detections named and that there will not be, one JSON document each, QoS 1."""
        return f"{self.prefix}/{self.device}/lost_clips"

    @property
    def thumbnails(self) -> str:
        """A very small picture of each call, one JSON document each, QoS 1; only where configured."""
        return f"{self.prefix}/{self.device}/thumbnails"

    @property
    def packed(self) -> str:
        """All documents in compact form, QoS as theirs; only where configured, and then instead of the others."""
        return f"{self.prefix}/{self.device}/{PACKED}"

    @property
    def presence(self) -> str:
        """How many calls were found in each quarter of an hour, and how long was listened, QoS 1."""
        return f"{self.prefix}/{self.device}/presence"

    @property
    def orders(self) -> str:
        """Signed orders for this device; read only where configured."""
        return f"{self.prefix}/{self.device}/orders"

    @property
    def replies(self) -> str:
        """What became of orders, one JSON document each, QoS 1."""
        return f"{self.orders}/reply"

    @property
    def clip_parts(self) -> str:
        """The sound of detections that an order asked for, in parts, one JSON document each, QoS 1."""
        return f"{self.prefix}/{self.device}/clips"

    def group_orders(self, group: str) -> str:
        """Signed orders for all devices of a group; no device's id begins with @."""
        return f"{self.prefix}/@{group}/orders"

    @property
    def effort(self) -> str:
        """What was listened to and what was lost, QoS 1."""
        return f"{self.prefix}/{self.device}/effort"
