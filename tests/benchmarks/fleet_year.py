"""A year of a fleet, written into a station's database before it starts."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from sqlalchemy import func, select

from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, SECOND_NS, detection, effort, health, message

AT_ONCE = 20_000
BUSY_SHARE = 0.1
"""Of all detections, those of one device: buoy-0001."""


def fill(path: Path, devices: int, count: int) -> float:
    """Detections of a year before now, as the intake writes them; seconds that it took."""
    database = StationDatabase(f"sqlite:///{path}")
    database.migrate()
    rng, now = random.Random(1), time.time_ns()
    begin = time.perf_counter()
    names = [f"buoy-{number:04}" for number in range(devices)]
    with database.writing() as connection:
        connection.execute(DEVICES.insert(), [{"name": name, "seen_ns": now, "online": True} for name in names])
        text = json.dumps(detection(names[0], 0, now))
        for first in range(0, count, AT_ONCE):
            rows = []
            for number in range(first, min(count, first + AT_ONCE)):
                device = 1 if rng.random() < BUSY_SHARE else rng.randrange(devices)
                at_ns = now - rng.randrange(8760 * HOUR_NS)
                verdict = rng.choice([None, None, "call", "not a call"]) if number % 50 else "unsure"
                verdict = "not a call" if device == 2 else verdict  # one of which nothing is left to judge
                identity = f"{number:08x}-0000-5000-8000-{device:012x}"
                rows.append({
                    "device": device + 1, "id": identity, "at_ns": at_ns, "came_ns": at_ns, "score": rng.random(),
                    "verdict": verdict, "latitude": 42.0, "longitude": -70.0, "document": text,
                })  # fmt: skip
            connection.execute(DETECTIONS.insert(), rows)
        hour = DETECTIONS.c.at_ns // HOUR_NS
        counts = (func.count(), *(func.count().filter(DETECTIONS.c.verdict == word) for word in ("call", "not a call")))
        counted = select(DETECTIONS.c.device, hour, *counts).group_by(DETECTIONS.c.device, hour)
        connection.execute(HOURS.insert().from_select(["device", "hour", "calls", "validated", "denied"], counted))
    documents = [effort(names[1], now - hour * HOUR_NS) for hour in range(1, 2200 if count else 0)]
    documents += [health(names[1], now - minutes * 300 * SECOND_NS, "hot") for minutes in range(4500 if count else 0)]
    ready = [read_message("edge_daemon", *message(document)) for document in documents]
    Intake(database).take([one for one in ready if one is not None], now)
    database.close()
    return time.perf_counter() - begin
