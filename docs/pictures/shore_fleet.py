"""A made-up fleet for the pictures of the shore station's pages."""

from __future__ import annotations

import random
from pathlib import Path

from docs.pictures.fixed_clock import MOMENT_NS
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, effort, excerpt, health, thumbnail
from tests.integration.browser import Browser
from tests.integration.shore.conftest import Buoys, PlainBroker, RealStation

DEVICES = ("buoy-01", "buoy-02", "buoy-03", "glider-1", "drone-4")


def play(buoys: Buoys) -> None:
    """Publish what the fleet has told in a day."""
    now = MOMENT_NS
    hour = now // HOUR_NS * HOUR_NS
    for name in DEVICES:
        rng = random.Random(name)  # noqa: S311 - a picture needs no cryptographic randomness
        online = b"offline" if name == "drone-4" else b"online"
        buoys.raw((f"edge_daemon/{name}/status", online), retain=True)
        buoys.send(
            *(effort(name, hour - back * HOUR_NS, rng.choice([3600.0, 3590.0, 1800.0])) for back in range(1, 25))
        )
        for back in range(48, -1, -1):
            reasons = ["no sound: the input does not answer"] if name == "buoy-03" and back < 4 else []
            reasons += ["the clock is not synchronised"] if name == "buoy-02" and back < 6 else []
            state = "failing" if name == "buoy-03" and reasons else None
            buoys.send(health(name, now - back * HOUR_NS // 2, *reasons, state=state))
        for number in range(24):
            at = now - number * HOUR_NS - rng.randrange(HOUR_NS // 2)
            for more in range(rng.choice([0, 0, 1, 1, 4])):
                found = detection(name, 100 * number + more, at - more * 10**10, score=rng.uniform(0.6, 0.99))
                buoys.send(found, thumbnail(found), excerpt(found, at - more * 10**10))


def station_with_fleet(folder: Path, browser: Browser) -> tuple[PlainBroker, RealStation]:
    """A broker and a station that have heard the fleet, with somebody logged in who has judged some."""
    broker = PlainBroker(folder)
    broker.start()
    station = RealStation(folder, broker.port, name="Cape Cod Bay")
    station.module = "docs.pictures.fixed_clock"
    station.user("ann", "judge")
    station.start()
    buoys = Buoys(broker.port)
    play(buoys)
    buoys.close()
    browser.begin()
    browser.screen(1100, 800)
    browser.command("Page.navigate", url=f"{station.url}/login?next=/review")
    browser.until("!!document.querySelector('form.login')")
    browser.value(
        "document.querySelector('[name=name]').value = 'ann';"
        "document.querySelector('[name=password]').value = 'password of ann';"
        "document.querySelector('form.login').submit()"
    )
    browser.until("document.querySelectorAll('#list .card').length > 20")
    for key in "1131211":
        browser.press(key)
    browser.until("document.querySelectorAll('#list .card[data-verdict]').length === 7")
    browser.value("document.querySelector('#list .current').classList.remove('current'); scrollTo(0, 0)")
    return broker, station
