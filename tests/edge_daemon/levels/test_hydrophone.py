"""Calibration: what a full-scale sample is worth in the water."""

from __future__ import annotations

import math

import pytest

from edge_daemon.config import load_text
from edge_daemon.levels.hydrophone import Hydrophone


@pytest.mark.parametrize(
    ("sensitivity_db", "gain_db", "volts", "full_scale_db"),
    [
        # 1 V gives full scale and 1 µPa gives -170 dB re 1 V: full scale is 170 dB re 1 µPa
        (-170.0, 0.0, 1.0, 170.0),
        # 20 dB of gain: a tenth of the pressure is enough
        (-170.0, 20.0, 1.0, 150.0),
        # ten times the voltage range: ten times the pressure
        (-170.0, 0.0, 10.0, 190.0),
        # 20·log10(2.5) = 7.9588
        (-165.3, 12.0, 2.5, 161.2588),
    ],
)
def test_full_scale(sensitivity_db: float, gain_db: float, volts: float, full_scale_db: float) -> None:
    assert Hydrophone(sensitivity_db, gain_db, volts).full_scale_db == pytest.approx(full_scale_db, abs=1e-4)


def test_one_pascal_by_hand() -> None:
    # 1 Pa = 10⁶ µPa = 120 dB. At −180 dB re 1 V/µPa it makes 10^((120 − 180)/20) = 1 mV, after 40 dB of gain 0.1 V,
    # at a converter of ±5 V a sample of 0.02.
    level = Hydrophone(-180.0, 40.0, 5.0).full_scale_db + 20 * math.log10(0.02)
    assert level == pytest.approx(120.0, abs=1e-9)


def test_from_the_configuration() -> None:
    text = b"version: 1\nhydrophone: {sensitivity_db: -170, gain_db: 20, adc_full_scale_v: 1}\n"
    assert Hydrophone.from_config(load_text(text, {}).config.hydrophone) == Hydrophone(-170.0, 20.0, 1.0)
    assert Hydrophone.from_config(load_text(b"version: 1\n", {}).config.hydrophone) is None
