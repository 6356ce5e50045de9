"""A board that hears calls, for the picture of its page."""

from __future__ import annotations

from pathlib import Path

from tests.integration.browser import Browser
from tests.integration.page.conftest import RealBoard


def board_that_listens(folder: Path, browser: Browser) -> RealBoard:
    """A daemon that has heard calls for a minute, its page, and a phone that looks at it."""
    board = RealBoard(folder)
    board.start_daemon()
    board.start_page()
    browser.begin()
    browser.screen(400, 900, phone=True)
    browser.open(f"{board.url}/live")
    browser.until("Number(document.getElementById('columns').dataset.drawn) > 440", 120)
    browser.until("document.querySelectorAll('#list .card canvas').length > 0", 60)
    return board
