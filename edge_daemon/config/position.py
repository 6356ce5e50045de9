"""Section `position`: how the device knows where it is."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from edge_daemon.config.section import ConfigPath, Section, key, refusal


class PositionSection(Section):
    """The receiver of the position, what is believed of it, and the track that is kept."""

    source: Literal["fixed", "gpsd", "nmea"] = key(
        "fixed",
        "`fixed`: device.latitude and longitude; `gpsd`: the receiver that gpsd on this machine reads; `nmea`: NMEA"
        " 0183 from a serial device or a named pipe",
    )
    gpsd_port: int = key(2947, "Port of gpsd on 127.0.0.1", ge=1, le=65_535)
    gpsd_device: str | None = key(
        None, "Path of the receiver, as gpsd knows it, if it has several; empty: any", min_length=1, max_length=256
    )
    nmea_path: ConfigPath | None = key(None, "Serial device or named pipe with NMEA 0183")
    nmea_baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] | None = key(
        4800, "Speed of the serial device; empty: as it is set"
    )
    max_age_s: float = key(
        30.0,
        "A fix says nothing about moments further away than this; the position is unknown then",
        unit="s",
        ge=1,
        le=3600,
        live=True,
    )
    max_speed_m_s: float = key(
        20.0, "The device is never faster; a fix that says so is not believed", unit="m/s", ge=0.1, le=350, live=True
    )
    track_interval_s: float = key(
        600.0, "A point of the track is kept at least so often", unit="s", ge=10, le=86_400, live=True
    )
    track_distance_m: float = key(
        100.0, "And whenever the device has moved so far", unit="m", ge=1, le=100_000, live=True
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.source == "nmea" and self.nmea_path is None:
            raise refusal("nmea_path", "is missing", "Give the serial device, such as /dev/ttyUSB0, or a named pipe.")
        return self
