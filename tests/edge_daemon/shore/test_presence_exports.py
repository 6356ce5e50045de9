"""What archives get from the presence page: NOAA's tables with the station's verdicts, and Darwin Core."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from edge_daemon.presence.pars_check import problems
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.settings import StationConfig
from edge_daemon.shore.station import Station
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, effort, message
from tests.edge_daemon.shore.station_fixtures import Visitor

NOW = time.time_ns()
NOON = NOW // (24 * HOUR_NS) * 24 * HOUR_NS - 12 * HOUR_NS
"""Of yesterday."""
TOLD = {
    "device": "buoy-1", "organization_code": "ORG", "code": "ORG_1", "project_name": "p", "project_funding": "f",
    "site_code": "S", "points_of_contact": "ann@example.org", "platform_type_code": "BOTTOM_MOUNTED_MOORING",
    "water_depth_m": 60.0, "device_code": "R1", "device_type_code": "R", "device_depth_m": 58.0,
    "recording_duration_s": 60.0, "recording_interval_s": 60.0, "recording_bit_depth": 24, "recording_channels": 1,
    "detector_code": "EDGE", "protocol_reference": "none", "citations": "none", "model_rate": 2000,
    "recording_rate": 48_000,
}  # fmt: skip


def tables(body: bytes) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()
        }  # fmt: skip


@pytest.fixture
def visit(make_station: Callable[..., Station]) -> Callable[..., Visitor]:
    def made(*deployments: dict[str, Any]) -> Visitor:
        visitor = Visitor(make_station(deployments=list(deployments))).log_in("ann", "judge")
        found = [detection("buoy-1", number, NOON + number * 10**9) for number in range(3)]
        hours = [effort("buoy-1", NOON + hour * HOUR_NS) for hour in range(-36, 12)]
        batch = [read_message("edge_daemon", *message(one)) for one in [*found, *hours]]
        Intake(visitor.station.database).take([one for one in batch if isinstance(one, Incoming)], NOW)
        visitor.post("/api/detections/1/verdict", {"verdict": "call"})
        visitor.post("/api/detections/2/verdict", {"verdict": "not a call"})
        return visitor

    return made


def test_noaas_tables_with_the_stations_verdicts(visit: Callable[..., Visitor]) -> None:
    answer = visit(TOLD).get("/presence/buoy-1/pars.zip?days=3")
    assert answer.headers["content-disposition"] == 'attachment; filename="pars.zip"'
    found = tables(answer.body)
    assert found.keys() == {"metadata.csv", "detectiondata.csv"}  # it stays, and nothing is lacking
    assert problems("metadata", found["metadata.csv"]) == problems("detectiondata", found["detectiondata.csv"]) == []
    days = [(row["detection_result_code"], row["detection_n_validated"]) for row in found["detectiondata.csv"]]
    assert days == [("NOT_DETECTED", ""), ("DETECTED", "1")]
    assert {row["analysis_sample_rate_khz"] for row in found["detectiondata.csv"]} == {"2"}
    assert {row["analysis_detector_version"] for row in found["detectiondata.csv"]} == {"right_whale 0.3.0"}
    assert float(found["metadata.csv"][0]["deployment_latitude"]) == pytest.approx(42.0, abs=0.5)


def test_what_nobody_has_told_is_empty_and_named(visit: Callable[..., Visitor]) -> None:
    with zipfile.ZipFile(io.BytesIO(visit().get("/presence/buoy-1/pars.zip").body)) as archive:
        said = archive.read("problems.txt").decode()
    assert "metadata.csv, line 2: deployment_code is empty." in said
    assert "detectiondata.csv, line 2: analysis_sample_rate_khz is empty." in said


def test_darwin_core(visit: Callable[..., Visitor]) -> None:
    visitor = visit(TOLD)
    rows = list(csv.DictReader(io.StringIO(visitor.get("/presence/buoy-1/occurrence.csv?days=3").body.decode())))
    (row,) = rows
    assert (row["scientificName"], row["identificationVerificationStatus"]) == ("Eubalaena glacialis", "verified")
    assert row["occurrenceID"].startswith("ORG:ORG_1:")
    hourly = visitor.get("/presence/buoy-1/occurrence.csv?days=3&by=hour").body.decode()
    assert len(hourly.splitlines()) == 2
    for path in ("pars.zip", "occurrence.csv"):
        assert visitor.get(f"/presence/nobody/{path}").status == 404


def test_of_a_device_that_heard_nothing_nothing_is_made_up(visit: Callable[..., Visitor]) -> None:
    visitor = visit(TOLD)
    Intake(visitor.station.database).take([Incoming("buoy-2", None, online=True)], NOW)
    with zipfile.ZipFile(io.BytesIO(visitor.get("/presence/buoy-2/pars.zip").body)) as archive:
        assert archive.namelist() == ["problems.txt"]
    assert len(visitor.get("/presence/buoy-2/occurrence.csv").body.splitlines()) == 1


def test_two_deployments_of_one_device_are_refused() -> None:
    with pytest.raises(ValidationError, match="two of one device"):
        StationConfig.model_validate({"deployments": [TOLD, TOLD]})
    with pytest.raises(ValidationError, match="required"):
        StationConfig.model_validate({"deployments": [{}]})
