"""Topics on which the broker refuses messages (a right that is missing, a quota), and when each is tried again.

A refusal concerns a topic. It is tried with one message at a time, after pauses that grow, and all such trials together
have a small share of the byte budget of their own: a topic that stays refused for months takes next to nothing from
the others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge_daemon.mqtt.rate_limits import HourBudget
from edge_daemon.system.backoff import Backoff, Retry

PAUSES = Backoff(first_s=30.0, limit_s=480.0, jitter=0.0)
"""Rest of a topic after a refusal."""
PROBE_SHARE = 0.02
"""Part of the hour's bytes that trials of refused topics may take; one an hour is always allowed."""
MOST_TOPICS = 64


@dataclass(slots=True)
class _Refused:
    reason: str
    retry: Retry
    probing: bool = False


class Refusals:
    """The topics that are refused now.

    Args:
        rng: for the pauses' jitter.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._topics: dict[str, _Refused] = {}
        self._spent = HourBudget(None)

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    @property
    def reasons(self) -> dict[str, str]:
        """The broker's reason by topic, of those that it refuses now; the newest last."""
        return {topic: refused.reason for topic, refused in self._topics.items()}

    def refused(self, topic: str, reason: str, now_ns: int) -> None:
        """The broker has refused a message of this topic."""
        entry = self._topics.pop(topic, None) or _Refused(reason, Retry(PAUSES, self._rng))
        if entry.probing or entry.retry.next_ns is None:  # those sent before the first refusal came are one refusal
            entry.retry.failed(now_ns)
        entry.reason, entry.probing = reason, False
        self._topics[topic] = entry
        if len(self._topics) > MOST_TOPICS:
            del self._topics[next(iter(self._topics))]

    def taken(self, topic: str) -> bool:
        """The broker has taken a message of this topic; True if it refused them until now."""
        return self._topics.pop(topic, None) is not None

    def resting(self, now_ns: int) -> frozenset[str]:
        """Topics of which nothing may be sent now."""
        return frozenset(t for t, one in self._topics.items() if one.probing or not one.retry.due(now_ns))

    def next_ns(self, now_ns: int) -> int | None:
        """When the first rest ends, of those that have not ended yet."""
        ends = (one.retry.next_ns for one in self._topics.values() if not one.probing)
        return min((end for end in ends if end is not None and end > now_ns), default=None)

    def may_send(self, topic: str, cost: int, limit: int | None, now_ns: int) -> bool:
        """Whether a message may go now; if its topic was refused, it is the one trial.

        Args:
            topic: where it goes.
            cost: bytes that it takes.
            limit: the hour's byte budget; None for no limit.
            now_ns: monotonic time.
        """
        refused = self._topics.get(topic)
        if refused is None:
            return True
        if refused.probing or not refused.retry.due(now_ns):
            return False
        spent = self._spent.spent(now_ns)
        if limit is not None and spent and spent + cost > PROBE_SHARE * limit:
            refused.retry.next_ns = self._spent.next_ns(now_ns)
            return False
        refused.probing = True
        self._spent.spend(cost, now_ns)
        return True

    def connection_ended(self) -> None:
        """Trials under way will not be answered."""
        for one in self._topics.values():
            one.probing = False
