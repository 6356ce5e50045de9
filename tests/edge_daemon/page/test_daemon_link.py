"""Between daemon and browsers: one connection while somebody looks, and nobody is waited for."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_daemon.page.daemon_link import KEPT, LONGEST_BYTES, MOST_VIEWERS, DaemonLink, PageViewer
from tests.edge_daemon.page.conftest import FakeDaemon, Page, until
from tests.edge_daemon.shore.buoy_documents import detection

MakePage = Callable[..., Page]
HELLO = {"kind": "hello", "device": "buoy-7", "columns": {}}


def read_until(stream: socket.socket, word: bytes, seconds: float = 20.0) -> bytes:
    """What a stream says up to a word."""
    said, end = b"", time.monotonic() + seconds
    while word not in said:
        assert time.monotonic() < end, said
        if select.select([stream], [], [], 0.1)[0]:
            said += stream.recv(65536)
    return said


def test_the_daemon_is_called_only_while_somebody_looks(make_page: MakePage, daemon: FakeDaemon) -> None:
    page = make_page()
    assert select.select([daemon.listener], [], [], 0.5)[0] == []
    with page.stream("/input") as stream:
        daemon.accept()
        daemon.say(HELLO, {"kind": "state", "at": 1.0})
        read_until(stream, b"event: state")
        with page.stream("/input") as second:  # is told how columns are made, by the page's process
            assert b"event: hello" in read_until(second, b"event: hello")
        assert select.select([daemon.listener], [], [], 0.3)[0] == []
    assert daemon.connection is not None
    daemon.connection.settimeout(20)
    # a stream notices that its browser has gone when it has something to say
    until(lambda: _say(daemon) or daemon.connection is None or _closed(daemon.connection))


def _say(daemon: FakeDaemon) -> bool:
    try:
        daemon.say({"kind": "state", "at": 2.0})
    except OSError:
        return True
    return False


def _closed(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0]) and connection.recv(1) == b""


def test_what_is_no_message_is_passed_over(make_page: MakePage, daemon: FakeDaemon) -> None:
    page = make_page()
    with page.stream("/input") as stream:
        daemon.accept()
        daemon.say(
            b"\xff\xfe", b"{", b"[]", b"null", b'"state"', b"[" * 50_000, b'{"kind":"evil"}', b'{"kind":["state"]}',
            b'{"kind":"state","at":NaN}', b'{"kind":"state","text":"' + b"x" * (LONGEST_BYTES + 10) + b'"}',
            {"kind": "state", "status": "a\n\nevent: evil\ndata: {}\n\n"}, {"kind": "state", "last": True},
        )  # fmt: skip
        said = read_until(stream, b'"last": true').decode()
    assert "event: evil\n" not in said
    states = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: ")]
    assert states == [
        {"kind": "state", "status": "a\n\nevent: evil\ndata: {}\n\n"},
        {"kind": "state", "last": True},
    ]


def test_detections_come_at_once_and_no_others(make_page: MakePage, daemon: FakeDaemon) -> None:
    page = make_page()
    found = detection("buoy-7", 1, 1_800_000_000 * 10**9)
    with page.stream("/events") as stream:
        daemon.accept()
        daemon.say(
            {"kind": "detection", "document": {"id": 1}, "picture": None},
            {"kind": "detection", "document": [], "picture": []},
            {"kind": "detection", "document": found, "picture": {"rows": 0, "cells": ""}},
        )
        said = read_until(stream, found["id"].encode()).decode()
        said += read_until(stream, b"\n\n").decode() if not said.endswith("\n\n") else ""
    (card,) = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: ")]
    assert (card["id"], card["at"], card["picture"]) == (found["id"], 1_800_000_000.0, None)


@pytest.mark.slow
def test_a_daemon_that_goes_or_falls_silent_is_called_again(
    make_page: MakePage, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_daemon.page.daemon_link.SILENT_S", 0.5)
    page = make_page()
    with page.stream("/input") as stream:
        daemon.accept()
        daemon.say(HELLO)
        read_until(stream, b"event: hello")
        assert daemon.connection is not None
        daemon.connection.close()
        read_until(stream, b"event: gone")
        daemon.accept()
        daemon.say(HELLO)
        read_until(stream, b"event: hello")
        read_until(stream, b"event: gone")  # it says nothing for some seconds
        daemon.accept()


def test_a_viewer_that_takes_nothing_loses_the_oldest() -> None:
    viewer = PageViewer(frozenset({"sound"}))
    for number in range(KEPT + 10):
        viewer.tell("sound", str(number).encode())
    taken = []
    while (found := viewer.next(0.01)) is not None:
        taken.append(int(found[1]))
    assert taken == list(range(10, KEPT + 10))


def test_a_hanging_browser_keeps_nobody_waiting(make_page: MakePage, daemon: FakeDaemon) -> None:
    page = make_page()
    hanging = [page.stream("/input") for _ in range(50)]
    with page.stream("/input") as stream:
        daemon.accept()
        daemon.say(HELLO)
        long = "x" * 30_000
        for number in range(100):
            daemon.say({"kind": "sound", "columns": long, "number": number})
            read_until(stream, f'"number": {number}}}'.encode())
    for one in hanging:
        one.close()


def test_so_many_may_look_and_no_more(make_page: MakePage) -> None:
    page = make_page()
    streams = [page.stream("/events") for _ in range(MOST_VIEWERS)]
    status, text, _ = page.ask("/events")
    assert (status, json.loads(text)["problem"]) == (503, "Too many pages are open.")
    assert page.ask("/live")[0] == 200
    for one in streams:
        one.close()


def test_health_is_asked_for_once(daemon: FakeDaemon) -> None:
    link = DaemonLink(daemon.listener.getsockname())
    answer: list[object] = []
    asking = threading.Thread(target=lambda: answer.append(link.ask_health(15.0)))
    asking.start()
    daemon.accept()
    daemon.say(HELLO, {"kind": "health", "document": {"state": "ok"}})
    asking.join(20)
    assert answer == [{"state": "ok"}]


def test_without_a_daemon_the_answer_is_quick(tmp_path: Path) -> None:
    link = DaemonLink(str(tmp_path / "absent.sock"))
    assert link.ask_health(15.0) is None
