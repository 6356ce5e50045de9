"""The web application: which address shows what, to whom."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_daemon.presence.periods import PresenceRule
from edge_daemon.shore import cards
from edge_daemon.shore.answers import allowing, body_json, number, problem, session_of, station_of
from edge_daemon.shore.device_history import MOST_DAYS, device_history
from edge_daemon.shore.events import events
from edge_daemon.shore.fleet import fleet, names, tracks
from edge_daemon.shore.guard import Guard
from edge_daemon.shore.judging import VERDICT_WORDS, Judgement, judge
from edge_daemon.shore.login import log_in, log_out, show_login
from edge_daemon.shore.order_sending import NotSentError, send_order
from edge_daemon.shore.pages import PAGES, show
from edge_daemon.shore.playable_sound import playable
from edge_daemon.shore.presence_days import MOST_DAYS as MOST_PRESENCE_DAYS
from edge_daemon.shore.presence_days import calendar, presence_csv
from edge_daemon.shore.presence_exports import occurrence_csv, pars_archive
from edge_daemon.shore.station import Station
from edge_daemon.web.asset import shared_asset

_ASSETS = Path(__file__).parent / "assets"


def application(station: Station) -> Starlette:
    """The ASGI application of a station; it starts and stops it."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        import asyncio

        station.feed.begin(asyncio.get_running_loop())
        station.start()
        yield
        await asyncio.to_thread(station.stop)

    web = station.config.web
    tiles = urlsplit(web.tiles or "")
    origin = f"{tiles.scheme}://{tiles.netloc}" if tiles.netloc else ""
    hosts = frozenset(host.strip("[]") for host in web.hosts)
    pages = [Route(page.path, allowing("look", show(page), public=page.public, page=True)) for page in PAGES]
    app = Starlette(
        routes=[
            Route("/", lambda _request: RedirectResponse("/fleet")),
            *pages,
            Route("/login", show_login, methods=["GET"]),
            Route("/login", log_in, methods=["POST"]),
            Route("/logout", allowing("look", log_out), methods=["POST"]),
            Route("/events", events),
            Route("/api/fleet", allowing("look", _fleet, public=True)),
            Route("/api/devices", allowing("look", _devices, public=True)),
            Route("/api/detections", allowing("look", _detections)),
            Route("/api/detections/{number:int}", allowing("look", _detection)),
            Route("/api/detections/{number:int}/verdict", allowing("judge", _verdict), methods=["POST"]),
            Route("/api/devices/{device}", allowing("look", _device)),
            Route("/api/presence/{device}", allowing("look", _presence, public=True)),
            Route("/presence/{device}.csv", allowing("look", _presence_csv)),
            Route("/presence/{device}/pars.zip", allowing("look", _pars)),
            Route("/presence/{device}/occurrence.csv", allowing("look", _occurrences)),
            Route("/sound/{number:int}", allowing("look", _sound)),
            Route("/api/orders", allowing("order", _send_order), methods=["POST"]),
            Route("/api/alerts", allowing("look", _alerts)),
            Route("/api/alerts/test", allowing("order", _test_alert), methods=["POST"]),
            Mount("/shared", StaticFiles(directory=shared_asset(""))),
            Mount("/assets", StaticFiles(directory=_ASSETS)),
        ],
        middleware=[Middleware(Guard, hosts=hosts, tiles=origin)],
        lifespan=lifespan,
    )
    app.state.station = station
    return app


def _fleet(request: Request) -> Response:
    with station_of(request).database.reading() as connection:
        found, moved = fleet(connection, time.time_ns()), tracks(connection, time.time_ns())
    return JSONResponse({"now": time.time(), "devices": found, "tracks": moved})


def _devices(request: Request) -> Response:
    with station_of(request).database.reading() as connection:
        return JSONResponse({"devices": names(connection)})


def _detections(request: Request) -> Response:
    which = request.query_params.get("which", "all")
    if which not in ("all", "open", *VERDICT_WORDS):
        return problem("There are no such detections.", 400)
    most = 2**63 - 1
    before = None
    if "before" in request.query_params:
        before = (number(request, "at", 0, most, most), number(request, "before", 0, most, most))
    with station_of(request).database.reading() as connection:
        device = request.query_params.get("device") or None
        found = cards.newest(connection, which=which, device=device, before=before)
        last = cards.highest(connection)
    return JSONResponse({"last": last, "detections": found, "more": len(found) == cards.PAGE})


