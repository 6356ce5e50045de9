"""How the pages look: contrast of texts, and map tiles from the configured host alone."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.edge_daemon.shore.buoy_documents import order_reply
from tests.integration.browser import Browser
from tests.integration.shore.conftest import Buoys, RealStation
from tests.integration.shore.looker import PAGES, Looker, fill

pytestmark = pytest.mark.slow


def test_text_stands_out_in_light_and_dark(looker: Looker, buoys: Buoys) -> None:
    """4.5 to 1 at least, as WCAG 2 asks (AA)."""
    script = (Path(__file__).parents[1] / "report" / "contrast.js").read_text(encoding="utf-8")
    fill(buoys, time.time_ns())
    buoys.send(order_reply("buoy-1", time.time_ns(), 7, outcome="refused", reason="signature", text="by nobody"))
    looker.log_in("ann")
    for dark in (False, True):
        looker.browser.screen(1280, 900, dark=dark)
        for page in PAGES:
            looker.open(page)
            least, where = looker.browser.value(script)
            assert least >= 4.5, (page, dark, where)


def test_map_tiles_come_from_the_configured_host_alone(
    make_real_station: Callable[..., RealStation], station_browser: Browser, buoys: Buoys
) -> None:
    asked: list[str] = []

    class Tiles(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
            self.end_headers()
            self.wfile.write(b"<svg xmlns='http://www.w3.org/2000/svg' width='256' height='256'/>")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host = f"http://127.0.0.1:{server.server_port}"
    station = make_real_station(web={"tiles": f"{host}/{{z}}/{{x}}/{{y}}.png"})
    station.user("ann", "look")
    station.start()
    looker = Looker(station_browser, station)
    fill(buoys, time.time_ns())
    looker.log_in("ann")
    looker.open("fleet")
    looker.browser.until("document.querySelectorAll('#map image').length > 0")
    end = time.monotonic() + 30
    while not asked:
        assert time.monotonic() < end
        looker.browser.value("1")
        time.sleep(0.05)
    elsewhere = {url for url in looker.browser.requests if not url.startswith(f"{station.url}/")}
    assert elsewhere == {f"{host}{path}" for path in asked}
    assert all(re.fullmatch(r"/\d+/\d+/\d+\.png", path) for path in asked)
    assert looker.browser.errors == []
    server.shutdown()
    thread.join()
    server.server_close()
