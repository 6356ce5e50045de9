"""Columns of the waterfall: a tone stands at its frequency and level, missing sound is a zero, nothing is doubled."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.audio.source import Block, Gap
from edge_daemon.levels.waterfall import FLOOR_DB, STEP_DB, Waterfall

RATE = 2000


def tone(hertz: float, seconds: float, amplitude: float = 1.0) -> np.ndarray:
    moments = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


def columns(waterfall: Waterfall, *pieces: Block | Gap) -> np.ndarray:
    made = b"".join(one.columns for piece in pieces for one in waterfall.push(piece))
    return np.frombuffer(made, np.uint8).reshape(-1, waterfall.rows)


def test_rows_go_from_8_to_500_hertz_in_steps_of_four() -> None:
    waterfall = Waterfall(RATE)
    assert (waterfall.low_hz, waterfall.step_hz, waterfall.step_s) == (8.0, 4.0, 0.125)
    assert waterfall.low_hz + (waterfall.rows - 1) * waterfall.step_hz == 500.0


@pytest.mark.parametrize(("hertz", "amplitude", "level"), [(100.0, 1.0, 0.0), (300.0, 0.01, -40.0)])
def test_a_tone_is_a_line_at_its_level(hertz: float, amplitude: float, level: float) -> None:
    waterfall = Waterfall(RATE)
    found = columns(waterfall, Block(tone(hertz, 2.0, amplitude), 0))
    assert len(found) == 12  # 15 frames fit, of which those beyond the last whole four wait
    assert set(found.argmax(axis=1)) == {round((hertz - waterfall.low_hz) / waterfall.step_hz)}
    assert np.abs(FLOOR_DB + (found.max(axis=1) - 1.0) * STEP_DB - level).max() <= STEP_DB


def test_columns_do_not_depend_on_the_pieces() -> None:
    sound = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32) * 0.01
    whole = columns(Waterfall(RATE), Block(sound, 0))
    pieces = [Block(sound[start : start + 130], start) for start in range(0, len(sound), 130)]
    np.testing.assert_array_equal(columns(Waterfall(RATE), *pieces), whole)


def test_missing_sound_is_told_as_zeros_and_sound_never_is() -> None:
    waterfall = Waterfall(RATE)
    found = columns(waterfall, Block(np.zeros(RATE, np.float32), 0), Gap(RATE, RATE, "device_absent"))
    assert [bool(column.any()) for column in found] == [True] * 4 + [False] * 8


def test_a_piece_tells_its_level_and_its_end() -> None:
    pieces = list(Waterfall(RATE).push(Block(tone(100.0, 1.0, 0.5), 700)))
    assert [piece.end for piece in pieces] == [700 + 500 + 3 * 250]
    assert pieces[0].peak_db == pytest.approx(-6.02, abs=0.01)
    assert pieces[0].rms_db == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e38])
def test_samples_that_are_no_sound_are_some_picture(wrong: float) -> None:
    sound = tone(100.0, 2.0)
    sound[700] = wrong
    waterfall = Waterfall(RATE)
    with np.errstate(all="ignore"):
        found = columns(waterfall, Block(sound, 0))
    assert len(found) == 12
    assert found.min() >= 1
    assert set(found[8:].argmax(axis=1)) == {23}
