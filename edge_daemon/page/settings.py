"""What the page's process needs to know of the configuration, in plain data that can be handed over."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from edge_daemon.page.sessions import PageSecret
from edge_daemon.presence.periods import PresenceRule


@dataclass(frozen=True, slots=True)
class PageSettings:
    """All that the page is told at its start.

    Attributes:
        device: the device's id.
        folder: where the daemon keeps its databases.
        socket: by which the daemon tells what it hears.
        hosts: names by which browsers call the board.
        secret: of the page's password; None if it asks for none.
        session_s: for how long a browser is remembered, seconds.
        rule: what makes an hour one with whales.
    """

    device: str
    folder: str
    socket: str
    hosts: tuple[str, ...]
    secret: PageSecret | None
    session_s: float
    rule: PresenceRule

    def to_json(self) -> str:
        """To be read by `from_json` of the same version."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` has written."""
        told = json.loads(text)
        secret = None if told["secret"] is None else PageSecret(**told["secret"])
        parts = {"hosts": tuple(told["hosts"]), "secret": secret, "rule": PresenceRule(**told["rule"])}
        return cls(**told | parts)
