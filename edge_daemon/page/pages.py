"""The pages' frames: made once, since nothing in them changes; scripts fetch what does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from edge_daemon.web.asset import shared_asset, shared_part

_ROOM = Path(__file__).parent
_BASE = ("/shared/format.js", "/shared/site.js", "/shared/plot.js")
_CARDS = ("/shared/site_cards.js", "/shared/player.js", "/shared/card.js")


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A page.

    Attributes:
        title: in the menu.
        parts: what it is made of, one below the other.
        scripts: in the order in which they run.
    """

    title: str
    parts: tuple[Path, ...]
    scripts: tuple[str, ...]


PAGES = {
    "/live": BoardPage(
        "Live",
        (_ROOM / "templates/live.html", shared_part("live.html")),
        (*_BASE, *_CARDS, "/shared/live.js", "/assets/waterfall.js"),
    ),
    "/presence": BoardPage(
        "Presence", (shared_part("presence.html"),), (*_BASE, "/shared/calendar.js", "/shared/presence_page.js")
    ),
    "/device": BoardPage(
        "Device",
        (shared_part("device_history.html"),),
        (*_BASE, "/shared/device_history.js", "/assets/board_device.js"),
    ),
}
ASSETS = {
    f"/{folder}/{path.name}": path
    for folder, place in (("shared", shared_asset("")), ("assets", _ROOM / "assets"))
    for path in place.iterdir()
}
"""Styles and scripts by their address."""


def page_html(path: str, device: str, *, asks: bool) -> bytes:
    """A page.

    Args:
        path: its address, one of `PAGES`.
        device: the device's id.
        asks: whether somebody has logged in, and can log out.
    """
    page = PAGES[path]
    main = "".join(part.read_text(encoding="utf-8") for part in page.parts)
    if path == "/device":
        main = f"<h1>{escape(device)}</h1>\n{main}"
    account = ""
    if asks:
        account = '<form method="post" action="/logout" class="account"><button>Log out</button></form>\n'
    return _framed(page.title, device, main, account, page.scripts, here=path)


def login_html(device: str, wanted: str, problem: str) -> bytes:
    """The form that asks for the password.

    Args:
        device: the device's id.
        wanted: the page to go on to, one of `PAGES`.
        problem: why it is shown again, or empty.
    """
    told = f'<p class="problem" role="alert">{escape(problem)}</p>\n' if problem else ""
    form = Template((_ROOM / "templates/login.html").read_text(encoding="utf-8"))
    return _framed("Log in", device, form.substitute(problem=told, next=escape(wanted)), "", ())


def _framed(title: str, device: str, main: str, account: str, scripts: tuple[str, ...], here: str = "") -> bytes:
    current = {here: ' aria-current="page"'}
    menu = "".join(f'<a href="{path}"{current.get(path, "")}>{page.title}</a>\n' for path, page in PAGES.items())
    given = json.dumps({"user": None, "role": "look", "csrf": "", "tiles": None, "device": device})
    for letter in "<>&":  # inside a script the end of one is still an end
        given = given.replace(letter, f"\\u{ord(letter):04x}")
    layout = Template((_ROOM / "templates/layout.html").read_text(encoding="utf-8"))
    return layout.substitute(
        title=title,
        device=escape(device),
        menu=menu if here else "",
        account=account,
        main=main,
        given=given,
        scripts="".join(f'<script src="{script}"></script>\n' for script in scripts),
    ).encode()
