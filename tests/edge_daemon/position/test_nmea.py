"""Sentences of NMEA 0183, whole and damaged."""

from __future__ import annotations

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.position.fix import Fix, NoFix, Refusal
from edge_daemon.position.nmea import NmeaReader

RMC = "GPRMC,150405.25,A,4221.0000,N,07015.0000,W,1.9,084.4,291126,003.1,W,A"
UTC_NS = 1_795_964_645_250_000_000


def sentence(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode()):02X}\r".encode()


def said(body: str) -> object:
    return NmeaReader().read(sentence(body))


def test_a_fix() -> None:
    assert said(RMC) == Fix(42.35, -70.25, UTC_NS, "3d", None)
    # one from a textbook, with its checksum
    old = NmeaReader().read(b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n")
    assert isinstance(old, Fix)
    assert (round(old.latitude, 6), round(old.longitude, 6)) == (48.1173, 11.516667)
    assert old.utc_ns == 764_426_119 * 10**9  # 1994


def test_how_good_it_is_comes_from_other_sentences() -> None:
    read = NmeaReader()
    assert read.read(sentence("GPGSA,A,2,19,28,14,,,,,,,,,,1.7,0.9,1.3")) is None
    assert read.read(sentence("GPGGA,150405.25,4221.0000,N,07015.0000,W,1,08,0.9,545.4,M,46.9,M,,")) is None
    assert read.read(sentence(RMC)) == Fix(42.35, -70.25, UTC_NS, "2d", 4.5)


@pytest.mark.parametrize(("mode", "kind"), [("D", "differential"), ("R", "rtk"), ("F", "rtk"), ("P", "differential")])
def test_its_type(mode: str, kind: str) -> None:
    fix = said(RMC[:-1] + mode)
    assert isinstance(fix, Fix)
    assert fix.type == kind


@pytest.mark.parametrize("body", [RMC.replace(",A,4221", ",V,4221"), RMC[:-1] + "N", "GPRMC,,V,,,,,,,,,,N"])
def test_no_fix(body: str) -> None:
    assert isinstance(said(body), NoFix)


@pytest.mark.parametrize("mode", "EMS")
def test_a_guess_is_no_fix(mode: str) -> None:
    found = said(RMC[:-1] + mode)
    assert isinstance(found, Refusal)
    assert found.doubt == "guessed"


def test_a_date_of_1980_is_not_2080() -> None:
    fix = said(RMC.replace("291126", "060180"))
    assert isinstance(fix, Fix)
    assert fix.utc_ns < 316_100_000 * 10**9


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4221.0000", "9999.0000"), ("4221.0000", "4260.0000"), ("4221.0000", "-221.0000"), ("4221.0000", "nan"),
        ("4221.0000", ""), (",N,", ",,"), (",N,", ",NS,"), (",N,", ",E,"), (",W,1.9", ",N,1.9"), ("291126", "310226"),
        ("291126", "29112026"), ("150405.25", "250405"), ("150405.25", "1504"), ("07015.0000", "7015.0000"),
        ("07015.0000", "07015.0000e9"), ("07015.0000,W,1.9,084.4,291126,003.1,W,A", ""),
    ],
)  # fmt: skip
def test_fields_that_make_no_sense(old: str, new: str) -> None:
    assert old in RMC
    found = said(RMC.replace(old, new, 1))
    # 99° of latitude has the right form, and is refused as a place that does not exist (`fix_filter`)
    assert isinstance(found, Refusal) or (isinstance(found, Fix) and found.latitude > 90)


@given(st.integers(1, 60), st.integers(0, 255))
def test_one_wrong_byte_makes_no_other_position(place: int, value: int) -> None:
    line = bytearray(sentence(RMC))
    if line[place] == value:
        return
    line[place] = value
    found = NmeaReader().read(bytes(line))
    assert not isinstance(found, Fix)


@given(st.binary(max_size=100))
def test_noise_raises_nothing(noise: bytes) -> None:
    read = NmeaReader()
    assert not isinstance(read.read(noise), Fix)
    read.read(b"$GPRMC," + noise)
    body = b"GPRMC," + bytes(sign for sign in noise if 32 <= sign < 127 and sign != 42)
    assert not isinstance(read.read(b"$%s*%02X" % (body, reduce(xor, body))), Fix)
