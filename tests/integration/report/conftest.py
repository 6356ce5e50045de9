"""A real browser for the report's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.browser import Browser, fresh_browser

chromium = pytest.fixture(scope="module")(fresh_browser)


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A fresh tab. At its end nothing may have gone wrong on the page, and nothing may have been fetched."""
    chromium.begin()
    yield chromium
    assert chromium.errors == []
    assert chromium.requests == []
