"""The broker is absent, dies, stops answering, refuses us: every detection arrives all the same, once by its id.

None of these faults touches the sound, so what must arrive is what `replay` finds in the same samples.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SPEED = 8.0


class Cable:
    """A TCP connection to the broker that can be cut: a modem that takes bytes and delivers none.

    Attributes:
        port: where the daemon connects to.
    """

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._passes = threading.Event()
        self._passes.set()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Nothing passes any more; connections stay as they are, and new ones are taken without an answer."""
        self._passes.clear()

    def mend(self) -> None:
        """What was held up passes, and everything after it."""
        self._passes.set()

    def close(self) -> None:
        self._closed = True
        self._passes.set()
        self._thread.join(10)

    def _run(self) -> None:
        partner: dict[socket.socket, socket.socket] = {}
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select(0.05):
                    self._passes.wait()
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    if end is self._listener:
                        near, _ = end.accept()
                        with contextlib.suppress(OSError):
                            far = socket.create_connection(("127.0.0.1", self._broker_port), timeout=5)
                            partner[near], partner[far] = far, near
                            selector.register(near, selectors.EVENT_READ)
                            selector.register(far, selectors.EVENT_READ)
                            continue
                        near.close()
                    elif end in partner and not self._pass_on(end, partner[end]):
                        for one in (end, partner.pop(end)):
                            partner.pop(one, None)
                            selector.unregister(one)
                            one.close()
            for end in partner:
                end.close()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> bool:
        try:
            data = source.recv(65_536)
            target.sendall(data)
        except OSError:
            return False
        return bool(data)


@pytest.fixture
def cable(rig: Any) -> Iterator[Cable]:
    made = Cable(rig.broker.port)
    rig.settings["mqtt"]["port"] = made.port
    yield made
    made.close()


def pause(seconds: float) -> None:
    """Let the fault last."""
    time.sleep(seconds)


def test_broker_absent_at_start(rig: Any) -> None:
    sound = rig.calls(20)
    rig.start()
    rig.play(sound, SPEED).finished.wait(60)
    rig.broker.start()
    rig.ends_as_replayed(sound)


def test_broker_killed_mid_run_and_back_after_a_while(rig: Any) -> None:
    sound = rig.calls(48)
    rig.broker.start()
    rig.start()
    feeder = rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    for _ in range(2):
        rig.broker.persisted()
        rig.broker.kill()
        pause(3.0)
        rig.broker.start()
        before = len(rig.shore.ids())
        rig.until(lambda before=before: len(rig.shore.ids()) > before)
    assert feeder.finished.wait(60)
    rig.ends_as_replayed(sound)


def test_broker_stands_still(rig: Any) -> None:
    sound = rig.calls(30)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    rig.broker.process.send_signal(signal.SIGSTOP)
    pause(6.0)
    rig.broker.process.send_signal(signal.SIGCONT)
    rig.ends_as_replayed(sound)


@pytest.mark.parametrize("seconds", [1.5, 8.0], ids=["shorter than patience", "longer than patience"])
def test_network_blocked(rig: Any, cable: Cable, seconds: float) -> None:
    sound = rig.calls(30)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    cable.cut()
    pause(seconds)
    cable.mend()
    rig.ends_as_replayed(sound)


def test_network_blocked_before_the_first_connection(rig: Any, cable: Cable) -> None:
    sound = rig.calls(15)
    rig.broker.start()
    cable.cut()
    rig.start()
    rig.play(sound, SPEED).finished.wait(60)
    cable.mend()
    rig.ends_as_replayed(sound)


def test_password_changed_and_back(rig: Any) -> None:
    sound = rig.calls(48)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    rig.broker.set_password("buoy", "another")
    rig.broker.reload()
    rig.until(lambda: "not authorized" in rig.tail().lower())
    before = len(rig.shore.ids())
    pause(4.0)
    assert len(rig.shore.ids()) <= before + 1  # one may have been on its way
    rig.broker.set_password("buoy", "right")
    rig.broker.reload()
    rig.ends_as_replayed(sound)


def test_password_file_follows_the_broker_without_a_restart(rig: Any) -> None:
    sound = rig.calls(30)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    rig.broker.set_password("buoy", "another")
    rig.broker.reload()
    rig.until(lambda: "not authorized" in rig.tail().lower())
    (rig.folder / "password").write_text("another")
    rig.ends_as_replayed(sound)
