"""Orders in a whole daemon in simulated time: what is obeyed, on trial, confirmed, taken back, and answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_daemon.documents.compact import unpacked
from edge_daemon.errors import ModelError
from edge_daemon.live.config_file import ConfigFile
from edge_daemon.model.model_file import default_model_path
from edge_daemon.mqtt.link import Received
from edge_daemon.orders.arguments import PieceArguments
from edge_daemon.orders.model_store import ModelStore
from edge_daemon.orders.reply import OrderReply
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.shipment import Shipment
from edge_daemon.orders.state_file import LOCK, StateFile
from edge_daemon.orders.trial_state import OrdersState, confirmed, started, tried
from tests.edge_daemon.orders.shore import WAYS, Shore, spoiled

ORDERS = "edge_daemon/buoy-7/orders"
TRIAL_S = 20.0
PORTABLE = default_model_path().with_name("right_whale_portable.onnx")


class Rig:
    """A buoy that takes orders, and a shore that gives them."""

    def __init__(self, make_buoy: Callable[..., Any], folder: Path, form: str = "json") -> None:
        self.shore = Shore()
        orders = {"enabled": True, "public_keys": [self.shore.public_key], "groups": ["east"], "trial_s": TRIAL_S}
        self.path = folder / "config.yaml"
        document = {
            "version": 1,
            "device": {"id": "buoy-7"},
            "storage": {"folder": str(folder / "state")},
            "clips": {"min_free_mb": 0.0},
            "mqtt": {"enabled": True, "drain_rate": 1000.0},
            "orders": orders,
        }
        self.path.write_text(yaml.safe_dump(document))
        self.before = self.path.read_bytes()
        self.config_state = folder / "state" / "orders.json"
        (folder / "state").mkdir()
        file = ConfigFile(self.path, {})
        self.buoy = make_buoy(mqtt=True, folder=folder, orders=orders, broker={"form": form})
        daemon = self.daemon = self.buoy.daemon
        daemon._read = file.read
        self.desk = daemon.components.orders
        daemon._ordered = file
        self.desk.setups.judge = lambda setup: daemon._judged(file.with_setup(setup))
        self.desk.setups.ordered = file
        self.buoy.settle(lambda: self.buoy.broker.links and self.buoy.broker.links[0].patterns)

    def send(self, payload: bytes, *, retained: bool = False) -> None:
        link = self.buoy.broker.links[0]
        link.events.append(Received(ORDERS, payload, retained))

    def give(self, kind: str, arguments: dict[str, Any] | None = None, **fields: Any) -> int:
        self.send(self.shore.sealed(kind, arguments, **fields))
        return self.shore.counter

    def replies(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.buoy.broker.payloads(f"{ORDERS}/reply")]

    def outcomes(self, counter: int) -> list[str]:
        return [one["outcome"] for one in self.replies() if one["order"] == counter]

    def until(self, condition: Callable[[], object]) -> None:
        """Let simulated time pass until it holds."""
        self.buoy.settle(lambda: self.daemon.turn() and condition())

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """The state of the orders can be read, and not written."""
        lock = self.config_state.with_name(f"{self.config_state.name}{LOCK}")
        lock.unlink(missing_ok=True)
        lock.mkdir()
        yield
        lock.rmdir()

    @property
    def threshold(self) -> float:
        return float(self.daemon.components.scoring._pipeline._finder.rules.threshold)


@pytest.fixture
def rig(make_buoy: Callable[..., Any], tmp_path: Path) -> Rig:
    return Rig(make_buoy, tmp_path)


def test_a_threshold_is_set_on_trial_and_confirmed(rig: Rig) -> None:
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: rig.outcomes(counter) == ["trial"])
    assert rig.threshold == 0.77
    assert rig.daemon.health.document().orders.trial == counter
    rig.until(lambda: rig.outcomes(counter) == ["trial", "confirmed"])
    assert rig.threshold == 0.77
    assert rig.path.read_bytes() == rig.before
    assert ConfigFile(rig.path, {}).read().detection.threshold == 0.77


def test_what_is_not_acknowledged_comes_back_by_itself(rig: Rig) -> None:
    rig.until(lambda: True)
    before = rig.threshold
    rig.buoy.broker.acknowledging = False
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: rig.desk.setups.trial is not None)
    began = rig.buoy.seconds
    assert rig.threshold == 0.77
    rig.until(lambda: rig.threshold == before)
    assert rig.buoy.seconds - began == pytest.approx(TRIAL_S, abs=1.0)
    rig.buoy.broker.acknowledging = True
    rig.until(lambda: "rolled_back" in rig.outcomes(counter))


def test_a_start_in_the_middle_brings_back_what_was(rig: Rig) -> None:
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: rig.outcomes(counter) == ["trial"])
    file = ConfigFile(rig.path, {})
    loaded = file.start(lambda in_force: in_force)
    assert loaded.config.detection.threshold is None


def test_roll_back_ends_a_trial_and_goes_back_to_the_former_setup(rig: Rig) -> None:
    first = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: "confirmed" in rig.outcomes(first))
    second = rig.give("set", {"values": {"detection.threshold": 0.89}})
    rig.until(lambda: rig.threshold == 0.89)
    rig.give("roll_back")
    rig.until(lambda: rig.threshold == 0.77)
    rig.until(lambda: rig.outcomes(second) == ["trial", "rolled_back"])
    third = rig.give("roll_back")
    rig.until(lambda: "confirmed" in rig.outcomes(third))
    assert rig.threshold not in (0.77, 0.89)


def test_reload_health_and_restart(rig: Rig) -> None:
    rig.path.write_bytes(rig.before + b"health:\n  interval_s: 17.0\n")
    reload = rig.give("reload")
    rig.until(lambda: rig.outcomes(reload) == ["done"])
    assert rig.daemon.config.health.interval_s == 17.0
    reports = len(rig.buoy.broker.payloads("edge_daemon/buoy-7/health"))
    health = rig.give("health")
    rig.until(lambda: rig.outcomes(health) == ["done"])
    rig.buoy.settle(lambda: len(rig.buoy.broker.payloads("edge_daemon/buoy-7/health")) > reports)
    restart = rig.give("restart")
    rig.until(lambda: rig.daemon.restart)
    rig.until(lambda: rig.outcomes(restart) == ["done"])


def test_a_reload_that_fails_is_told(rig: Rig) -> None:
    rig.path.write_text("version: 1\nno_such_section: 3\n")
    counter = rig.give("reload")
    rig.until(lambda: rig.outcomes(counter) == ["failed"])
    assert "no_such_section" in rig.replies()[-1]["text"]


def test_the_sound_of_a_detection_is_sent(rig: Rig, sample: Any) -> None:
    rig.buoy.play(sample[:22_000])
    rig.buoy.played()
    rig.until(lambda: rig.buoy.clip_files.contents)
    (detection,) = map(json.loads, rig.buoy.broker.payloads("edge_daemon/buoy-7/detections"))
    counter = rig.give("clip", {"id": detection["id"]})
    rig.until(lambda: rig.outcomes(counter) == ["done"])
    rig.until(lambda: rig.buoy.broker.payloads("edge_daemon/buoy-7/clips"))
    from edge_daemon.cli.orders_send import ClipInParts

    sound = ClipInParts()
    whole = [sound.take(one, detection["id"]) for one in rig.buoy.broker.payloads("edge_daemon/buoy-7/clips")]
    assert whole[-1]
    assert sound.content == rig.buoy.clip_files.contents[detection["clip"]]
    none = rig.give("clip", {"id": "00000000-0000-4000-8000-000000000000"})
    rig.until(lambda: rig.outcomes(none) == ["failed"])


@pytest.mark.parametrize(
    "values",
    [
        {"mqtt.host": "elsewhere.example"},
        {"orders.enabled": False},
        {"detection.threshold": 1.5},
        {"detection.threshold": "${FILE:/etc/passwd}"},
        {"detection.threshold_low": 0.99},
        {"detection.threshold": 0.9, "detection.hop_s": 0.1},
        {"schedule.mode": "daily"},
    ],
)
def test_values_that_cannot_be_are_refused_as_a_whole(rig: Rig, values: dict[str, Any]) -> None:
    counter = rig.give("set", {"values": values})
    rig.until(lambda: rig.outcomes(counter) == ["refused"])
    assert rig.replies()[-1]["reason"] == "value"
    assert rig.daemon.config.detection.threshold is None
    rig.give("set", {"values": {"detection.threshold": 0.5}}, counter=counter)
    rig.until(lambda: rig.outcomes(counter) == ["refused", "refused"])
    assert rig.replies()[-1]["reason"] == "replayed"


def test_bad_orders_are_counted_and_answered_at_a_bounded_rate(rig: Rig) -> None:
    good = rig.give("set", {"values": {"health.interval_s": 30.0}})
    rig.until(lambda: rig.outcomes(good) == ["trial"])
    expected: dict[str, int] = {}
    for turn in range(10 * WAYS):
        payload, reason = spoiled(rig.shore, turn % WAYS)
        expected[reason] = expected.get(reason, 0) + 1
        rig.send(payload)
    rig.until(lambda: rig.desk.replies.refused.total() == 10 * WAYS)
    assert rig.desk.replies.refused == expected
    assert rig.daemon.health.document().orders.refused == expected
    refusals = [one for one in rig.replies() if one["outcome"] == "refused"]
    assert len(refusals) <= 15
    assert rig.desk.obeyed == 1


def test_a_retained_order_is_obeyed_once_and_is_no_refusal_later(rig: Rig) -> None:
    payload = rig.shore.sealed("health")
    for _ in range(3):
        rig.send(payload, retained=True)
        rig.until(lambda: len(rig.desk._inbox) == 0)
    rig.until(lambda: rig.desk.obeyed + rig.desk.repeated == 3)
    assert (rig.desk.obeyed, rig.desk.repeated) == (1, 2)
    assert not rig.desk.replies.refused


def test_orders_that_come_together_are_obeyed_in_their_order(rig: Rig) -> None:
    counters = [rig.give("set", {"values": {"detection.threshold": 0.5 + n / 100}}) for n in range(20)]
    rig.until(lambda: all("trial" in rig.outcomes(one) for one in counters))
    assert [one["order"] for one in rig.replies() if one["outcome"] == "trial"] == counters
    rig.until(lambda: "confirmed" in rig.outcomes(counters[-1]))
    assert rig.threshold == 0.69


def test_without_orders_nothing_is_subscribed_to(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(mqtt=True)
    buoy.settle(lambda: buoy.broker.links)
    assert buoy.daemon.components.orders is None
    assert buoy.broker.links[0].patterns == []
    assert buoy.daemon.health.document().orders is None


class Examination:
    """One that has ended already."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def verdict(self) -> str | None:
        return self._problem

    def close(self) -> None:
        """Nothing runs."""


