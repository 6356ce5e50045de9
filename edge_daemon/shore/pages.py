"""The pages: each a template that holds its frame, and scripts that fetch what is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from edge_daemon.shore.answers import session_of, station_of
from edge_daemon.web.asset import shared_part

_TEMPLATES = Environment(
    loader=FileSystemLoader([Path(__file__).parent / "templates", shared_part("").parent]),
    autoescape=True,
    undefined=StrictUndefined,
)
_BASE = ("/shared/format.js", "/shared/site.js")
_CARDS = ("/shared/site_cards.js", "/shared/player.js", "/shared/plot.js", "/shared/card.js")


@dataclass(frozen=True, slots=True)
class StationPage:
    """A page.

    Attributes:
        name: of its template and its script.
        title: in the menu, or empty for one that is not there.
        path: its address.
        scripts: those that it builds on.
        script: its own, where that is shared with other servers; empty: that of its name.
        public: whether everybody sees it where the configuration says so.
    """

    name: str
    title: str
    path: str
    scripts: tuple[str, ...] = ()
    public: bool = False
    script: str = ""


_CALENDAR = ("/shared/plot.js", "/shared/calendar.js")
_HISTORY = ("/shared/plot.js", "/shared/device_history.js", "/assets/graticule.js")

PAGES = (
    StationPage("fleet", "Fleet", "/fleet", ("/shared/plot.js", "/assets/graticule.js"), public=True),
    StationPage("live", "Live", "/live", _CARDS, script="/shared/live.js"),
    StationPage("review", "Review", "/review", (*_CARDS, "/shared/keys.js")),
    StationPage("presence", "Presence", "/presence", _CALENDAR, public=True, script="/shared/presence_page.js"),
    StationPage("alerts", "Alerts", "/alerts"),
    StationPage("device", "", "/device/{device}", _HISTORY),
)


def show(page: StationPage) -> Callable[[Request], Response]:
    """What answers with a page."""

    def answer(request: Request) -> Response:
        scripts = [*_BASE, *page.scripts, page.script or f"/assets/{page.name}.js"]
        return rendered(request, page.name, page.path, scripts, device=request.path_params.get("device", "")[:64])

    return answer


def rendered(request: Request, name: str, here: str, scripts: list[str], **facts: Any) -> Response:
    """A page from its template."""
    station, session = station_of(request), session_of(request)
    public = station.config.web.public
    shown = [page for page in PAGES if page.title and (session is not None or (public and page.public))]
    page = {
        "user": None if session is None else session.user,
        "role": None if session is None else session.role,
        "csrf": None if session is None else session.csrf,
        "tiles": station.config.web.tiles,
        "sends_orders": station.verify is not None and session is not None and session.may("order"),
        **facts,
    }
    return HTMLResponse(
        _TEMPLATES.get_template(f"{name}.html").render(
            station=station.config.name,
            pages=[(page.path, page.title) for page in shown],
            here=here,
            user=page["user"],
            csrf=page["csrf"],
            page=page,
            scripts=scripts,
            **facts,
        )
    )
