"""A health document made part by part: what cannot be told is left out, and said to be.

A report comes from foreign code, too: a plug-in, a driver, a board. One that cannot be written as JSON, or is not what
the schema promises, would end health reports for good, just when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge_daemon.health.document import HealthDocument


class PartialDocument:
    """Grows while parts report; all of them are looked at together, and one by one only if something is wrong.

    Args:
        must: the fields that every document has.

    Raises:
        ValueError: these are no document.
    """

    def __init__(self, **must: Any) -> None:
        self._must = must
        self._parts: dict[str, Any] = {}
        self._left_out: dict[str, Exception] = {}
        self._document: HealthDocument | None = self._told({})

    def add(self, part: str, report: Callable[[], Any]) -> None:
        """Ask for a part."""
        try:
            self._parts[part] = report()
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything
            self._left_out[part] = error
        else:
            self._document = None

    @property
    def document(self) -> HealthDocument:
        """What can be told, so that it can be written as JSON."""
        if self._document is None:
            try:
                self._document = self._told(self._parts)
            except Exception:  # noqa: BLE001 - so may what it has handed over
                for part, report in list(self._parts.items()):
                    self._try_alone(part, report)
                self._document = self._told(self._parts)
        return self._document

    @property
    def left_out(self) -> dict[str, Exception]:
        """Why a part is not in the document, by its name."""
        _ = self.document
        return self._left_out

    def sentences(self) -> list[str]:
        """One on each part that is left out."""
        return [
            f"health of '{part}' cannot be told: {type(error).__name__}"
            for part, error in sorted(self.left_out.items())
        ]

    def _try_alone(self, part: str, report: Any) -> None:
        try:
            self._told({part: report})
        except Exception as error:  # noqa: BLE001 - as above
            self._left_out[part] = error
            del self._parts[part]

    def _told(self, parts: Mapping[str, Any]) -> HealthDocument:
        document = HealthDocument.model_validate({**self._must, **parts})
        document.model_dump_json(by_alias=True, warnings="error")
        return document
