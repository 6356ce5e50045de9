"""The tables of NOAA's Passive Acoustic Reporting System: `metadata.csv`, `detectiondata.csv` and `gpsdata.csv`.

Each day is a row of `detectiondata.csv`, the days on which nothing was heard too. Times are ISO 8601 in UTC. What
nobody has told stays empty: the facts of a deployment come from section `deployment` of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from edge_daemon.clock.utc import moment
from edge_daemon.presence.periods import PresencePeriod
from edge_daemon.system.printable import CsvRows

if TYPE_CHECKING:
    from edge_daemon.config.deployment import DeploymentSection

METADATA = (
    "deployment_organization_code",
    "deployment_code",
    "project_name",
    "site_code",
    "monitoring_start_datetime",
    "monitoring_end_datetime",
    "deployment_platform_type_code",
    "deployment_platform_id",
    "deployment_water_depth_m",
    "deployment_latitude",
    "deployment_longitude",
    "dynamic_management_platform",
    "deployment_url",
    "recording_device_code",
    "recording_device_type_code",
    "recording_duration_secs",
    "recording_interval_secs",
    "recording_sample_rate_khz",
    "recording_bit_depth",
    "recording_n_channels",
    "recording_timezone",
    "recording_device_depth_m",
    "points_of_contact",
    "project_funding",
)
DETECTIONDATA = (
    "deployment_code",
    "analysis_organization_code",
    "analysis_sound_source_codes",
    "analysis_start_datetime",
    "analysis_end_datetime",
    "analysis_sample_rate_khz",
    "analysis_min_frequency_khz",
    "analysis_max_frequency_khz",
    "analysis_processing_code",
    "analysis_protocol_reference",
    "analysis_citations",
    "analysis_detector_code",
    "analysis_detector_version",
    "detection_start_datetime",
    "detection_end_datetime",
    "detection_effort_secs",
    "detection_sound_source_code",
    "detection_call_type_code",
    "detection_n_validated",
    "detection_result_code",
    "localization_latitude",
    "localization_longitude",
)
GPSDATA = ("deployment_code", "datetime", "latitude", "longitude")
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AnalysisFacts:
    """What is known of the analysis without being told.

    Attributes:
        detector_version: name and version of the model.
        model_rate: samples per second that it hears at; None if nobody knows.
        recording_rate: samples per second of the recorder; None if nobody knows.
        real_time: heard at sea; else in recordings, afterwards.
        heard_ns: begin and end of all that was listened to, UTC in ns.
        track: (UTC in ns, latitude, longitude) of where the device was, in order of time; one if it never moved.
    """

    detector_version: str
    model_rate: int | None
    recording_rate: int | None
    real_time: bool
    heard_ns: tuple[int, int]
    track: Sequence[tuple[int, float, float]] = ()


def time_text(utc_ns: int) -> str:
    """ISO 8601 to the second, in UTC, with its zone."""
    at = moment(utc_ns)
    return f"{at.year:04d}-{at:%m-%dT%H:%M:%SZ}"


def metadata_row(told: DeploymentSection, facts: AnalysisFacts) -> dict[str, str]:
    """The deployment."""
    place = facts.track[0] if facts.track else None
    managed = told.dynamic_management
    return {
        "deployment_organization_code": told.organization_code,
        "deployment_code": told.code,
        "project_name": told.project_name,
        "site_code": told.site_code,
        "monitoring_start_datetime": time_text(facts.heard_ns[0]),
        "monitoring_end_datetime": time_text(facts.heard_ns[1]),
        "deployment_platform_type_code": told.platform_type_code,
        "deployment_platform_id": told.platform_id,
        "deployment_water_depth_m": _number(told.water_depth_m),
        "deployment_latitude": "" if place is None else _number(place[1]),
        "deployment_longitude": "" if place is None else _number(place[2]),
        "dynamic_management_platform": "" if managed is None else str(managed).upper(),
        "deployment_url": told.url,
        "recording_device_code": told.device_code,
        "recording_device_type_code": told.device_type_code,
        "recording_duration_secs": _number(told.recording_duration_s),
        "recording_interval_secs": _number(told.recording_interval_s),
        "recording_sample_rate_khz": _number(None if facts.recording_rate is None else facts.recording_rate / 1000),
        "recording_bit_depth": _number(told.recording_bit_depth),
        "recording_n_channels": _number(told.recording_channels),
        "recording_timezone": "UTC",
        "recording_device_depth_m": _number(told.device_depth_m),
        "points_of_contact": told.points_of_contact,
        "project_funding": told.project_funding,
    }


def detection_rows(
    told: DeploymentSection, facts: AnalysisFacts, days: Sequence[PresencePeriod]
) -> list[dict[str, str]]:
    """One row for each day, in order of time."""
    rows = []
    for day in days:
        found = day.result in ("DETECTED", "POSSIBLY_DETECTED")
        rows.append(
            {
                "deployment_code": told.code,
                "analysis_organization_code": told.organization_code,
                "analysis_sound_source_codes": told.sound_source_code,
                "analysis_start_datetime": time_text(days[0].begin_ns),
                "analysis_end_datetime": time_text(days[-1].end_ns),
                "analysis_sample_rate_khz": _number(facts.model_rate and facts.model_rate / 1000),
                "analysis_min_frequency_khz": "0" if facts.model_rate else "",
                "analysis_max_frequency_khz": _number(facts.model_rate and facts.model_rate / 2000),
                "analysis_processing_code": "REAL_TIME" if facts.real_time else "POST_PROCESSED",
                "analysis_protocol_reference": told.protocol_reference,
                "analysis_citations": told.citations,
                "analysis_detector_code": told.detector_code,
                "analysis_detector_version": facts.detector_version,
                "detection_start_datetime": time_text(day.begin_ns),
                "detection_end_datetime": time_text(day.end_ns),
                "detection_effort_secs": str(round(day.effort_s)),
                "detection_sound_source_code": told.sound_source_code,
                "detection_call_type_code": told.call_type_code if found else "",
                "detection_n_validated": str(day.validated) if found else "",
                "detection_result_code": day.result,
                "localization_latitude": "",
                "localization_longitude": "",
            }
        )
    return rows


def gps_rows(told: DeploymentSection, facts: AnalysisFacts) -> list[dict[str, str]]:
    """Where a device that moves was; none for one that stays."""
    if len({place[1:] for place in facts.track}) < 2:
        return []
    return [
        {
            "deployment_code": told.code,
            "datetime": time_text(utc_ns),
            "latitude": _number(latitude),
            "longitude": _number(longitude),
        }
        for utc_ns, latitude, longitude in facts.track
    ]


def pars_tables(
    told: DeploymentSection, facts: AnalysisFacts, days: Sequence[PresencePeriod]
) -> dict[str, tuple[Sequence[str], list[dict[str, str]]]]:
    """Columns and rows of each table by name; a device that stays has no `gpsdata`."""
    tables: dict[str, tuple[Sequence[str], list[dict[str, str]]]] = {
        "metadata": (METADATA, [metadata_row(told, facts)]),
        "detectiondata": (DETECTIONDATA, detection_rows(told, facts, days)),
    }
    if track := gps_rows(told, facts):
        tables["gpsdata"] = (GPSDATA, track)
    return tables


def write_rows(file: TextIO, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table.

    Args:
        file: open for text, without translation of line ends.
        columns: of the table.
        rows: cells by column.
    """
    table = CsvRows(file)
    table.writerow(columns)
    table.writerows([row[column] for column in columns] for row in rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
