"""Server-sent events of an open page: the input as it is heard, and detections as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_daemon.errors import StorageError
from edge_daemon.page.board_history import CARDS, card, newest_cards, open_board, read
from edge_daemon.page.daemon_link import DaemonLink

QUIET_S = 10.0
"""A sign of life at least so often, so that a dead connection is noticed."""
_RETRY = b"retry: 2000\n\n"
_ALIVE = b": still here\n\n"
MOST_SEEN = 10 * CARDS


def input_events(link: DaemonLink) -> Iterator[bytes | None]:
    """`hello`, `state`, `sound` and `gone`, as the daemon tells them; None at once if too many look."""
    viewer = link.join("hello", "state", "sound")
    if viewer is None:
        yield None
        return
    try:
        yield _RETRY
        while True:
            found = viewer.next(QUIET_S)
            yield _ALIVE if found is None else found[1]
    finally:
        link.leave(viewer)


def detection_events(link: DaemonLink, folder: Path) -> Iterator[bytes | None]:
    """`detection`: at once when the daemon tells one, and whatever else the history has; None if too many look.

    The history is looked at now and then: it has what came while the daemon's socket was away.
    """
    viewer = link.join("detection")
    if viewer is None:
        yield None
        return
    try:
        yield _RETRY
        seen: dict[int, bool] = {}
        due = 0.0
        while True:
            if time.monotonic() >= due:
                due = time.monotonic() + QUIET_S
                fresh = [one for one in _kept(folder) if seen.get(one["number"]) != bool(one["picture"])]
                for made in fresh:
                    seen[made["number"]] = bool(made["picture"])
                    yield _event(made)
                while len(seen) > MOST_SEEN:
                    del seen[next(iter(seen))]
            found = viewer.next(max(0.1, due - time.monotonic()))
            if found is None:
                yield _ALIVE
            elif found[0] == "detection":
                made_now = _told(found[1])
                if made_now is not None:
                    seen[made_now["number"]] = bool(made_now["picture"])
                    yield _event(made_now)
    finally:
        link.leave(viewer)


def _kept(folder: Path) -> list[dict[str, Any]]:
    """Cards of the newest detections, the oldest of them first; none where the history cannot be read now."""
    try:
        with open_board(folder) as connection:
            return newest_cards(connection)[::-1]
    except StorageError:
        return []


def _told(event: bytes) -> dict[str, Any] | None:
    told = read(event.decode().partition("data: ")[2])
    if told is None:
        return None
    document, picture = told.get("document"), told.get("picture")
    return card(None, document if isinstance(document, dict) else None, picture if isinstance(picture, dict) else None)


def _event(made: dict[str, Any]) -> bytes:
    return f"event: detection\ndata: {json.dumps(made)}\n\n".encode()
