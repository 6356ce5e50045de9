"""Who may see and do what; what the pages' requests answer; verdicts of several reviewers."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import soundfile
from sqlalchemy import select

from edge_daemon.shore import fleet
from edge_daemon.shore.application import application
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.judging import Judgement, judge
from edge_daemon.shore.station import Station
from edge_daemon.shore.tables import HOURS, VERDICTS
from edge_daemon.web.rate_limit import RateLimit
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, effort, excerpt, health, message, thumbnail
from tests.edge_daemon.shore.station_fixtures import PASSWORD, Visitor

NOW = time.time_ns()
API = ["/api/fleet", "/api/devices", "/api/detections", "/api/detections/1", "/api/devices/buoy-1",
       "/api/presence/buoy-1", "/sound/1", "/api/alerts", "/presence/buoy-1.csv", "/presence/buoy-1/pars.zip",
       "/presence/buoy-1/occurrence.csv", "/events"]  # fmt: skip
PAGES = ["/fleet", "/live", "/review", "/presence", "/alerts", "/device/buoy-1"]


def fill(station: Station, *documents: dict[str, Any]) -> None:
    batch = [read_message("edge_daemon", *message(document)) for document in documents]
    Intake(station.database, station.alarm.consider).take([one for one in batch if isinstance(one, Incoming)], NOW)


@pytest.fixture
def full(visitor: Visitor) -> Visitor:
    """A station with four detections of two devices."""
    found = detection("buoy-1", 1, NOW - 60_000_000_000)
    more = [detection(device, number, NOW - number * HOUR_NS) for device, number in [("buoy-1", 2), ("buoy-2", 3)]]
    fill(
        visitor.station, found, thumbnail(found), excerpt(found, NOW), *more, detection("buoy-2", 4, NOW - 4 * HOUR_NS)
    )
    fill(visitor.station, effort("buoy-1", NOW - 2 * HOUR_NS, 1800.0), health("buoy-1", NOW - 10**9, "hot: 80 °C"))
    return visitor


@pytest.mark.parametrize("path", API)
def test_nothing_is_told_to_whoever_has_not_logged_in(full: Visitor, path: str) -> None:
    assert full.get(path).status == 401
    full.cookie = "made-up"
    assert full.get(path).status == 401


@pytest.mark.parametrize("path", PAGES)
def test_pages_send_strangers_to_log_in_and_then_back(full: Visitor, path: str) -> None:
    answer = full.get(path)
    assert (answer.status, answer.headers["location"]) == (303, f"/login?next={path}")
    full.log_in("ann", "look")
    assert full.get(path).status == 200


def test_every_route_asks_who_is_there(visitor: Visitor) -> None:
    """A new route that forgets to is found here."""
    open_to_all = {"/", "/login", "/shared", "/assets"}
    routes = [route for route in application(visitor.station).routes if route.path not in open_to_all]  # type: ignore[attr-defined]
    assert len(routes) > 15
    for route in routes:
        path = route.path.replace("{number:int}", "1").replace("{device}", "buoy-1")  # type: ignore[attr-defined]
        for method in route.methods or ():  # type: ignore[attr-defined]
            assert visitor.ask(method, path).status in (303, 401), path


def test_the_public_page_shows_fleet_and_presence_without_sound(make_station: Callable[..., Station]) -> None:
    visitor = Visitor(make_station(web={"public": True}))
    fill(visitor.station, detection("buoy-1", 1, NOW))
    answers = {path: visitor.get(path).status for path in [*API, *PAGES]}
    seen = {path for path, status in answers.items() if status == 200}
    assert seen == {"/fleet", "/presence", "/api/fleet", "/api/devices", "/api/presence/buoy-1"}


def test_roles(full: Visitor) -> None:
    verdict, test = "/api/detections/1/verdict", "/api/alerts/test"
    allowed = {}
    for role in ("look", "judge", "order"):
        full.log_in(role, role)
        allowed[role] = (full.post(verdict, {"verdict": "call"}).status, full.post(test, {"channel": "none"}).status)
    assert allowed == {"look": (403, 403), "judge": (200, 403), "order": (200, 404)}


def test_changes_need_the_pages_own_token_and_origin(full: Visitor) -> None:
    full.log_in("ann", "judge")
    path, body = "/api/detections/1/verdict", b'{"verdict": "call"}'
    token = {"x-csrf-token": full.csrf}
    assert full.ask("POST", path, body).status == 403
    assert full.ask("POST", path, body, {"x-csrf-token": "x"}).status == 403
    assert full.ask("POST", path, body, token | {"origin": "https://evil.example"}).status == 403
    assert full.ask("POST", path, body, token | {"origin": "null"}).status == 403
    assert full.ask("POST", path, body, token | {"sec-fetch-site": "cross-site"}).status == 403
    assert full.ask("POST", path, body * 2000, token).status == 413
    assert full.ask("POST", path, body, token | {"origin": "http://localhost"}).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "told", [{"content-length": "16385"}, {"transfer-encoding": "chunked"}, {"content-length": "x"}]
)
def test_no_body_is_read_that_is_longer_than_any_of_ours(full: Visitor, method: str, told: dict[str, str]) -> None:
    assert full.ask(method, "/login", headers=told).status == 413


def test_another_name_for_the_station_is_refused(full: Visitor) -> None:
    """A page elsewhere whose name is pointed at us would be of its own origin."""
    assert full.get("/login", host="evil.example").status == 421
    assert full.get("/login", host="127.0.0.1:8765").status == 200


def test_every_answer_forbids_what_is_not_ours(full: Visitor) -> None:
    for answer in (
        full.get("/login"),
        full.get("/api/fleet"),
        full.get("/nowhere"),
        full.get("/x", host="evil.example"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_logging_in(full: Visitor) -> None:
    full.log_in("ann", "judge")
    assert full.submit("/login", name="ann", password=PASSWORD[:-1]).status == 403
    assert full.submit("/login", name="nobody", password=PASSWORD).status == 403
    away = full.submit("/login", name="ann", password=PASSWORD, next="//evil.example/")
    assert away.headers["location"] == "/fleet"
    assert "httponly" in away.headers["set-cookie"].lower()
    assert full.ask("POST", "/logout", f"csrf={full.csrf}".encode()).status == 303
    assert full.get("/api/fleet").status == 401


def test_guessing_passwords_comes_to_an_end(make_station: Callable[..., Station]) -> None:
    visitor = Visitor(make_station(), address="203.0.113.9")
    answers = [visitor.submit("/login", name="guessed", password=f"guess {n}").status for n in range(12)]
    assert answers[:10] == [403] * 10
    assert answers[10:] == [429] * 2


def test_a_new_password_ends_sessions_and_sessions_end_by_themselves(full: Visitor) -> None:
    accounts = full.station.accounts
    full.log_in("ann", "judge")
    now = time.time_ns()
    assert accounts.session(full.cookie, now) is not None
    assert accounts.session(full.cookie, now + 3601 * 10**9) is None
    accounts.put("ann", "judge", PASSWORD)
    assert accounts.session(full.cookie, now) is None
    full.log_in("ann", "look")
    assert accounts.remove("ann")
    assert accounts.session(full.cookie, now) is None


def test_a_bucket_refills() -> None:
    now = 0.0
    limit = RateLimit(2, 0.5, lambda: now)
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    assert limit.allows("b")
    now = 2.0
    assert [limit.allows("a") for _ in range(2)] == [True, False]


def test_the_queue_is_read_a_page_at_a_time_without_holes(visitor: Visitor) -> None:
    at = NOW - HOUR_NS
    fill(visitor.station, *(detection("buoy-1", number, at - number // 3 * 10**9) for number in range(60)))
    visitor.log_in("ann", "judge")
    seen: list[int] = []
    query = "?which=open"
    for _ in range(5):
        answer = visitor.get(f"/api/detections{query}").json
        seen += [one["number"] for one in answer["detections"]]
        if not answer["more"]:
            break
        last = answer["detections"][-1]
        query = f"?which=open&at={last['at_ns']}&before={last['number']}"
    assert len(seen) == len(set(seen)) == 60


def test_a_card_has_picture_sound_and_contour(full: Visitor) -> None:
    card = full.log_in("ann", "judge").get("/api/detections/1").json
    assert (card["device"], card["peak"], card["windows"]) == ("buoy-1", 0.9, 4)
    assert len(card["contour"][2]) == 25
    assert card["picture"]["columns"] == 44
    assert card["sound"]["seconds"] == 2.0
    sound = full.get("/sound/1")
    assert sound.headers["content-type"] == "audio/flac"
    with soundfile.SoundFile(io.BytesIO(sound.body)) as file:
        assert (file.samplerate, len(file)) == (8000, 16_000)  # as browsers play it
    with soundfile.SoundFile(io.BytesIO(full.get("/sound/1?sent").body)) as file:
        assert (file.samplerate, len(file)) == (2000, 4000)  # as it came
    assert full.get("/sound/2").status == full.get("/sound/2?sent").status == 404


def test_reviewers_do_not_lose_each_others_verdicts(full: Visitor) -> None:
    database = full.station.database
    path = "/api/detections/1/verdict"
    full.log_in("ann", "judge")
    full.post(path, {"verdict": "call", "species": "right whale", "remark": "clear"})
    full.log_in("bob", "judge")
    said = full.post(path, {"verdict": "not a call"}).json["said"]
    assert [(one["reviewer"], one["verdict"]) for one in said] == [("ann", "call"), ("bob", "not a call")]
    assert {
        one["number"] for one in full.get("/api/detections?which=not a call".replace(" ", "%20")).json["detections"]
    } == {1}
    full.post(path, {"verdict": None})
    assert [one["reviewer"] for one in full.get("/api/detections/1").json["said"]] == ["ann"]
    assert {one["number"] for one in full.get("/api/detections?which=call").json["detections"]} == {1}
    with database.reading() as connection:
        assert len(connection.execute(select(VERDICTS)).all()) == 3  # all that was ever said is kept


def test_many_at_once(full: Visitor) -> None:
    """Twenty reviewers judge one detection in the same moment: every verdict is kept, and the hour counts one."""
    database = full.station.database
    words = ["call", "not a call", "unsure", "call"]
    threads = [
        threading.Thread(target=judge, args=(database, 1, f"r{n}", Judgement(words[n % 4]), NOW + n))  # type: ignore[arg-type]
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        rows = connection.execute(select(VERDICTS).order_by(VERDICTS.c.number)).all()
        hour = connection.execute(select(HOURS).where(HOURS.c.validated + HOURS.c.denied > 0)).all()
    assert {row.reviewer for row in rows} == {f"r{n}" for n in range(20)}
    last = rows[-1].verdict
    assert sum(row.validated for row in hour) == (last == "call")
    assert sum(row.denied for row in hour) == (last == "not a call")


@pytest.mark.parametrize(
    "data", [[], 1, {"verdict": "maybe"}, {"verdict": 1}, {"remark": "x" * 501}, {"remark": {}}, {"reviewer": "bob"}]
)
def test_what_is_no_judgement_is_refused(full: Visitor, data: Any) -> None:
    assert full.log_in("ann", "judge").post("/api/detections/1/verdict", data).status == 400
    assert full.post("/api/detections/99/verdict", {"verdict": "call"}).status == 404


def test_devices_that_moved_have_a_track(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [{"latitude": 42.0 + 0.01 * (number // 2), "longitude": -70.0} for number in range(6)]
    found = [detection("glider", n, NOW - (6 - n) * 10**9, position=place) for n, place in enumerate(places)]
    early = detection("glider", 9, NOW - 25 * HOUR_NS, position={"latitude": 0.0, "longitude": 0.0})
    fill(visitor.station, early, *found, *(detection("buoy-1", n, NOW - n) for n in range(3)))
    visitor.log_in("ann", "look")
    assert visitor.get("/api/fleet").json["tracks"] == [[[42.0, -70.0], [42.01, -70.0], [42.02, -70.0]]]
    monkeypatch.setattr(fleet, "MOST_TRACKED", 1)
    assert visitor.get("/api/fleet").json["tracks"] == []


def test_fleet_and_presence_count_verdicts(full: Visitor) -> None:
    full.log_in("ann", "judge")
    devices = {one["name"]: one for one in full.get("/api/fleet").json["devices"]}
    assert devices["buoy-1"]["word"] == "warning" or devices["buoy-1"]["word"] == "unknown"
    assert sum(hour[0] for hour in devices["buoy-1"]["strip"]) == 2
    assert sum(hour[2] for hour in devices["buoy-1"]["strip"]) == pytest.approx(0.5, abs=0.002)
    full.post("/api/detections/1/verdict", {"verdict": "call"})
    full.post("/api/detections/2/verdict", {"verdict": "not a call"})
    hours = full.get("/api/presence/buoy-1").json["hours"]
    assert (sum(hour[1] for hour in hours), sum(hour[2] for hour in hours)) == (1, 1)
    table = full.get("/presence/buoy-1.csv?days=3").body.decode().splitlines()
    assert table[0] == "device,begin_utc,end_utc,effort_s,calls,validated,result"
    assert any(row.endswith(",1,1,DETECTED") for row in table)


def test_presence_follows_the_stations_rule(make_station: Callable[..., Station]) -> None:
    def results(**rule: Any) -> list[list[str]]:
        visitor = Visitor(make_station(presence=rule)).log_in("ann", "look")
        fill(visitor.station, *(detection("buoy-1", n, NOW // HOUR_NS * HOUR_NS - n * 10**9) for n in (1, 2, 3)))
        hours = visitor.get("/api/presence/buoy-1").json["hours"]
        rows = visitor.get("/presence/buoy-1.csv?by=hour").body.decode().splitlines()[1:]
        return [[hour[4] for hour in hours], [row.rpartition(",")[2] for row in rows]]

    assert results() == [["POSSIBLY_DETECTED"]] * 2
    assert results(detected_calls=3, detected_within_min=1) == [["DETECTED"]] * 2
    assert results(detected_calls=3, detected_within_min=0.01) == [["POSSIBLY_DETECTED"]] * 2
    assert results(least_score=1.0) == [[]] * 2


def test_a_devices_page(full: Visitor) -> None:
    found = full.log_in("ann", "look").get("/api/devices/buoy-1?days=7").json
    assert found["spells"][-1]["reasons"] == ["hot: 80 °C"]
    assert found["gaps"] == [["device_absent", 1800.0, 1]]
    assert len(found["levels"]) == 1
    assert ["temperature", "41.0 °C"] in found["facts"]
    assert full.get("/api/devices/nobody").status == 404


def test_figures_in_a_reason_do_not_end_a_spell(full: Visitor) -> None:
    documents = [health("buoy-9", NOW - n * 60 * 10**9, f"{80 + n} °C") for n in range(5)]
    fill(full.station, *documents, health("buoy-9", NOW - 6 * HOUR_NS, "80 °C"))
    spells = full.log_in("ann", "look").get("/api/devices/buoy-9").json["spells"]
    assert [spell["reasons"] for spell in spells] == [["80 °C"], ["80 °C"]]  # the silence of hours ends one
