"""The page: a template with places for style, data, media and script, filled while it is written.

The page allows itself nothing but what is in it: its content security policy names the digests of its own style and
script, lets pictures and sound come from the page alone, and forbids every connection.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from edge_daemon.report.document import to_script
from edge_daemon.web.asset import shared_asset

_ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "format.js",
    "detections.js",
    "verdicts.js",
    "csv.js",
    "keys.js",
    "player.js",
    "plot.js",
    "card.js",
    "timeline.js",
    "presence.js",
    "calendar.js",
    "judged_hours.js",
    "list.js",
    "recordings.js",
    "precision.js",
    "main.js",
)
"""In the order in which they build on each other; they share one scope. Some stand in `web`, for other pages too."""


def write_page(file: TextIO, title: str, document: dict[str, Any], media: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """Write the page.

    Args:
        file: open for text.
        title: of the page, any text.
        document: what the script is given.
        media: (row, picture and sound); taken one by one, so that they need not all be in memory.
    """
    style, script = _asset("page.css"), "(() => {\n" + "\n".join(_asset(name) for name in SCRIPTS) + "\n})();\n"
    filling = {
        "title": html.escape(title),
        "style": style,
        "style-digest": _digest(style),
        "script": script,
        "script-digest": _digest(script),
        "data": to_script(document),
    }
    # the template is taken apart once, so that nothing filled in is looked at for places again
    for part in re.split(r"(\{\{[a-z-]+\}\})", _asset("page.html")):
        if part == "{{media}}":
            for row, made in media:
                file.write(f'<script type="application/json" id="media-{row}">{to_script(made)}</script>\n')
        elif part.startswith("{{"):
            file.write(filling[part[2:-2]])
        else:
            file.write(part)


def _asset(name: str) -> str:
    own = _ASSETS / name
    return (own if own.exists() else shared_asset(name)).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
