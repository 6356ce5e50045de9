"""What other threads ask of the publishing thread, which may hang: a newer order replaces the one of its kind."""

from __future__ import annotations

import threading
from collections.abc import Callable

MOST_ORDERS = 64
"""Orders of different kinds at most; the oldest gives way."""

Order = Callable[[int], None]
"""Is given the monotonic time, ns, at which it is done."""


class Orders:
    """Orders that wait; from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, Order] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, kind: str, order: Order) -> None:
        """Let an order wait, in place of an earlier one of its kind."""
        with self._lock:
            self._waiting.pop(kind, None)
            self._waiting[kind] = order
            if len(self._waiting) > MOST_ORDERS:
                del self._waiting[next(iter(self._waiting))]

    def take(self) -> list[Order]:
        """All that wait, oldest first; they wait no more."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        return list(taken.values())
