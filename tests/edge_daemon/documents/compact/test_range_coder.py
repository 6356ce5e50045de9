"""What a range coder has written is what is read, whatever the choices were."""

from __future__ import annotations

import random
from typing import Any

import pytest

from edge_daemon.documents.compact.range_coder import (
    EVEN,
    LIKELY,
    SCALE,
    Chance,
    Coder,
    RangeReader,
    RangeWriter,
    direct,
    learned_bit,
    signed,
    whole,
)


def drawn(rng: random.Random) -> tuple[str, int, int]:
    kind = rng.choice(("whole", "signed", "symbol", "direct", "bit", "learned"))
    digits = rng.randrange(70)
    if kind == "symbol":
        count = rng.randrange(1, 65_537)
        return kind, count, rng.randrange(count)
    if kind == "bit":
        return kind, rng.randrange(64, SCALE - 63), rng.randrange(2)
    if kind == "learned":
        return kind, 0, int(rng.random() < 0.1)
    value = rng.getrandbits(digits) if digits else 0
    return kind, digits if kind == "direct" else rng.randrange(12), -value if kind == "signed" and digits % 2 else value


def coded(coder: Coder, choices: list[tuple[str, int, int]]) -> list[int]:
    chance, found = Chance(), []
    for kind, how, value in choices:
        given = value if coder.writing else 0
        found.append(
            {
                "whole": lambda how=how, given=given: whole(coder, given, how),
                "signed": lambda how=how, given=given: signed(coder, given, how),
                "symbol": lambda how=how, given=given: coder.symbol(how, given),
                "direct": lambda how=how, given=given: direct(coder, how, given),
                "bit": lambda how=how, given=given: coder.bit(how, given),
                "learned": lambda given=given: learned_bit(coder, chance, given),
            }[kind]()
        )
    return found


@pytest.mark.parametrize("seed", range(60))
def test_what_was_written_is_read(seed: int) -> None:
    rng = random.Random(seed)
    choices = [drawn(rng) for _ in range(rng.randrange(60))]
    writer = RangeWriter()
    values = [value for _, _, value in choices]
    assert coded(writer, choices) == values
    assert coded(RangeReader(writer.payload()), choices) == values


def size(chance: int, bits: list[int]) -> int:
    writer = RangeWriter()
    for bit in bits:
        writer.bit(chance, bit)
    return len(writer.payload())


def test_a_choice_costs_what_it_surprises() -> None:
    assert size(EVEN, [0, 1] * 400) == pytest.approx(100, abs=1)  # a bit each
    # 31 of 32: log2(32 / 31) = 0.0458 bits
    assert size(LIKELY, [0] * 800) == pytest.approx(800 * 0.0458 / 8, abs=1)
    assert size(LIKELY, [1] * 80) == pytest.approx(80 * 5 / 8, abs=1)  # and what is rare five bits


def test_the_end_of_a_message_is_noticed() -> None:
    writer: Any = RangeWriter()
    direct(writer, 400, (1 << 400) - 1)
    with pytest.raises(ValueError, match="cut off"):
        direct(RangeReader(writer.payload()[:-4]), 400, 0)


def test_numbers_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        whole(RangeWriter(), 1 << 200)
