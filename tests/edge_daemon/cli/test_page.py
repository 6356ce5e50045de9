"""`edge-daemon page`: what it refuses, and in which words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from edge_daemon.cli import invoke


def config(folder: Path, **page: object) -> str:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "page": {"enabled": True, "port": 0, **page}}))
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = invoke(["page", *words])
    return code, capsys.readouterr().err


def test_a_page_that_is_off_says_how_to_switch_it_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, enabled=False))
    assert code == 2
    assert "page.enabled is false" in told
    assert "restart the daemon" in told


def test_an_absent_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, str(tmp_path / "absent.yaml"))[0] == 2


def test_others_may_come_with_a_password_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, address="0.0.0.0"))  # noqa: S104 that is the point
    assert code == 2
    assert "there is no password" in told
    assert "SSH tunnel" in told


def test_a_credential_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, password_credential="page-password"))  # noqa: S106 its name
    assert code == 2
    assert "page.password_credential" in told
    assert "config.yaml:" in told


def test_a_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = refused(capsys, config(tmp_path, port=taken.getsockname()[1]))
    assert code == 2
    assert "Address already in use" in told
    assert "Does the page run already" in told