def ship(rig: Rig, content: bytes) -> int:
    """Send a model as the command does; the counter of the order that is to take it."""
    shipment = Shipment.of(content)
    first = rig.give("model", shipment.announcement())
    rig.until(lambda: rig.outcomes(first) == ["incomplete"])
    reply = OrderReply.model_validate(rig.replies()[-1])
    for number in shipment.next_round(reply):
        arguments, data = shipment.piece(number)
        rig.send(rig.shore.sealed("piece", arguments, attachment=data))
    return rig.give("model", shipment.announcement())


def test_a_good_model_is_taken_by_a_start_and_tried(rig: Rig) -> None:
    rig.desk.models.examine = lambda _setup: Examination("")
    counter = ship(rig, PORTABLE.read_bytes())
    rig.until(lambda: rig.daemon.restart)
    rig.buoy.finish()
    file = ConfigFile(rig.path, {})
    tried = file.start(lambda in_force: in_force.config.model.path)
    assert tried is not None
    assert tried.read_bytes() == PORTABLE.read_bytes()
    assert StateFile(rig.config_state).read().trial.counter == counter
    again = ConfigFile(rig.path, {}).start(lambda in_force: in_force.config.model.path)
    assert again is None  # a power cut in the trial


def test_a_model_with_which_the_daemon_does_not_start_is_given_up_at_once(rig: Rig) -> None:
    rig.desk.models.examine = lambda _setup: Examination("")
    ship(rig, PORTABLE.read_bytes())
    rig.until(lambda: rig.daemon.restart)
    rig.buoy.finish()
    asked: list[object] = []

    def make(in_force: Any) -> object:
        asked.append(in_force.config.model.path)
        if in_force.config.model.path is not None:
            raise ModelError("No.")
        return in_force

    ConfigFile(rig.path, {}).start(make)
    assert [one is None for one in asked] == [False, True]
    assert StateFile(rig.config_state).read().trial is None


