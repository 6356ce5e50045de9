"""Somebody who looks at a station's pages in a real browser."""

from __future__ import annotations

from dataclasses import dataclass

from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, effort, excerpt, health, thumbnail
from tests.integration.browser import Browser
from tests.integration.shore.conftest import Buoys, RealStation

PAGES = ("fleet", "live", "review", "presence", "alerts", "device/buoy-1")
SCRIPT = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'>{{7*7}}"


@dataclass
class Looker:
    """Somebody at a browser."""

    browser: Browser
    station: RealStation

    def log_in(self, name: str) -> None:
        browser = self.browser
        browser.begin()
        browser.command("Page.navigate", url=f"{self.station.url}/login?next=/review")
        browser.until("!!document.querySelector('form.login')")
        browser.value(
            f"document.querySelector('[name=name]').value = {name!r};"
            f"document.querySelector('[name=password]').value = 'password of {name}';"
            "document.querySelector('form.login').submit()"
        )
        browser.until("location.pathname === '/review' && document.documentElement?.dataset.ready === 'yes'")

    def open(self, page: str) -> float:
        return self.browser.open(f"{self.station.url}/{page}")

    def nothing_went_wrong(self) -> None:
        # of a page that was left within a second the browser says that "back" will pass over it
        errors = [error for error in self.browser.errors if "NavigationEntryMarkedSkippable" not in error]
        assert errors == []
        assert [url for url in self.browser.requests if not url.startswith(f"{self.station.url}/")] == []


def fill(buoys: Buoys, now: int) -> None:
    found = [detection("buoy-1", number, now - number * 600 * 10**9) for number in range(30)]
    buoys.raw(("edge_daemon/buoy-1/status", b"online"), retain=True)
    buoys.send(*found, thumbnail(found[0]), excerpt(found[0], now), effort("buoy-1", now - 2 * HOUR_NS, 1800.0))
    buoys.send(*(health("buoy-1", now - minutes * 60 * 10**9, "hot: 80 °C") for minutes in range(5)))