def _detection(request: Request) -> Response:
    with station_of(request).database.reading() as connection:
        found = cards.numbered(connection, [request.path_params["number"]])
    return JSONResponse(found[0]) if found else problem("There is no such detection.", 404)


def _verdict(request: Request) -> Response:
    station, session = station_of(request), session_of(request)
    assert session is not None  # noqa: S101 - the route is for those who may judge
    try:
        said = Judgement.read(body_json(request))
    except ValueError as error:
        return problem(f"Not understood: {error}.", 400)
    detection = request.path_params["number"]
    device = judge(station.database, detection, session.user, said, time.time_ns())
    if device is None:
        return problem("There is no such detection.", 404)
    if device and station.alarm.judged(device, session.user, time.time_ns()):
        station.courier.wake()
    station.feed.tell([detection])
    return _detection(request)


def _device(request: Request) -> Response:
    days = number(request, "days", 1, MOST_DAYS, 7)
    with station_of(request).database.reading() as connection:
        found = device_history(connection, request.path_params["device"], days, time.time_ns())
    return JSONResponse(found) if found else problem("There is no such device.", 404)


def _rule(request: Request) -> PresenceRule:
    return PresenceRule.from_config(station_of(request).config.presence)


def _presence(request: Request) -> Response:
    days = number(request, "days", 1, MOST_PRESENCE_DAYS, 31)
    with station_of(request).database.reading() as connection:
        found = calendar(connection, request.path_params["device"], days, time.time_ns(), _rule(request))
    return JSONResponse(found) if found else problem("There is no such device.", 404)


def _presence_csv(request: Request) -> Response:
    days, hourly = number(request, "days", 1, MOST_PRESENCE_DAYS, 31), request.query_params.get("by") == "hour"
    with station_of(request).database.reading() as connection:
        device, rule = request.path_params["device"], _rule(request)
        text = presence_csv(connection, device, days, time.time_ns(), rule, hourly=hourly)
    return _download(text, "text/csv", "presence.csv")


def _pars(request: Request) -> Response:
    days = number(request, "days", 1, MOST_PRESENCE_DAYS, 31)
    with station_of(request).database.reading() as connection:
        device, config = request.path_params["device"], station_of(request).config
        made = pars_archive(connection, config, device, days, time.time_ns())
    return _download(made, "application/zip", "pars.zip")


def _occurrences(request: Request) -> Response:
    days, hourly = number(request, "days", 1, MOST_PRESENCE_DAYS, 31), request.query_params.get("by") == "hour"
    with station_of(request).database.reading() as connection:
        device, config = request.path_params["device"], station_of(request).config
        made = occurrence_csv(connection, config, device, days, time.time_ns(), hourly=hourly)
    return _download(made, "text/csv", "occurrence.csv")


def _download(made: str | bytes | None, kind: str, name: str) -> Response:
    if made is None:
        return problem("There is no such device.", 404)
    return Response(made, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _sound(request: Request) -> Response:
    with station_of(request).database.reading() as connection:
        found = cards.sound_of(connection, request.path_params["number"])
    kept = {"Cache-Control": "private, max-age=86400"}
    if found is not None and "sent" in request.query_params:
        return Response(found[0], media_type=f"audio/{found[1]}", headers=kept)
    sound = None if found is None else playable(found[0])
    if sound is None:
        return problem("There is no sound of that.", 404)
    return Response(sound, media_type="audio/flac", headers=kept)


def _send_order(request: Request) -> Response:
    station, session = station_of(request), session_of(request)
    assert session is not None  # noqa: S101 - the route is for those who may order
    if station.verify is None:
        return problem("No key of those who give orders is configured (orders.public_keys).", 409)
    try:
        data = body_json(request)
        text = data.get("order") if isinstance(data, dict) else None
        to = send_order(station, station.verify, session.user, text, time.time_ns())
    except ValueError as error:  # no JSON, or an `UnfitError`
        return problem(f"The order was not sent: {error}.", 400)
    except NotSentError:
        return problem("The order was not sent: there is no connection to the broker.", 503)
    return JSONResponse({"to": to})


def _alerts(request: Request) -> Response:
    return JSONResponse(station_of(request).alarm.listed())


def _test_alert(request: Request) -> Response:
    station, session = station_of(request), session_of(request)
    assert session is not None  # noqa: S101 - the route is for those who may order
    try:
        channel = body_json(request)["channel"]
        known = station.alarm.test(str(channel), session.user, time.time_ns())
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        return problem("There is no such channel.", 404)
    station.courier.wake()
    return JSONResponse({})
