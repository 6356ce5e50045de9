"""Aliases of topics: a number in place of a topic that the broker has heard before on this connection (MQTT 5)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class TopicAliases:
    """The aliases of one connection: the first topics get them.

    Attributes:
        most: how many the broker takes.
    """

    most: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def peek(self, topic: str) -> tuple[str, bool]:
        """The topic as it would be sent now, and whether with an alias."""
        if topic in self._known:
            return "", True
        return topic, len(self._known) < self.most

    def use(self, topic: str) -> tuple[str, int | None]:
        """The topic as it is sent, empty where the broker knows its alias; and the alias, if it has one."""
        if topic in self._known:
            return "", self._known[topic]
        if len(self._known) >= self.most:
            return topic, None
        self._known[topic] = len(self._known) + 1
        return topic, self._known[topic]
