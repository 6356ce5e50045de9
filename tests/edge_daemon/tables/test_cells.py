"""Numbers and names in cells."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.tables.cells import plain, seconds_text


@pytest.mark.parametrize(
    ("samples", "rate", "text"),
    [
        (0, 2000, "0.000000"),
        (1, 2000, "0.000500"),
        (7_200_001, 2000, "3600.000500"),
        (1, 16000, "0.000062500"),
        (1, 48000, "0.000020833"),
        (2, 3000, "0.000666667"),
        (10**18 + 1, 2000, "500000000000000.000500"),
    ],
)
def test_seconds(samples: int, rate: int, text: str) -> None:
    assert seconds_text(samples, rate) == text


@given(st.integers(0, 10**15), st.integers(1, 1_000_000))
def test_seconds_tell_samples_apart(samples: int, rate: int) -> None:
    assert round(Fraction(seconds_text(samples, rate)) * rate) == samples


@given(st.integers(0, 10**15))
def test_seconds_are_exact_at_the_models_rate(samples: int) -> None:
    assert Fraction(seconds_text(samples, 2000)) == Fraction(samples, 2000)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a\tb\nc\r\nd", "a b c d"),
        ("plain name.wav", "plain name.wav"),
        ("", ""),
        ("s\udcff.wav", "s\ufffd.wav"),
        ('"a" b', "'a\" b"),
    ],
)
def test_plain(text: str, cell: str) -> None:
    assert plain(text) == cell
