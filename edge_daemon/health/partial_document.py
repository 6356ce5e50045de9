"""A health document made part by part: what cannot be told is left out, and said to be.

A report comes from foreign code, too: a plug-in, a driver, a board. One that cannot be written as JSON, or is not what
the schema promises, would end health reports for good, just when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_daemon.health.document import HealthDocument


class PartialDocument:
    """Grows while parts report.

    Args:
        must: the fields that every document has.

    Attributes:
        document: as far as it has come; it can be written as JSON.
        left_out: why a part is not in it, by its name.

    Raises:
        ValueError: these are no document.
    """

    def __init__(self, **must: Any) -> None:
        self.document = HealthDocument.model_validate(must)
        self.left_out: dict[str, Exception] = {}

    def add(self, part: str, report: Callable[[], Any]) -> None:
        """Ask for a part, and put it in if it can be told."""
        try:
            alone = HealthDocument.model_validate({**self._least(), part: report()})
            alone.model_dump_json(by_alias=True, warnings="error")
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything
            self.left_out[part] = error
            return
        self.document = self.document.model_copy(update={part: getattr(alone, part)})

    def sentences(self) -> list[str]:
        """One on each part that is left out."""
        return [
            f"health of '{part}' cannot be told: {type(error).__name__}"
            for part, error in sorted(self.left_out.items())
        ]

    def _least(self) -> dict[str, Any]:
        fields = HealthDocument.model_fields
        return {name: getattr(self.document, name) for name, field in fields.items() if field.is_required()}
