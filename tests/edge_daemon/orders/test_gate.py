"""Exactly the orders that a trusted key has signed, for this device, in time and once, pass the gate."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.orders.arguments import SetArguments
from edge_daemon.orders.envelope import MOST_BYTES, OVERHEAD
from edge_daemon.orders.gate import Gate
from edge_daemon.orders.order import ShoreOrder, decode
from edge_daemon.orders.refusal import OrderRefusedError
from tests.edge_daemon.orders.shore import NOW_S, WAYS, Shore, spoiled

SHORE = Shore()
GATE = SHORE.gate()
GOOD = SHORE.sealed("set", {"values": {"detection.threshold": 0.8}})


def refusal(payload: bytes, gate: Gate = GATE, counters: dict[str, int] | None = None, utc_s: int = NOW_S) -> str:
    with pytest.raises(OrderRefusedError) as found:
        gate.admit(gate.open(payload), counters or {}, utc_s)
    return found.value.reason


def test_a_good_order_passes() -> None:
    opened = GATE.open(GOOD)
    arguments = GATE.admit(opened, {SHORE.name: opened.order.counter - 1}, NOW_S)
    assert isinstance(arguments, SetArguments)
    assert arguments.values == {"detection.threshold": 0.8}


@given(st.integers(0, 8 * len(GOOD) - 1))
def test_an_order_with_any_bit_flipped_is_refused(bit: int) -> None:
    changed = bytearray(GOOD)
    changed[bit // 8] ^= 1 << bit % 8
    assert refusal(bytes(changed)) == ("malformed" if bit < 32 else "signature")


@given(st.integers(0, len(GOOD) - 1))
def test_a_truncated_order_is_refused(length: int) -> None:
    assert refusal(GOOD[:length]) in ("malformed", "signature")


@given(st.binary(min_size=1, max_size=300))
def test_bytes_behind_or_before_an_order_are_refused(more: bytes) -> None:
    assert refusal(GOOD + more) == "signature"
    assert refusal(more + GOOD) in ("malformed", "signature")


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    assert refusal(noise) in ("malformed", "signature")


def test_an_oversized_order_is_refused_before_its_signature_is_looked_at() -> None:
    def nobody(_message: bytes, _signature: bytes) -> str | None:
        raise AssertionError("looked at")

    with pytest.raises(OrderRefusedError) as found:
        Gate(nobody, "buoy-7").open(GOOD + bytes(MOST_BYTES))
    assert found.value.reason == "oversized"


@given(st.binary(max_size=200))
def test_nothing_is_parsed_before_the_signature(body: bytes) -> None:
    assert refusal(b"EDO1" + bytes(64) + b"{" + body) == "signature"


def test_a_signature_over_the_body_alone_is_none() -> None:
    body = GOOD[OVERHEAD:]
    assert refusal(b"EDO1" + SHORE.key.sign(body).signature + body) == "signature"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_of_orders_in_any_sequence_those_are_obeyed_whose_counter_rises(counters: list[int]) -> None:
    highest: dict[str, int] = {}
    obeyed = []
    for counter in counters:
        opened = GATE.open(SHORE.sealed("health", counter=counter))
        try:
            GATE.admit(opened, highest, NOW_S)
        except OrderRefusedError:
            continue
        highest[opened.key] = counter
        obeyed.append(counter)
    assert obeyed == sorted(set(obeyed))
    assert obeyed[-1] == max(counters)


@given(st.integers(-(10**6), 10**6))
def test_an_order_is_obeyed_before_it_expires_and_never_after(late_s: int) -> None:
    order = SHORE.sealed("health", expires=NOW_S)
    if late_s < 0:
        GATE.admit(GATE.open(order), {}, NOW_S + late_s)
    else:
        assert refusal(order, utc_s=NOW_S + late_s) == "expired"


@pytest.mark.parametrize("to", ["buoy-70", "buoy-", "@west", "east", "@buoy-7", "BUOY-7"])
def test_an_order_for_others_is_refused(to: str) -> None:
    assert refusal(SHORE.sealed("restart", to=to)) == "foreign"


def test_an_order_for_the_group_is_obeyed() -> None:
    GATE.admit(GATE.open(SHORE.sealed("restart", to="@east")), {}, NOW_S)


@pytest.mark.parametrize("way", range(WAYS))
def test_twelve_ways_to_be_bad(way: int) -> None:
    payload, reason = spoiled(SHORE, way)
    if reason != "value":  # that is the desk's to find
        assert refusal(payload, counters={SHORE.name: 50}) == reason


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["schema", "to", "counter", "expires", "kind", "arguments", "x"]), JSON))
def test_signed_nonsense_is_refused_and_never_raises_otherwise(fields: dict[str, object]) -> None:
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert refusal(SHORE.seal(body)) == "content"


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_other_kinds_and_arguments_are_refused(kind: str, arguments: dict[str, object]) -> None:
    assert refusal(SHORE.sealed("set", {"other": arguments})) == "arguments"
    assert refusal(SHORE.sealed(f"x{kind}", arguments)) in ("kind", "content")


def test_what_is_said_twice_is_not_canonical() -> None:
    body = SHORE.order("health").encode()
    twice = body.replace(b'"kind":"health"', b'"kind":"restart","kind":"health"')
    assert twice != body
    assert refusal(SHORE.seal(twice)) == "content"


@given(
    st.builds(
        ShoreOrder,
        to=st.from_regex(r"\A@?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,20}\Z"),
        counter=st.integers(0, 2**53 - 1),
        expires=st.integers(0, 2**53 - 1),
        kind=st.text(max_size=10),
        arguments=st.dictionaries(st.text(max_size=8), JSON, max_size=3),
        attachment=st.binary(max_size=40),
    )
)
def test_what_is_written_is_read(order: ShoreOrder) -> None:
    assert decode(order.encode()) == order


def test_what_was_obeyed_is_replayed_and_not_expired_when_its_time_is_over() -> None:
    """So a retained order that was obeyed is told as no refusal, at whatever reconnection."""
    counter = GATE.open(GOOD).order.counter
    assert refusal(GOOD, counters={SHORE.name: counter}, utc_s=NOW_S + 10**6) == "replayed"
    assert refusal(GOOD, counters={SHORE.name: counter - 1}, utc_s=NOW_S + 10**6) == "expired"
