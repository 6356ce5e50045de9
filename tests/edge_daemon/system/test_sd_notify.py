"""Talking to the service manager over a real datagram socket, and what is said when."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_daemon.system.sd_notify import NoChannel, Notifier
from edge_daemon.testing.machine import MemoryChannel


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(10)
        yield made


def test_messages_over_the_socket(manager: socket.socket) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("listening\nto vmic")
    notifier.watchdog()
    notifier.reloading(5_000_000)
    notifier.stopping("draining")
    received = [manager.recv(1000).decode() for _ in range(4)]
    assert received == [
        "READY=1\nSTATUS=listening to vmic",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "STOPPING=1\nSTATUS=draining",
    ]


def test_abstract_socket() -> None:
    name = f"edge-daemon-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(10)
        Notifier.from_environment({"NOTIFY_SOCKET": "@" + name}).watchdog()
        assert manager.recv(100) == b"WATCHDOG=1"


def test_the_same_status_is_not_sent_twice() -> None:
    channel = MemoryChannel()
    notifier = Notifier(channel)
    for status in ("a", "a", "b", "a"):
        notifier.status(status)
    assert channel.sent == ["STATUS=a", "STATUS=b", "STATUS=a"]


def test_nobody_there_is_no_failure(tmp_path: Path) -> None:
    Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")
    silent = Notifier.from_environment({})
    silent.ready("x")
    assert isinstance(silent._channel, NoChannel)


@pytest.mark.parametrize(
    ("environment", "limit", "interval"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 30.0, 10.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None, None),
        ({"WATCHDOG_USEC": "0"}, None, None),
        ({"WATCHDOG_USEC": "soon"}, None, None),
        ({}, None, None),
    ],
)
def test_watchdog_of_the_environment(environment: dict[str, str], limit: float | None, interval: float | None) -> None:
    notifier = Notifier.from_environment(environment, pid=77)
    assert notifier.watchdog_s == limit
    assert notifier.interval_s == interval
