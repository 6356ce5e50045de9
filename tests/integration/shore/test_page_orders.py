"""An order sent from a device's page in a real browser, and its reply."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest

from tests.edge_daemon.orders.shore import Shore
from tests.edge_daemon.shore.buoy_documents import order_reply
from tests.integration.browser import Browser
from tests.integration.shore.conftest import Buoys, RealStation
from tests.integration.shore.looker import SCRIPT, Looker, fill

pytestmark = pytest.mark.slow


def test_an_order_from_the_page_and_its_reply(
    make_real_station: Callable[..., RealStation], station_browser: Browser, buoys: Buoys
) -> None:
    """It is signed outside the browser; the device's part is played by the device's own gate."""
    shore = Shore(now_s=int(time.time()), counter=time.time_ns() // 10**6, device="buoy-1")
    station = make_real_station(orders={"public_keys": [shore.public_key]})
    station.user("ann", "order")
    station.start()
    looker, browser = Looker(station_browser, station), station_browser
    fill(buoys, time.time_ns())
    looker.log_in("ann")
    came = buoys.listen("edge_daemon/buoy-1/orders")
    envelope = base64.encodebytes(shore.sealed("set", {"values": {"detection.threshold": 0.8}})).decode()
    for width, height, phone in ((1280, 900, False), (390, 844, True)):
        browser.screen(width, height, phone=phone, dark=phone)
        looker.open("device/buoy-1")
        browser.value(f"document.getElementById('order').value = {json.dumps(envelope)}")
        browser.click("#sending button")
        browser.until("document.getElementById('sent').textContent === 'Sent.'")
        opened = shore.gate("buoy-1").open(came.get(timeout=30))
        buoys.send(order_reply(
            "buoy-1", time.time_ns(), opened.order.counter, key=opened.key, kind="set", outcome="trial", text=SCRIPT
        ))  # fmt: skip
        looker.open("device/buoy-1")
        browser.until(f"document.querySelectorAll('#orders .reply').length === {1 + phone} || (load(), false)")
        assert browser.value("document.documentElement.scrollWidth") <= width
    row = browser.value("document.querySelector('#orders tbody tr').textContent")
    assert '"detection.threshold": 0.8' in row
    assert f"ann, key {shore.name}" in row
    assert "on trial" in row
    assert SCRIPT in row
    browser.value("document.getElementById('order').value = 'no order'")
    browser.click("#sending button")
    browser.until("document.getElementById('sent').textContent.startsWith('The order was not sent')")
    browser.errors[:] = [error for error in browser.errors if "400" not in error]  # it was to be refused
    assert browser.value("window.hacked") is None
    looker.nothing_went_wrong()
