"""Three days with a gap, worked out by hand, and tables that are wrong in one thing each."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from edge_daemon.config.deployment import DeploymentSection
from edge_daemon.presence.darwin_core import OCCURRENCE, occurrence_rows
from edge_daemon.presence.pars import (
    DETECTIONDATA,
    GPSDATA,
    METADATA,
    AnalysisFacts,
    detection_rows,
    gps_rows,
    metadata_row,
    write_rows,
)
from edge_daemon.presence.pars_check import problems
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresenceRule, judge

DAY = round(datetime(2026, 3, 29, tzinfo=UTC).timestamp()) * 10**9
TOLD = DeploymentSection(
    organization_code="WHOI", code="WHOI_SBNMS_202603", project_name="Stellwagen", project_funding="self",
    site_code="SBNMS", points_of_contact="shore@example.org", platform_type_code="MOORED_SURFACE_BUOY",
    water_depth_m=35.0, device_code="B7", device_type_code="OTHER", device_depth_m=20.0, recording_duration_s=60.0,
    recording_interval_s=60.0, recording_bit_depth=24, recording_channels=1, detector_code="OTHER",
    protocol_reference="Davis et al. 2020",
)  # fmt: skip
# from noon of the first day to 18 h of the third; without a device from 20 h of the first to 21 h of the second
HEARD = [(DAY + 12 * HOUR_NS, DAY + 20 * HOUR_NS), (DAY + 45 * HOUR_NS, DAY + 66 * HOUR_NS)]
FACTS = AnalysisFacts(
    "right_whale 0.2.2", 2000, 48_000, real_time=True, heard_ns=(HEARD[0][0], HEARD[-1][1]),
    track=[(DAY + 12 * HOUR_NS, 42.35, -70.25)],
)  # fmt: skip
CALLS = [JudgedCall(DAY + 13 * HOUR_NS, 0.9), JudgedCall(DAY + 50 * HOUR_NS, 0.8, "call")]


def days() -> list[dict[str, str]]:
    return detection_rows(TOLD, FACTS, judge(CALLS, HEARD, DAY_NS, PresenceRule()))


def test_three_days_with_a_gap() -> None:
    file = io.StringIO()
    write_rows(file, DETECTIONDATA, days())
    whole = "WHOI_SBNMS_202603,WHOI,RIWH,2026-03-29T00:00:00Z,2026-04-01T00:00:00Z,2,0,1,REAL_TIME,Davis et al. 2020,,"
    whole += "OTHER,right_whale 0.2.2,"
    assert file.getvalue().splitlines()[1:] == [
        # 12 h to 20 h: 8 h; one call that nobody has judged
        f"{whole}2026-03-29T00:00:00Z,2026-03-30T00:00:00Z,28800,RIWH,RW_UPCALL,0,POSSIBLY_DETECTED,,",
        # from 21 h: 3 h, less than half a day, and no call
        f"{whole}2026-03-30T00:00:00Z,2026-03-31T00:00:00Z,10800,RIWH,,,NOT_AVAILABLE,,",
        # to 18 h: 18 h; one call that a reviewer has confirmed
        f"{whole}2026-03-31T00:00:00Z,2026-04-01T00:00:00Z,64800,RIWH,RW_UPCALL,1,DETECTED,,",
    ]
    assert problems("detectiondata", days()) == []


def test_occurrences_are_the_days_with_calls() -> None:
    rows = occurrence_rows(TOLD, FACTS, judge(CALLS, HEARD, DAY_NS, PresenceRule()))
    shown = ("occurrenceID", "eventDate", "basisOfRecord", "identificationVerificationStatus", "sampleSizeValue")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("WHOI:WHOI_SBNMS_202603:2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z/2026-03-30T00:00:00Z",
         "MachineObservation", "unverified", "28800"),
        ("WHOI:WHOI_SBNMS_202603:2026-03-31T00:00:00Z", "2026-03-31T00:00:00Z/2026-04-01T00:00:00Z",
         "MachineObservation", "verified", "64800"),
    ]  # fmt: skip
    assert {tuple(row) for row in rows} == {OCCURRENCE}
    assert {(row["scientificName"], row["decimalLatitude"]) for row in rows} == {("Eubalaena glacialis", "42.35")}


def test_the_deployment() -> None:
    file = io.StringIO()
    write_rows(file, METADATA, [metadata_row(TOLD, FACTS)])
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert row["monitoring_start_datetime"] == "2026-03-29T12:00:00Z"
    assert row["monitoring_end_datetime"] == "2026-03-31T18:00:00Z"
    assert (row["deployment_latitude"], row["deployment_longitude"]) == ("42.35", "-70.25")
    assert (row["recording_sample_rate_khz"], row["recording_timezone"]) == ("48", "UTC")
    assert row["dynamic_management_platform"] == row["deployment_url"] == ""
    assert problems("metadata", [row]) == []


def test_nothing_is_invented() -> None:
    row = metadata_row(DeploymentSection(), AnalysisFacts("m 1", 2000, None, real_time=False, heard_ns=(0, 1)))
    filled = {name for name, cell in row.items() if cell}
    assert filled == {"monitoring_start_datetime", "monitoring_end_datetime", "recording_timezone"}
    lacking = problems("metadata", [row])
    assert len(lacking) == len(METADATA) - 3 - 3  # three filled, three that may be empty
    assert "metadata.csv, line 2: project_name is empty." in lacking


def test_a_track_only_for_what_moves() -> None:
    assert gps_rows(TOLD, FACTS) == []
    moving = AnalysisFacts(
        "m 1", 2000, None, real_time=True, heard_ns=FACTS.heard_ns,
        track=[(DAY, 42.35, -70.25), (DAY + HOUR_NS, 42.4, -70.2)],
    )  # fmt: skip
    rows = gps_rows(TOLD, moving)
    assert [tuple(row[name] for name in GPSDATA) for row in rows] == [
        ("WHOI_SBNMS_202603", "2026-03-29T00:00:00Z", "42.35", "-70.25"),
        ("WHOI_SBNMS_202603", "2026-03-29T01:00:00Z", "42.4", "-70.2"),
    ]
    assert problems("gpsdata", rows) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"detection_result_code": "MAYBE"}, "not one of"),
        ({"analysis_processing_code": "LIVE"}, "not one of"),
        ({"detection_start_datetime": "2026-03-29T00:00:00"}, "not a time with its zone"),
        ({"detection_start_datetime": "2026-02-30T00:00:00Z"}, "not a time with its zone"),
        ({"detection_effort_secs": "-1"}, "outside 0"),
        ({"detection_effort_secs": "all day"}, "not a number"),
        ({"analysis_sample_rate_khz": "48000"}, "outside 0.1 to 2000"),
        ({"detection_n_validated": ""}, "detection_n_validated is empty"),
        ({"detection_n_validated": "1.5"}, "not a whole number"),
        ({"detection_call_type_code": ""}, "is empty"),
        ({"deployment_code": "NA"}, "stays empty"),
        ({"localization_latitude": "91"}, "outside -90 to 90"),
        ({"analysis_end_datetime": "2026-03-28T00:00:00Z"}, "lies before"),
        ({"detection_end_datetime": "2026-05-01T00:00:00Z"}, "analysis_end_datetime lies before"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, str], told: str) -> None:
    rows = days()
    rows[0] |= change
    assert any(told in sentence and "line 2" in sentence for sentence in problems("detectiondata", rows))


def test_columns_and_rows_that_are_missing() -> None:
    rows = days()
    del rows[1]["deployment_code"]
    assert problems("detectiondata", rows) == ["detectiondata.csv, line 3: the column deployment_code is missing."]
    assert problems("detectiondata", []) == ["detectiondata.csv has no rows."]
    assert any("above" in sentence for sentence in problems("detectiondata", [*days()[1:], days()[0]]))
