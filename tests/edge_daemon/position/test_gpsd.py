"""What gpsd says, and what somebody in its place might."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.position.fix import Fix, NoFix, Refusal
from edge_daemon.position.gpsd import reader, request

TPV: dict[str, Any] = {
    "class": "TPV", "device": "/dev/ttyUSB0", "mode": 3, "time": "2026-11-29T15:04:05.250Z", "lat": 42.35,
    "lon": -70.25, "eph": 4.1,
}  # fmt: skip
UTC_NS = 1_795_964_645_250_000_000


def said(**other: Any) -> object:
    return reader()(json.dumps(TPV | other).encode())


def test_a_fix() -> None:
    assert said() == Fix(42.35, -70.25, UTC_NS, "3d", 4.1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [({"mode": 2}, "2d"), ({"status": 2}, "differential"), ({"status": 3}, "rtk"), ({"status": 4, "mode": 2}, "rtk")],
)
def test_its_type(other: dict[str, int], expected: str) -> None:
    fix = said(**other)
    assert isinstance(fix, Fix)
    assert fix.type == expected


def test_without_an_error() -> None:
    fix = reader()(json.dumps({key: value for key, value in TPV.items() if key != "eph"}).encode())
    assert isinstance(fix, Fix)
    assert fix.accuracy_m is None


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ('{"class":"TPV","device":"/dev/ttyUSB0","mode":1}', "no_fix"),
        ('{"class":"TPV","mode":0,"lat":42.0,"lon":-70.0}', "no_fix"),
        ('{"class":"DEVICES","devices":[]}', "unplugged"),
        ('{"class":"DEVICE","path":"/dev/ttyUSB0","activated":0}', "unplugged"),
    ],
)
def test_no_fix(line: str, state: str) -> None:
    found = reader()(line.encode())
    assert isinstance(found, NoFix)
    assert found.state == state


@pytest.mark.parametrize(
    "line",
    [
        '{"class":"VERSION","release":"3.22","proto_major":3}',
        '{"class":"WATCH","enable":true}',
        '{"class":"SKY","satellites":[' + "{}," * 50 + "{}]}",
        '{"class":"DEVICES","devices":[{"path":"/dev/ttyUSB0"}]}',
        '{"class":"DEVICE","path":"/dev/ttyUSB0","activated":"2026-11-29T15:04:05.250Z"}',
    ],
)
def test_what_says_nothing_of_the_position(line: str) -> None:
    assert reader()(line.encode()) is None


def test_a_receiver_among_several() -> None:
    read = reader("/dev/ttyUSB1")
    assert read(json.dumps(TPV).encode()) is None
    assert read(b'{"class":"DEVICE","path":"/dev/ttyUSB0","activated":0}') is None
    assert isinstance(read(json.dumps(TPV | {"device": "/dev/ttyUSB1"}).encode()), Fix)
    assert request("/dev/ttyUSB1") == b'?WATCH={"enable": true, "json": true, "device": "/dev/ttyUSB1"};\n'


@pytest.mark.parametrize(
    "other",
    [
        {"lat": "42"}, {"lat": None}, {"lat": True}, {"lat": [42]}, {"lon": {}}, {"lat": 10**400}, {"time": None},
        {"time": 5}, {"time": "yesterday"}, {"time": "2026-11-29T15:04:05"}, {"time": ["2026"]}, {"time": "9" * 5000},
        {"mode": 4}, {"mode": "3"}, {"mode": [3]}, {"mode": None}, {"mode": {}}, {"eph": "4"}, {"eph": False},
        {"status": []}, {"status": {}},
    ],
)  # fmt: skip
def test_wrong_types_are_refused(other: dict[str, Any]) -> None:
    found = said(**other)
    assert isinstance(found, Refusal)
    assert found.doubt == "malformed"


@pytest.mark.parametrize("status", [5, 6, 8])
def test_a_guess_is_no_fix(status: int) -> None:
    found = said(status=status)
    assert isinstance(found, Refusal)
    assert found.doubt == "guessed"


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\0", b"hello", b"HTTP/1.0 400 Bad Request", b"\xff\xfe\xfd", b"[]", b"null", b'{"class":"TPV"',
        b'{"class":"TPV","lat":NaN,"lon":1,"mode":3}', b'{"class":"TPV","lat":-Infinity}', b'{"class":"TPV"}garbage',
        b'{"class":"TPV","x":' + b"[" * 15_000, b'{"class":"TPV","lat":' + b"1" * 10_000 + b"}",
        b'{"class":"TPV","device":"\xff"}', b'{"class":"TPV","class":5}', b'{"class":"ERROR","message":["x"]}',
        b"{" * 16_000, b'{"class":"DEVICES","devices":5}', b'{"class":"DEVICE","activated":[]}',
    ],
)  # fmt: skip
def test_whatever_comes_is_no_fix_and_raises_nothing(line: bytes) -> None:
    assert not isinstance(reader()(line), Fix)


@given(st.binary(max_size=60), st.integers(0, 140), st.integers(0, 255))
def test_damaged_lines_raise_nothing(noise: bytes, place: int, value: int) -> None:
    line = bytearray(json.dumps(TPV).encode())
    line[place % len(line)] = value
    reader()(bytes(line))
    reader()(noise)
    reader()(b'{"class":"TPV",' + noise)
