"""Logging in and out."""

from __future__ import annotations

import re
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge_daemon.shore.answers import COOKIE, form, note_session, station_of
from edge_daemon.shore.pages import rendered

_PATH = re.compile(r"/[\w./-]*")


async def show_login(request: Request) -> Response:
    """The form."""
    await note_session(request)
    return _form(request, request.query_params.get("next", ""))


async def log_in(request: Request) -> Response:
    """Take name and password."""
    await note_session(request)
    fields = form(await request.body())
    name, password = fields.get("name", ""), fields.get("password", "")
    client = "" if request.client is None else request.client.host
    tries = station_of(request).tries
    if not (tries.allows(f"address {client}") and tries.allows(f"name {name[:64]}")):
        return _form(request, fields.get("next", ""), "Too many tries. Wait a few minutes.", 429)
    token = await run_in_threadpool(station_of(request).accounts.log_in, name, password, time.time_ns())
    if token is None:
        return _form(request, fields.get("next", ""), "Name or password is wrong.", 403)
    answer = RedirectResponse(_own_path(fields.get("next", "")), 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, path="/")
    return answer


def log_out(request: Request) -> Response:
    """End the session."""
    station_of(request).accounts.log_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _form(request: Request, wanted: str, problem: str = "", status: int = 200) -> Response:
    answer = rendered(request, "login", "/login", [], next=_own_path(wanted), problem=problem)
    answer.status_code = status
    return answer


def _own_path(wanted: str) -> str:
    """The page to go on to: one of ours, never an address elsewhere."""
    return wanted if _PATH.fullmatch(wanted) and not wanted.startswith("//") else "/fleet"