def test_a_start_on_trial_without_anything_set_has_the_files_model(rig: Rig) -> None:
    rig.buoy.finish()
    file = StateFile(rig.config_state)
    store = ModelStore(rig.config_state.parent / "models")
    shipment = Shipment.of(PORTABLE.read_bytes())
    store.announce(shipment.model)
    for number in range(shipment.model.pieces):
        arguments, data = shipment.piece(number)
        store.take(PieceArguments.model_validate(arguments), data)
    store.assemble(shipment.model)
    state = started(tried(OrdersState(), Setup().with_model(shipment.model.digest, 1), "k", 1, "model"))
    state = confirmed(state)
    file.replace(tried(state, Setup(), "k", 2, "roll_back"))
    assert ConfigFile(rig.path, {}).start(lambda in_force: in_force.config.model.path) is None
    assert file.read().trial is not None
    back = ConfigFile(rig.path, {}).start(lambda in_force: in_force.config.model.path)
    assert back is not None
    assert back.stem == shipment.model.digest


def test_a_bad_model_is_not_taken(rig: Rig) -> None:
    rig.desk.models.examine = lambda _setup: Examination("it gives no scores")
    counter = ship(rig, PORTABLE.read_bytes())
    rig.until(lambda: rig.outcomes(counter) == ["failed"])
    assert not rig.daemon.restart
    assert not list((rig.config_state.parent / "models").glob("*.onnx"))


