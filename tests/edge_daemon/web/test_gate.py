"""The gate: what is let through to a server of ours, and what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_daemon.web.gate import MOST_BODY_BYTES, RequestGate, security_headers


def asked(method: str = "GET", **headers: str) -> tuple[str, Callable[[str], str | None], str]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return method, named.get, "192.0.2.7"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("buoy.local:8766", None),
        ("BUOY.local", None),
        ("192.168.4.1:8766", None),
        ("[fe80::1]:8766", None),
        ("evil.example", 421),
        ("192.168.4.1.evil.example", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_names_that_are_ours_and_addresses_pass(host: str, status: int | None) -> None:
    refused = RequestGate(frozenset({"buoy.local"}), "page.hosts", addresses=True).refusal(*asked(host=host))
    assert (None if refused is None else refused.status) == status


def test_addresses_must_be_named_where_they_are_not_allowed() -> None:
    refused = RequestGate(frozenset({"localhost"}), "web.hosts").refusal(*asked(host="192.168.4.1"))
    assert refused is not None
    assert "web.hosts" in refused.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_length": "10", "origin": "http://here"}, None),
        ({"content_length": "10"}, None),
        ({"content_length": "10", "origin": "http://there"}, 403),
        ({"content_length": "10", "origin": "null"}, 403),
        ({"content_length": "10", "sec_fetch_site": "cross-site"}, 403),
        ({}, 413),
        ({"content_length": str(MOST_BODY_BYTES + 1)}, 413),
        ({"content_length": "²"}, 413),
        ({"content_length": "10", "transfer_encoding": "chunked"}, 413),
    ],
)
def test_changes_come_from_our_own_pages_and_are_short(headers: dict[str, str], status: int | None) -> None:
    refused = RequestGate(frozenset({"here"}), "web.hosts").refusal(*asked("POST", host="here", **headers))
    assert (None if refused is None else refused.status) == status


def test_a_client_that_asks_too_often_waits() -> None:
    gate = RequestGate(frozenset({"here"}), "web.hosts")
    answers = [gate.refusal(*asked(host="here")) for _ in range(400)]
    assert answers[0] is None
    assert [one.status for one in answers if one is not None][:1] == [429]


def test_a_page_may_fetch_from_its_own_server_alone() -> None:
    policy = security_headers()["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "img-src 'self' data:;" in policy
    assert (
        "img-src 'self' data: https://tiles.example;"
        in security_headers("https://tiles.example")["Content-Security-Policy"]
    )
