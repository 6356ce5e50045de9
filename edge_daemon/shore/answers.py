"""What the pages' routes have in common: who asks, what he or she may do, and the forms of answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from edge_daemon.shore.accounts import Role, UserSession
from edge_daemon.shore.station import Station

COOKIE = "station"
Answer = Callable[[Request], Any]


def station_of(request: Request) -> Station:
    """The station that the request came to."""
    station: Station = request.app.state.station
    return station


def session_of(request: Request) -> UserSession | None:
    """Who asks; None for somebody who has not logged in."""
    known: UserSession | None = request.state.session
    return known


async def note_session(request: Request) -> None:
    """Find out who asks."""
    token = request.cookies.get(COOKIE, "")
    accounts = station_of(request).accounts
    request.state.session = await run_in_threadpool(accounts.session, token, time.time_ns()) if token else None


def allowing(role: Role, answer: Answer, *, public: bool = False, page: bool = False) -> Answer:
    """A route for users with a role.

    Args:
        role: the lowest that may.
        answer: called in a thread with the request, whose body is in `request.state.body`.
        public: everybody may, where the configuration says so.
        page: whoever has not logged in is sent to do so.
    """

    async def endpoint(request: Request) -> Response:
        await note_session(request)
        session = session_of(request)
        open_to_all = public and station_of(request).config.web.public
        if session is None and not open_to_all:
            if page:
                return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
            return problem("Log in first.", 401)
        if session is not None and not session.may(role):
            return problem(f"Your role is `{session.role}`; this needs `{role}`.", 403)
        request.state.body = await request.body()
        if request.method not in ("GET", "HEAD"):
            given = request.headers.get("x-csrf-token", "") or form(request.state.body).get("csrf", "")
            if session is None or given != session.csrf:
                return problem("The page is out of date: load it again.", 403)
        made: Response = await run_in_threadpool(answer, request)
        return made

    return endpoint


def form(body: bytes) -> dict[str, str]:
    """Fields of a plain form; the first of each name."""
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20, keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def problem(text: str, status: int) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"problem": text}, status)


def number(request: Request, name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number of the query, within bounds."""
    text = request.query_params.get(name, "")
    return min(most, max(least, int(text))) if text.isascii() and text.isdecimal() and len(text) < 20 else otherwise


def body_json(request: Request) -> Any:
    """The body of a request.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(request.state.body)
    except RecursionError:
        raise ValueError("nested too deep") from None
