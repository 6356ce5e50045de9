"""A real browser for the report's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.browser import Browser, running


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running browser; skips where there is none."""
    made = running(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A fresh tab. At its end nothing may have gone wrong on the page, and nothing may have been fetched."""
    chromium.begin()
    yield chromium
    assert chromium.errors == []
    assert chromium.requests == []
