"""What `config check` says of the page on the board."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge_daemon.checks.page import page_password, try_page
from edge_daemon.config import Config
from edge_daemon.config.page import PageSection
from edge_daemon.errors import ConfigValueError

CREDENTIAL = "page-password"


def config(**page: object) -> Config:
    return Config.model_validate({"page": {"enabled": True, "port": 0, **page}})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_password(address: str) -> None:
    assert not PageSection(address=address).protected


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.4.1", "buoy.local"])  # noqa: S104 that is the point
def test_others_may_come_with_a_password_only(address: str) -> None:
    with pytest.raises(ValidationError, match="others can reach the page, but there is no password"):
        PageSection(address=address)
    assert PageSection(address=address, password_credential=CREDENTIAL).protected


def test_a_sockets_path_has_an_end() -> None:
    PageSection(socket=Path("/" + "s" * 106))
    with pytest.raises(ValidationError, match="at most 107 bytes"):
        PageSection(socket=Path("/" + "s" * 107))


def test_the_password_is_read_from_file_or_credential(tmp_path: Path) -> None:
    secret = tmp_path / "page-password"
    secret.write_text("whales at dawn\n")
    secret.chmod(0o600)
    assert page_password(PageSection(password_file=secret), {}) == "whales at dawn"
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert page_password(PageSection(password_credential=CREDENTIAL), environment) == "whales at dawn"
    assert page_password(PageSection(), {}) is None


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [("short", 0o600, "password of 5 characters"), ("", 0o600, "empty"), ("whales at dawn", 0o644, "every user")],
)
def test_a_password_that_will_not_do_is_refused(tmp_path: Path, text: str, mode: int, told: str) -> None:
    secret = tmp_path / "page-password"
    secret.write_text(text)
    secret.chmod(mode)
    with pytest.raises(ConfigValueError, match=told):
        try_page(config(password_file=secret), {})


def test_what_is_found_is_told(tmp_path: Path) -> None:
    assert try_page(Config(), {}).state == "skipped"
    found = try_page(config(socket=tmp_path / "page.sock"), {})
    assert (found.state, found.text) == ("ok", "127.0.0.1:0 is free; it asks for no password, for it is on loopback")
    assert try_page(config(socket=tmp_path / "absent" / "page.sock"), {}).state == "warning"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = try_page(config(port=taken.getsockname()[1]), {})
    assert found.state == "warning"
    assert found.text.endswith("is in use")


def test_an_address_that_is_not_ours_fails(tmp_path: Path) -> None:
    secret = tmp_path / "page-password"
    secret.write_text("whales at dawn")
    secret.chmod(0o600)
    with pytest.raises(ConfigValueError, match=r"page\.address"):
        try_page(config(address="192.0.2.1", password_file=secret), {})
