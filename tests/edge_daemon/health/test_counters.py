"""The counters: what was written is what is reported."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import (
    HealthDocument,
)

S = 1_000_000_000
MakeHealth = Callable[..., HealthDocument]


def test_document_counts_what_was_written(make_health: MakeHealth) -> None:
    counters = HealthCounters(now_ns=0)
    for number in range(100):
        counters.scored(number * S // 2, latency_s=0.020 if number < 98 else 0.200)
    counters.unusable(50 * S, 2)
    counters.detected(3)
    counters.gap("overflow", 0.25)
    counters.gap("overflow", 0.5)
    document = make_health(counters, 51 * S)
    assert (document.state, document.reasons) == ("ok", ())
    assert document.utc == "2009-03-29T12:15:03.250000Z"
    assert document.uptime_s == 51.0
    assert (document.windows.scored, document.windows.unusable, document.windows.last_scored_s) == (100, 2, 1.0)
    assert document.latency.p50_ms == pytest.approx(20, rel=0.025)
    assert document.latency.p99_ms == pytest.approx(200, rel=0.025)
    assert document.latency.largest_ms == 200.0
    assert document.detections == 3
    assert document.gaps["overflow"].model_dump() == {"count": 2, "seconds": 0.75}
    jsonschema.validate(json.loads(document.to_json()), json.loads(HealthDocument.schema_text()))
