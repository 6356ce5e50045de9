"""The files that pages share."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"


def shared_asset(name: str) -> Path:
    """Where a style or script stands that several pages use."""
    return _FOLDER / name
