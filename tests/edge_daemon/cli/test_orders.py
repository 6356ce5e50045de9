"""`edge-daemon orders` without a broker: keys, and what has been set on the board."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
import yaml

from edge_daemon.cli import invoke
from edge_daemon.cli.orders import value_arguments
from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import default_model_path
from edge_daemon.orders.gate import Gate
from edge_daemon.orders.keys import verifier
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.state_file import StateFile
from edge_daemon.orders.trial_state import OrdersState, confirmed, counted, tried

pytest.importorskip("nacl")


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A configuration with orders; two values are set, one of them on trial."""
    (tmp_path / "state").mkdir()
    orders = {"enabled": True, "public_keys": ["ab" * 32]}
    document = {"version": 1, "storage": {"folder": str(tmp_path / "state")}, "orders": orders}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document))
    state = counted(OrdersState(), "0123456789ab", 18)
    one = Setup().with_values({"detection.threshold": 0.8}, (), 17)
    state = confirmed(tried(state, one, "0123456789ab", 17, "set"))
    state = tried(state, one.with_values({"health.interval_s": 30.0}, (), 18), "0123456789ab", 18, "set")
    StateFile(tmp_path / "state" / "orders.json").replace(state)
    return tmp_path / "config.yaml"


def test_a_key_is_for_its_owner_alone_and_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fleet.key"
    assert invoke(["orders", "keygen", str(file)]) == 0
    written = yaml.safe_load(capsys.readouterr().out)["orders"]
    assert len(written["public_keys"][0]) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text()
    assert secret.strip() not in written["public_keys"]
    assert invoke(["orders", "keygen", str(file)]) == 1
    assert file.read_text() == secret


def test_config_show_says_which_order_set_what(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = board.read_bytes()
    assert invoke(["config", "show", "--json", str(board)]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["detection.threshold"]["value"], rows["detection.threshold"]["origin"]) == ("0.8", "order 17")
    assert rows["health.interval_s"]["origin"] == "order 18"
    assert rows["orders.trial_s"]["origin"] == "default"
    assert board.read_bytes() == before


def test_what_is_set_is_shown_and_cleared(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["orders", "show", str(board)]) == 0
    shown = capsys.readouterr().out
    assert "On trial by order 18:" in shown
    assert "  detection.threshold: 0.8 (order 17)" in shown
    assert invoke(["orders", "clear", str(board)]) == 0
    state = StateFile(board.parent / "state" / "orders.json").read()
    assert state == OrdersState(counters={"0123456789ab": 18})
    assert invoke(["orders", "show", str(board)]) == 0
    assert "the configuration file as it stands" in capsys.readouterr().out


def test_a_damaged_state_is_cleared_so_that_no_older_order_is_obeyed(board: Path) -> None:
    path = board.parent / "state" / "orders.json"
    path.write_bytes(b"rotten")
    assert invoke(["orders", "show", str(board)]) == 1
    assert invoke(["orders", "clear", str(board)]) == 0
    (counter,) = StateFile(path).read().counters.values()
    assert counter > 1_700_000_000_000


def test_values_on_the_command_line() -> None:
    assert value_arguments(
        ("detection.threshold=0.8", "schedule.mode=always", 'schedule.daily=["01:00-02:00"]', "a.b=")
    ) == {
        "values": {"detection.threshold": 0.8, "schedule.mode": "always", "schedule.daily": ["01:00-02:00"]},
        "unset": ["a.b"],
    }
    with pytest.raises(UsageError):
        value_arguments(("detection.threshold",))


def test_an_order_that_would_be_refused_is_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fleet.key"
    assert invoke(["orders", "keygen", str(file)]) == 0
    assert invoke(["orders", "send", "--key", str(file), "--device", "d", "clip", "no-id"]) == 2
    assert invoke(["orders", "send", "--key", str(file), "health"]) == 2
    assert "--device or --group" in capsys.readouterr().err


def test_an_order_is_signed_into_a_file_without_a_broker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "fleet.key"
    invoke(["orders", "keygen", str(key)])
    public = yaml.safe_load(capsys.readouterr().out)["orders"]["public_keys"][0]
    words = ["orders", "send", "--key", str(key), "--device", "buoy-7", "--output"]
    order = tmp_path / "order.txt"
    assert invoke([*words, str(order), "set", "detection.threshold=0.8"]) == 0
    assert invoke([*words, "-", "restart"]) == 0
    gate = Gate(verifier([public]), "buoy-7")
    opened = [gate.open(base64.b64decode(text)).order for text in (order.read_text(), capsys.readouterr().out)]
    assert [(one.to, one.kind) for one in opened] == [("buoy-7", "set"), ("buoy-7", "restart")]
    assert opened[0].arguments == {"values": {"detection.threshold": 0.8}, "unset": []}
    assert opened[0].counter < opened[1].counter
    assert invoke([*words, str(order), "model", str(default_model_path())]) == 2
