"""Who cannot have an address is told which key to change."""

from __future__ import annotations

import pytest

from edge_daemon.errors import ConfigValueError
from edge_daemon.system.listening_socket import listening_socket


def test_a_free_port_listens_and_a_taken_one_is_told() -> None:
    with listening_socket("127.0.0.1", 0, "page") as first:
        port = first.getsockname()[1]
        assert port > 0
        with pytest.raises(ConfigValueError, match=rf"page\.port cannot be used at 127\.0\.0\.1:{port}") as refused:
            listening_socket("127.0.0.1", port, "page")
        assert "run already" in refused.value.hint
    with listening_socket("::1", 0, "web") as sixth:
        assert sixth.getsockname()[1] > 0


def test_an_address_that_is_not_this_machines_is_told() -> None:
    with pytest.raises(ConfigValueError, match=r"web\.address cannot be used at 192\.0\.2\.1:0"):
        listening_socket("192.0.2.1", 0, "web")
