"""Keeps secrets out of what people read: each is known by its value, so it does not matter by which way it comes."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN = "(secret)"


class Redaction:
    """Replaces secret values in texts.

    A value is replaced where it stands as a word of its own, so that a short one does not spoil every other word.

    Args:
        secrets: the values; empty ones are passed over.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(secret for secret in secrets if secret.strip())
        longest_first = sorted(self.secrets, key=len, reverse=True)
        words = "|".join(re.escape(secret) for secret in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(SHOWN, text)

    def with_more(self, secrets: Iterable[str]) -> Redaction:
        """One that knows these, too."""
        return Redaction(self.secrets.union(secrets))