def test_a_damaged_state_stops_orders_and_not_the_ear(rig: Rig) -> None:
    rig.config_state.write_bytes(b"rotten")
    rig.give("set", {"values": {"detection.threshold": 0.7}})
    rig.until(lambda: rig.desk.replies.refused["disk"] == 1)
    assert any("damaged" in reason for reason in rig.daemon.health.document().reasons)
    in_force = ConfigFile(rig.path, {}).start(lambda in_force: in_force)
    assert in_force.config.detection.threshold is None
    assert any("damaged" in problem for problem in in_force.problems)


def test_a_trial_that_fell_at_a_start_proves_nothing_even_if_that_could_not_be_written(rig: Rig) -> None:
    state = tried(OrdersState(), Setup().with_values({"detection.threshold": 0.77}, [], 1), "k", 1, "set")
    StateFile(rig.config_state).replace(state)
    file = rig.daemon._ordered = rig.desk.setups.ordered = ConfigFile(rig.path, {})
    with rig.unwritable():
        assert file.start(lambda in_force: in_force.config.detection.threshold) is None
        assert file.read().detection.threshold is None  # nor does a reload bring it back
        rig.give("set", {"values": {"detection.threshold_low": 0.3}})
        rig.until(lambda: rig.desk.replies.refused["disk"] == 1)
        assert StateFile(rig.config_state).read().trial is not None
    rig.until(lambda: rig.outcomes(1) == ["rolled_back"])
    found = StateFile(rig.config_state).read()
    assert found.trial is None
    assert found.setup.empty


