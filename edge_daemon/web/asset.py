"""The files that pages share."""

from __future__ import annotations

from pathlib import Path

_ROOM = Path(__file__).parent


def shared_asset(name: str) -> Path:
    """Where a style or script stands that several pages use."""
    return _ROOM / "assets" / name


def shared_part(name: str) -> Path:
    """Where a part of a page stands, plain HTML, that several servers use."""
    return _ROOM / "parts" / name
