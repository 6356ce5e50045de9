"""Orders to the real program through a real broker: obeyed once, in order, on trial; and models from shore."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.model.model_file import default_model_path
from edge_daemon.orders.reply import OrderReply
from edge_daemon.orders.shipment import Shipment
from tests.edge_daemon.orders.shore import WAYS, Shore, spoiled

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

DEVICE = "buoy-07"
PORTABLE = default_model_path().with_name("right_whale_portable.onnx")
NEW = hashlib.sha256(PORTABLE.read_bytes()).hexdigest()
ORDERS = f"edge_daemon/{DEVICE}/orders"


class Station:
    """A client of the broker on shore, that keeps what the device says."""

    def __init__(self, rig: Any) -> None:
        self.shore = Shore(now_s=int(time.time()), device=DEVICE)
        self.replies: list[dict[str, Any]] = []
        self.health: dict[str, Any] = {}
        self.detections: list[dict[str, Any]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="station")
        self._client.username_pw_set("shore", "ashore")
        self._client.tls_set(str(rig.broker.folder / "ca.crt"))
        self._client.on_message = self._take
        self._client.on_connect = lambda *_: self._client.subscribe(f"edge_daemon/{DEVICE}/#", qos=1)
        self._client.connect("localhost", rig.broker.port)
        self._client.loop_start()

    def _take(self, _client: Client, _data: object, message: Any) -> None:
        subject = message.topic.removeprefix(f"edge_daemon/{DEVICE}/")
        if subject == "orders/reply":
            self.replies.append(json.loads(message.payload))
        elif subject == "health":
            self.health = json.loads(message.payload)
        elif subject == "detections":
            self.detections.append(json.loads(message.payload))

    def send(self, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(ORDERS, payload, qos=1, retain=retain)

    def outcomes(self, counter: int) -> list[str]:
        return [one["outcome"] for one in self.replies if one["order"] == counter]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def station(rig: Any) -> Iterator[Station]:
    rig.broker.start()
    made = Station(rig)
    rig.settings["orders"] = {"enabled": True, "public_keys": [made.shore.public_key], "trial_s": 5.0}
    yield made
    made.close()


def spaced(rig: Any, number: int) -> Any:
    """Sea with a call every six seconds: with one every three, several may be one event, which is told late."""
    calls = rig.calls(number).reshape(number, -1)
    quiet = np.random.default_rng(1).normal(0, 20, calls.shape).astype(np.int16)
    return np.concatenate([calls, quiet], axis=1).ravel()


def online(rig: Any, station: Station) -> Callable[[], bool]:
    return lambda: bool(station.health) and station.health["mqtt"]["state"] == "online"


def test_a_thousand_orders_of_which_500_are_bad(rig: Any, station: Station) -> None:
    rig.settings["orders"]["trial_s"] = 60.0
    rig.play(spaced(rig, 200), 1.0)
    rig.start()
    rig.until(online(rig, station))
    rng = random.Random(3)
    shore = station.shore
    good: dict[int, tuple[str, float]] = {}
    bad: Counter[str] = Counter()
    station.send(shore.sealed("health"))
    good[shore.counter] = ("health", 0.0)
    ways = [number % WAYS for number in range(500)]
    rng.shuffle(ways)
    for number, way in enumerate(ways):
        payload, reason = spoiled(shore, way)
        station.send(payload)
        bad[reason] += 1
        if number < 499:
            value = round(rng.uniform(0.3, 0.9), 6)
            station.send(shore.sealed("set", {"values": {"detection.threshold": value}}))
            good[shore.counter] = ("set", value)
    rig.until(lambda: station.health["orders"]["obeyed"] >= 500, 240)
    rig.until(lambda: sum(station.health["orders"]["refused"].values()) >= 500)
    rig.until(lambda: len([one for one in station.replies if one["outcome"] in ("trial", "done")]) >= 500)
    assert station.health["orders"]["obeyed"] == 500
    assert Counter(station.health["orders"]["refused"]) == bad
    assert len(bad) >= 8
    answered = [one["order"] for one in station.replies if one["outcome"] in ("trial", "done")]
    first_done = [one for one in answered if good[one][0] == "set"]
    assert first_done == [counter for counter, (kind, _) in good.items() if kind == "set"]
    assert sorted(answered) == sorted(good)
    assert len([one for one in station.replies if one["outcome"] == "refused"]) < 30
    last = max(good)
    rig.until(lambda: "confirmed" in station.outcomes(last), 90)
    shown = json.loads((rig.state / "orders.json").read_text().split("\n", 1)[1])
    assert shown["confirmed"]["values"]["detection.threshold"] == {"value": good[last][1], "counter": last}
    count = len(station.detections)
    rig.until(lambda: len(station.detections) > count)
    assert station.detections[-1]["threshold"] == good[last][1]
    assert set(rig.lost_s()) <= {"tail"}
    rig.terminate()


@pytest.fixture
def give(rig: Any, station: Station, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`edge-daemon orders send`, as somebody on shore gives it."""
    secrets = {"fleet.key": bytes(station.shore.key).hex(), "shore.password": "ashore"}
    for name, text in secrets.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    broker = ["--host", "localhost", "--port", str(rig.broker.port), "--ca-file", str(rig.broker.folder / "ca.crt")]
    who = ["--username", "shore", "--password-file", str(tmp_path / "shore.password")]
    order = ["--key", str(tmp_path / "fleet.key"), "--device", DEVICE, "--timeout", "200"]

    def give(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*rig.program, "orders", "send", *broker, *who, *order, *words],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return give


