"""Topics that the broker is known to take: a message of each has been delivered since the start."""

from __future__ import annotations

from collections.abc import Iterable

from edge_daemon.mqtt.refusals import MOST_TOPICS


class ProvenTopics:
    """Names of topics."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def __contains__(self, topic: str) -> bool:
        return topic in self._names

    def add(self, topic: str) -> None:
        """A message of it was delivered."""
        if len(self._names) >= MOST_TOPICS:  # a device has few; old names may add to them
            self._names.clear()
        self._names.add(topic)

    def unproven(self, topics: Iterable[str]) -> frozenset[str]:
        """Those of which none was."""
        return frozenset(topics) - self._names
