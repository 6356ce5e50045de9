"""Why a place cannot be written though its permissions allow it: its file system is read-only."""

from __future__ import annotations

import os
from pathlib import Path


def why_read_only(path: Path) -> str:
    """What a person may do about a read-only file system, a sentence; empty if the path's is not.

    A failing card is remounted read-only. Under systemd everything outside of the unit's own folders is read-only too
    (`ProtectSystem=strict`), which looks the same from inside.
    """
    place = path.absolute()
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        if not os.statvfs(place).f_flag & os.ST_RDONLY:
            return ""
    except OSError:
        return ""
    if "INVOCATION_ID" in os.environ:  # systemd started us
        return (
            f"{place} is read-only for this service: allow it with ReadWritePaths= in a drop-in "
            "(docs/operator.md), or check the card if it was writable before."
        )
    return f"{place} is on a read-only file system: check the card (dmesg)."