def test_set_from_a_terminal_survives_power_cuts_in_the_trial(
    rig: Any, station: Station, give: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rig.play(rig.calls(200), 1.0, wait_for_reader=False)
    rig.start()
    rig.until(online(rig, station))
    done = give("--wait", "set", "detection.threshold=0.61")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == ["on trial", "confirmed"]
    assert give("set", "detection.threshold=0.99").stdout.startswith(f"{DEVICE}: on trial")
    rig.kill()  # in the trial
    station.health.clear()
    rig.start()
    rig.until(online(rig, station))
    rig.until(lambda: station.replies[-1]["outcome"] == "rolled_back")
    shown = subprocess.run(
        [*rig.program, "config", "show", "--changed", str(rig.config)], capture_output=True, text=True, check=True
    )
    assert "detection.threshold" in shown.stdout
    assert "0.61" in shown.stdout
    assert give("restart").returncode == 0
    starts = rig.starts()
    rig.until(lambda: rig.starts() > starts or rig.starts() >= 3)
    assert give("health").returncode == 0
    rig.terminate()


def test_a_model_comes_from_shore_with_one_restarts_gap(
    rig: Any, station: Station, give: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rig.play(spaced(rig, 200), 1.0, wait_for_reader=False)
    rig.start()
    rig.until(online(rig, station))
    old = station.health["model"]["digest"]
    rig.until(lambda: station.detections)
    done = give("--wait", "model", str(PORTABLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == ["on trial", "confirmed"]
    rig.until(lambda: station.detections[-1]["model"]["digest"] == NEW, 90)
    assert station.detections[0]["model"]["digest"] == old
    assert {one["model"]["digest"] for one in station.detections} == {old, NEW}
    assert rig.starts() == 2
    assert sorted(path.name for path in (rig.state / "models").iterdir()) == [f"{NEW}.onnx"]
    lost = rig.lost_s()
    assert set(lost) <= {"tail", "restart"}, lost
    back = give("--wait", "roll-back")
    assert back.returncode == 0, back.stdout + back.stderr
    rig.until(lambda: station.health["model"]["digest"] == old)
    rig.terminate()


def test_replies_reach_a_terminal_from_a_device_that_packs_its_documents(
    rig: Any, give: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rig.settings["mqtt"]["form"] = "compact"
    rig.play(rig.calls(200), 1.0, wait_for_reader=False)
    rig.start()
    done = give("--retain", "--wait", "set", "detection.threshold=0.61")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == ["on trial", "confirmed"]
    rig.terminate()


STAGES = ("pieces",) * 8 + ("examined",) * 4 + ("switching",) * 4 + ("on trial",) * 4
"""Where the twenty cuts fall."""


class Installation:
    """Somebody on shore who sends a model again and again, until he is stopped."""

    def __init__(self, rig: Any, station: Station) -> None:
        self._rig, self._station = rig, station
        self._shipment = Shipment.of(PORTABLE.read_bytes(), 60_000)
        self.counter = 0

    def ask(self) -> None:
        """Ask what is missing, which has the model taken if nothing is."""
        self._station.send(self._station.shore.sealed("model", self._shipment.announcement()))
        self.counter = self._station.shore.counter

    def reply(self) -> dict[str, Any]:
        """The last reply to the last question; empty if there is none yet."""
        found = [one for one in self._station.replies if one["order"] == self.counter]
        return found[-1] if found else {}

    def send(self, most: int) -> None:
        """Send some of what is missing."""
        for number in self._shipment.next_round(OrderReply.model_validate(self.reply()))[:most]:
            arguments, data = self._shipment.piece(number)
            self._station.send(self._station.shore.sealed("piece", arguments, attachment=data))

    def until(self, stage: str) -> None:
        """Go on until the installation is in this stage."""
        self.ask()
        if stage == "pieces":
            self._rig.until(self.reply)
            self.send(15)
            return
        while True:
            self._rig.until(lambda: self.reply() or self.examined, 300)
            if self.reply().get("outcome") != "incomplete":
                break
            self.send(200)
            self.ask()
        if stage == "switching":
            self._rig.until(lambda: self.state["trial"] is not None, 300)
        elif stage == "on trial":
            self._rig.until(lambda: self.reply().get("outcome") in ("trial", "done"), 300)

    @property
    def examined(self) -> bool:
        """Whether all pieces have been put together."""
        return (self._rig.state / "models" / f"{NEW}.onnx").exists()

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._rig.state / "orders.json").read_text().split("\n", 1)[1])
        return found


def test_twenty_power_cuts_while_a_model_is_installed(rig: Any, station: Station) -> None:
    rng = random.Random(11)
    rig.settings["orders"]["trial_s"] = 900.0  # it cannot end well before a tenth of it: longer than a life here
    rig.play(spaced(rig, 900), 1.0, wait_for_reader=False)
    installation = Installation(rig, station)
    digests: list[str] = []

    def runs() -> None:
        """A life begins: with a model, and it hears with it."""
        station.health.clear()
        count = len(station.detections)
        rig.start()
        rig.until(online(rig, station), 120)
        rig.until(lambda: len(station.detections) > count, 120)
        digests.append(station.detections[-1]["model"]["digest"])
        assert not station.health["model"]["fallback"]

    runs()
    (old,) = digests
    for stage in STAGES:
        installation.until(stage)
        time.sleep(rng.uniform(0.0, 1.0))
        rig.kill()
        runs()
    assert set(digests) <= {old, NEW}
    assert digests[-1] == old  # killed in the trial
    installation.until("on trial")
    rig.until(lambda: installation.reply()["outcome"] == "confirmed", 200)
    assert installation.state["confirmed"]["model"] == NEW
    rig.until(lambda: station.detections[-1]["model"]["digest"] == NEW, 120)
    assert {one["model"]["digest"] for one in station.detections} == {old, NEW}
    rig.kill()
    runs()
    assert digests[-1] == NEW
    rig.terminate()
