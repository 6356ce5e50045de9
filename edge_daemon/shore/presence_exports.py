"""Presence in the forms that archives take: NOAA's tables (PARS) and Darwin Core, of one device, with its verdicts."""

from __future__ import annotations

import io
import json
import zipfile

from sqlalchemy import Connection, select

from edge_daemon.presence.darwin_core import OCCURRENCE, occurrence_rows
from edge_daemon.presence.pars import AnalysisFacts, pars_tables, write_rows
from edge_daemon.presence.pars_check import problems
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, PresencePeriod, PresenceRule
from edge_daemon.shore.presence_days import judged_periods
from edge_daemon.shore.settings import DeviceDeployment, StationConfig
from edge_daemon.shore.tables import DETECTIONS, DEVICES

MOST_POINTS = 20_000
"""Of a track: the newest positions."""


def pars_archive(connection: Connection, config: StationConfig, device: str, days: int, now_ns: int) -> bytes | None:
    """A ZIP file with NOAA's tables and, in `problems.txt`, what they lack; None for a device that nobody knows.

    Args:
        connection: to read from.
        config: rule of presence, facts of the deployments.
        device: whose.
        days: so many last days, today among them.
        now_ns: UTC.
    """
    periods = _periods(connection, config, device, days, now_ns, DAY_NS)
    if periods is None:
        return None
    told = deployment_of(config, device)
    tables = pars_tables(told, _analysis(connection, told, device, periods), periods) if periods else {}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, (columns, rows) in tables.items():
            text = io.StringIO()
            write_rows(text, columns, rows)
            file.writestr(f"{name}.csv", text.getvalue())
        sentences = [sentence for name, (_, rows) in tables.items() for sentence in problems(name, rows)]
        if not periods:
            sentences = ["Nothing was listened to in that time, and nothing was found."]
        if sentences:
            file.writestr("problems.txt", "\n".join([*sentences, ""]))
    return archive.getvalue()


def occurrence_csv(
    connection: Connection, config: StationConfig, device: str, days: int, now_ns: int, *, hourly: bool
) -> str | None:
    """Occurrence rows for OBIS and GBIF; None for a device that nobody knows.

    Args:
        connection, config, device, days, now_ns: as for `pars_archive`.
        hourly: a row for each hour with calls, not day.
    """
    periods = _periods(connection, config, device, days, now_ns, HOUR_NS if hourly else DAY_NS)
    if periods is None:
        return None
    told = deployment_of(config, device)
    rows = occurrence_rows(told, _analysis(connection, told, device, periods), periods) if periods else []
    text = io.StringIO()
    write_rows(text, OCCURRENCE, rows)
    return text.getvalue()


def deployment_of(config: StationConfig, device: str) -> DeviceDeployment:
    """What has been told of a device's deployment."""
    return next((one for one in config.deployments if one.device == device), DeviceDeployment(device=device))


def _periods(
    connection: Connection, config: StationConfig, device: str, days: int, now_ns: int, length_ns: int
) -> list[PresencePeriod] | None:
    rule = PresenceRule.from_config(config.presence)
    return judged_periods(connection, device, days, length_ns, now_ns, rule)


def _analysis(
    connection: Connection, told: DeviceDeployment, device: str, periods: list[PresencePeriod]
) -> AnalysisFacts:
    number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
    own = select(DETECTIONS).where(DETECTIONS.c.device == number).order_by(DETECTIONS.c.at_ns.desc())
    newest = connection.scalar(own.with_only_columns(DETECTIONS.c.document).limit(1))
    model = {} if newest is None else json.loads(newest)["model"]
    first, last = periods[0].begin_ns, periods[-1].end_ns
    where = (DETECTIONS.c.at_ns, DETECTIONS.c.latitude, DETECTIONS.c.longitude)
    placed = own.with_only_columns(*where).where(
        DETECTIONS.c.at_ns.between(first, last), DETECTIONS.c.latitude.is_not(None)
    )
    track: list[tuple[int, float, float]] = []
    for at_ns, latitude, longitude in reversed(connection.execute(placed.limit(MOST_POINTS)).all()):
        if not track or track[-1][1:] != (latitude, longitude):
            track.append((at_ns, latitude, longitude))
    return AnalysisFacts(
        detector_version=f"{model['name']} {model['version']}" if model else "",
        model_rate=told.model_rate,
        recording_rate=told.recording_rate,
        real_time=True,
        heard_ns=(first, last),
        track=track,
    )
