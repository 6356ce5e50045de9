"""Failures in the log, without filling it even if they repeat for months.

A task that is tried four times a second and fails for months would write gigabytes to the card that it may be failing
on. So a failure is logged the first time, the second, the fourth, the eighth …, with its number.
"""

from __future__ import annotations

import logging
from collections import Counter


class RepeatedErrorLog:
    """Failures so far, by what failed and with which kind of exception.

    Args:
        log: where they are told.
        sentence: what is said.
    """

    def __init__(self, log: logging.Logger, sentence: str) -> None:
        self._log, self._sentence = log, sentence
        self._times: Counter[tuple[str, str]] = Counter()

    def tell(self, task: str, error: BaseException) -> None:
        """Count a failure, and log it if its number is a power of two."""
        kind = (task, type(error).__name__)
        self._times[kind] += 1
        times = self._times[kind]
        if times & (times - 1) == 0:
            self._log.error(self._sentence, exc_info=error, extra={"task": task, "times": times})
