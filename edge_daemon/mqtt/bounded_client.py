"""paho's client with a bound on what a broker may send: MQTT allows 256 MB, for which the unit's memory has no room."""

from __future__ import annotations

import errno

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOST_BYTES = 2_000_000
"""Longest packet that is taken; the longest of our own, which may come back, is an excerpt of a megabyte."""


class BoundedClient(Client):
    """Ends the connection where a longer packet begins to come."""

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MOST_BYTES:
            raise OSError(errno.EMSGSIZE, f"the broker sent a packet of {bufsize} bytes")
        received: bytes = super()._sock_recv(bufsize)
        return received


def bound() -> Properties:
    """What tells a broker of version 5 of it, in CONNECT; a good one then sends nothing longer."""
    told = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    told.MaximumPacketSize = MOST_BYTES
    return told
