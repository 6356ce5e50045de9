"""Priorities of messages that wait for room: in the byte budget, or among those that are set aside."""

from __future__ import annotations


class RestingPriorities:
    """Which priorities are not asked for, and until when.

    Attributes:
        held: those that wait for the byte budget.
    """

    def __init__(self) -> None:
        self.held: set[int] = set()
        self._until_ns: dict[int, int] = {}

    def rest(self, priority: int, until_ns: int, *, for_budget: bool = False) -> None:
        """None of it is wanted before that monotonic time."""
        self._until_ns[priority] = until_ns
        if for_budget:
            self.held.add(priority)

    def wake(self, now_ns: int) -> bool:
        """Let those go whose time has come; whether there were some."""
        rested = [priority for priority, until_ns in self._until_ns.items() if now_ns >= until_ns]
        for priority in rested:
            del self._until_ns[priority]
            self.held.discard(priority)
        return bool(rested)

    @property
    def all(self) -> frozenset[int]:
        """Those that rest."""
        return frozenset(self._until_ns)

    @property
    def next_ns(self) -> int | None:
        """When the first of them wakes; None without any."""
        return min(self._until_ns.values(), default=None)
