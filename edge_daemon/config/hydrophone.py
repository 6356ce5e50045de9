"""Section `hydrophone`: what turns samples into sound pressure.

Received level (dB re 1 µPa) of a full-scale sample = 20·log10(adc_full_scale_v) − gain_db − sensitivity_db.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from edge_daemon.config.section import Section, key, refusal


class HydrophoneSection(Section):
    """Calibration of the hydrophone, the preamplifier and the converter."""

    sensitivity_db: float | None = key(
        None,
        "Hydrophone sensitivity from its data sheet. Empty: not calibrated, no received levels",
        unit="dB re 1 V/µPa",
        ge=-260,
        le=-80,
    )
    gain_db: float = key(0.0, "Gain between hydrophone and converter", unit="dB", ge=-60, le=120)
    adc_full_scale_v: float | None = key(None, "Voltage (peak) that gives a full-scale sample", unit="V", gt=0, le=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sensitivity_db is not None and self.adc_full_scale_v is None:
            raise refusal("sensitivity_db", "is given without adc_full_scale_v", "Levels need both: add it in volts.")
        if self.adc_full_scale_v is not None and self.sensitivity_db is None:
            raise refusal("adc_full_scale_v", "is given without sensitivity_db", "Levels need both: add it in dB.")
        return self

    @property
    def calibrated(self) -> bool:
        """True when received levels can be computed."""
        return self.sensitivity_db is not None and self.adc_full_scale_v is not None