def test_a_trial_that_fails_ends_on_a_disk_that_cannot_be_written_too(rig: Rig) -> None:
    rig.until(lambda: True)
    before = rig.threshold
    rig.buoy.broker.acknowledging = False
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: rig.desk.setups.trial is not None)
    with rig.unwritable():
        rig.until(lambda: rig.threshold == before)
        rig.buoy.broker.acknowledging = True  # too late
        rig.until(lambda: rig.desk.setups.reached)
        rig.daemon.reload()
        rig.buoy.until(rig.buoy.seconds + 3.0)
        assert rig.threshold == before
    rig.until(lambda: "rolled_back" in rig.outcomes(counter))
    assert "confirmed" not in rig.outcomes(counter)
    assert StateFile(rig.config_state).read().setup.empty


def test_a_reload_that_breaks_off_ends_the_trial(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.until(lambda: True)
    before = rig.threshold
    reload = rig.daemon._reload

    def broken() -> None:
        monkeypatch.setattr(rig.daemon, "_reload", reload)
        reload()
        raise RuntimeError("half of it is in force")

    monkeypatch.setattr(rig.daemon, "_reload", broken)
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: rig.outcomes(counter) == ["rolled_back"])
    rig.until(lambda: rig.threshold == before)


def test_what_the_file_no_longer_suits_is_not_confirmed(rig: Rig) -> None:
    counter = rig.give("set", {"values": {"detection.threshold": 0.5}})
    rig.until(lambda: rig.outcomes(counter) == ["trial"])
    rig.path.write_bytes(rig.before + b"detection:\n  threshold: 0.95\n  threshold_low: 0.9\n")
    rig.daemon._reload()
    rig.until(lambda: rig.threshold == 0.95)
    rig.until(lambda: rig.outcomes(counter) == ["trial", "rolled_back"])
    assert "not in force" in rig.replies()[-1]["text"]
    assert StateFile(rig.config_state).read().setup.empty


def test_replies_and_sounds_leave_as_they_are_where_documents_are_packed(
    make_buoy: Callable[..., Any], tmp_path: Path, sample: Any
) -> None:
    rig = Rig(make_buoy, tmp_path, "compact")
    counter = rig.give("set", {"values": {"detection.threshold": 0.77}})
    rig.until(lambda: "confirmed" in rig.outcomes(counter))
    rig.buoy.play(sample[:22_000])
    rig.buoy.played()
    rig.until(lambda: rig.buoy.clip_files.contents)
    packed = rig.buoy.daemon.components.topics.packed

    def detections() -> list[Any]:
        payloads = rig.buoy.broker.payloads(packed)
        heard = [json.loads(one) for payload in payloads for _, one in unpacked(packed, payload)]
        return [one for one in heard if one["schema"].startswith("edge_daemon.detection/")]

    rig.until(detections)
    clip = rig.give("clip", {"id": detections()[0]["id"]})
    rig.until(lambda: rig.outcomes(clip) == ["done"])
    rig.until(lambda: rig.buoy.broker.payloads("edge_daemon/buoy-7/clips"))
    assert not rig.buoy.broker.payloads("edge_daemon/buoy-7/detections")


@pytest.mark.parametrize("key", ["mqtt.drain_rate", "outbox.commit_interval_s", "detection.merge_gap_s"])
def test_the_smallest_number_there_is_makes_nobody_deaf(rig: Rig, key: str) -> None:
    counter = rig.give("set", {"values": {key: 5e-324}})
    rig.until(lambda: {"confirmed", "rolled_back"} & set(rig.outcomes(counter)))
    health = rig.give("health")
    rig.until(lambda: rig.outcomes(health) == ["done"])
    assert rig.daemon.components.publisher.alive
