"""From samples to sound pressure: what a full-scale sample is worth in the water.

A hydrophone of sensitivity M (dB re 1 V/µPa) turns a pressure level of L dB re 1 µPa into a voltage level of L + M
dB re 1 V; the preamplifier adds its gain G; the converter gives ±1 for ±F volts. So a sample of ±1 stands for

    full_scale_db = 20·log10(F) − G − M      dB re 1 µPa (peak)

and every other level follows by 20·log10 of its ratio to full scale. A sine of amplitude A has the root-mean-square
level full_scale_db + 20·log10(A/√2) and the peak-to-peak level full_scale_db + 20·log10(2·A).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_daemon.config.hydrophone import HydrophoneSection


@dataclass(frozen=True, slots=True)
class Hydrophone:
    """Calibration of hydrophone, preamplifier and converter.

    Attributes:
        sensitivity_db: of the hydrophone, dB re 1 V/µPa (about −165 with, −210 without a built-in amplifier).
        gain_db: between hydrophone and converter, dB.
        adc_full_scale_v: voltage (peak) that gives a full-scale sample, V, above 0.
    """

    sensitivity_db: float
    gain_db: float
    adc_full_scale_v: float

    @classmethod
    def from_config(cls, section: HydrophoneSection) -> Hydrophone | None:
        """The configuration's hydrophone, or None where it is not calibrated."""
        if section.sensitivity_db is None or section.adc_full_scale_v is None:
            return None
        return cls(section.sensitivity_db, section.gain_db, section.adc_full_scale_v)

    @property
    def full_scale_db(self) -> float:
        """Pressure level (peak) of a full-scale sample, dB re 1 µPa."""
        return 20 * math.log10(self.adc_full_scale_v) - self.gain_db - self.sensitivity_db
