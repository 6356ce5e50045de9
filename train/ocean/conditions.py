"""Conditions: what stays the same for minutes to hours at one place: weather, traffic, current, the instrument.

Neighbouring clips share them, as neighbours in a real recording do, so that a blocked split of synthetic clips is an
honest one too: whole conditions are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.ocean.ambient import MICROPASCAL, ambient, shipping_db, spectrum_db, wind_db
from train.ocean.hum import hum
from train.ocean.rain import rain
from train.ocean.recorder import Recorder, draw_recorder
from train.ocean.ship import ship
from train.ocean.sound import RATE
from train.ocean.strum import strum

SHARE_SHIP, SHARE_RAIN, SHARE_HUM, SHARE_STRUM = 0.3, 0.1, 0.08, 0.35
"""Share of the conditions in which each background beyond wind and distant shipping is there."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One place at one time; None means that a background is absent.

    Args:
        recorder: the instrument.
        wind_m_s: wind speed.
        shipping: distant shipping, 0 … 1.
        ship_db: spectrum level of a near ship at 50 Hz, dB re 1 µPa²/Hz.
        rain_db: level of rain over the level of wind noise, dB.
        mains_hz: mains frequency of electronic hum, 50 or 60.
        hum_db: level of the hum over the noise in 1 Hz at that frequency, dB.
        strum_db: spectrum level of strum at 30 Hz, dB re 1 µPa²/Hz.
    """

    recorder: Recorder
    wind_m_s: float
    shipping: float
    ship_db: float | None = None
    rain_db: float | None = None
    mains_hz: float | None = None
    hum_db: float = 15.0
    strum_db: float | None = None


def draw_conditions(rng: np.random.Generator) -> Conditions:
    """Conditions drawn at random: wind after its Weibull distribution at sea (mean 7.5 m/s), traffic uniform."""
    wind, shipping = float(min(8.5 * rng.weibull(2.1), 25.0)), float(rng.random())
    at = np.array([30.0, 50.0])
    sea_30, sea_50 = spectrum_db(at, wind, shipping)[0], shipping_db(at, shipping)[1]
    return Conditions(
        recorder=draw_recorder(rng),
        wind_m_s=wind,
        shipping=shipping,
        ship_db=float(sea_50 + rng.uniform(-3.0, 18.0)) if rng.random() < SHARE_SHIP else None,
        rain_db=float(rng.uniform(0.0, 15.0)) if rng.random() < SHARE_RAIN else None,
        mains_hz=float(rng.choice([50.0, 60.0])) if rng.random() < SHARE_HUM else None,
        hum_db=float(rng.uniform(10.0, 30.0)),
        strum_db=float(sea_30 + rng.uniform(0.0, 25.0)) if rng.random() < SHARE_STRUM else None,
    )


def background(
    rng: np.random.Generator, shape: tuple[int, int], conditions: Conditions, rate: int = RATE
) -> NDArray[np.float64]:
    """All that sounds without end, as the recorder writes it.

    Args:
        rng: source of randomness.
        shape: (rows, samples); rows are independent moments under the same conditions, levels a few dB apart.
        conditions: weather, traffic, instrument.
        rate: samples per second.

    Returns:
        float64 [rows, samples], full scale ±1 (not cut there).
    """
    rows = shape[0]
    wind, shipping = conditions.wind_m_s, conditions.shipping
    pressure = ambient(rng, shape, wind, shipping, rate)
    if conditions.ship_db is not None:
        pressure += ship(rng, shape, conditions.ship_db + rng.normal(0.0, 2.0, rows), rate)
    if conditions.strum_db is not None:
        pressure += strum(rng, shape, conditions.strum_db + rng.normal(0.0, 3.0, rows), rate)
    if conditions.rain_db is not None:
        hiss_db = wind_db(np.array([700.0]), wind)[0] + 10.0 * np.log10(rate / 2.0)
        level_db = hiss_db + conditions.rain_db + rng.normal(0.0, 2.0, rows)
        pressure += rain(rng, shape, MICROPASCAL * 10.0 ** (level_db / 20.0), 400.0, rate)
    if conditions.mains_hz is not None:
        level_db = spectrum_db(np.array([conditions.mains_hz]), wind, shipping)[0] + conditions.hum_db
        pressure += hum(rng, shape, conditions.mains_hz, np.full(rows, MICROPASCAL * 10.0 ** (level_db / 20.0)), rate)
    return conditions.recorder.filter(pressure, rate) / conditions.recorder.pascal_per_full_scale
