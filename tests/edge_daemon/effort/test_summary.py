"""The document of a period: exact sums, and the schema as published."""

from __future__ import annotations

import io
import json

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.effort.spans import Session, Span
from edge_daemon.effort.summary import EffortSummary, clipped, summarise, write_csv

S = 10**9
HOUR = 3600 * S
A = Session("a", "buoy", "card", 1000, "boot")
B = Session("b", "buoy", "card", 2000)
ENTRIES = [
    (A, Span(1, 0, 1_000_000, None, 0, 1000 * S, "synchronised")),
    (A, Span(2, 1_000_000, 500_000, "stall", 1000 * S, 1500 * S, "holdover")),
    (A, Span(3, None, 100_000, "clock_step", 1500 * S, 1600 * S, "synchronised")),
    (B, Span(0, None, 800_000, "restart", 1600 * S, 2000 * S, "synchronised")),
    (B, Span(1, 0, 2_000_000, None, 2000 * S, 3000 * S, "synchronised")),
]


def test_the_parts_add_up_to_the_period() -> None:
    summary = summarise(ENTRIES, 500 * S, 500 * S + HOUR, "buoy")
    assert (summary.listened_s, summary.listened_samples) == (1500.0, 2_500_000)
    assert (summary.lost_s, summary.clock_correction_s, summary.unaccounted_s) == (900.0, 100.0, 1100.0)
    assert [(gap.cause, gap.count, gap.seconds, gap.samples) for gap in summary.gaps] == [
        ("stall", 1, 500.0, 500_000),
        ("restart", 1, 400.0, 800_000),
        ("clock_step", 1, 100.0, 100_000),
    ]
    assert (summary.clock, summary.sessions) == ("holdover", 2)
    assert (summary.begin_utc, summary.end_utc) == ("1970-01-01T00:08:20.000000Z", "1970-01-01T01:08:20.000000Z")


def test_a_clock_set_back_counts_against_the_hour_lived_twice() -> None:
    entries = [
        (A, Span(1, 0, 100_000, None, 0, 100 * S, "synchronised")),
        (A, Span(2, None, -40_000, "clock_step", 100 * S, 60 * S, "synchronised")),
        (A, Span(3, 100_000, 40_000, None, 60 * S, 100 * S, "synchronised")),
    ]
    summary = summarise(entries, 0, 100 * S, "buoy")
    assert (summary.listened_s, summary.clock_correction_s, summary.unaccounted_s) == (140.0, -40.0, 0.0)


def test_a_period_without_effort_is_unaccounted() -> None:
    summary = summarise([], 0, HOUR, "buoy")
    assert (summary.unaccounted_s, summary.clock, summary.sessions, summary.gaps) == (3600.0, None, 0, ())


def test_clipping_takes_samples_in_proportion() -> None:
    span = Span(1, 0, 1000, None, 10 * S, 20 * S, "synchronised")
    assert clipped(span, 0, 100 * S) == (10 * S, 1000)
    assert clipped(span, 12 * S, 15 * S) == (3 * S, 300)
    assert clipped(span, 20 * S, 30 * S) == (0, 0)
    assert clipped(Span(1, None, -1000, "clock_step", 20 * S, 10 * S, "holdover"), 12 * S, 15 * S) == (-3 * S, -300)


@given(st.integers(0, 10**13), st.integers(1, 10**12), st.integers(0, 10**7), st.integers(0, 10**13))
def test_parts_on_both_sides_of_a_moment_add_up(begin: int, length: int, samples: int, moment: int) -> None:
    span = Span(1, 0, samples, None, begin, begin + length, "synchronised")
    left, right = clipped(span, -1, moment), clipped(span, moment, 10**14)
    assert (left[0] + right[0], left[1] + right[1]) == (length, samples)


def test_the_document_follows_the_published_schema() -> None:
    document = json.loads(summarise(ENTRIES, 0, HOUR, "buoy").to_json())
    assert document["schema"] == "edge_daemon.effort/1"
    jsonschema.validate(document, json.loads(EffortSummary.schema_text()))


def test_csv_has_one_line_per_span() -> None:
    file = io.StringIO()
    write_csv(ENTRIES[1:3], file)
    assert file.getvalue() == (
        "session,device,source,rate_hz,begin_utc,end_utc,seconds,start_sample,samples,kind,cause,clock\n"
        "a,buoy,card,1000,1970-01-01T00:16:40.000000Z,1970-01-01T00:25:00.000000Z,500.000000,1000000,500000,gap,stall,holdover\n"
        "a,buoy,card,1000,1970-01-01T00:25:00.000000Z,1970-01-01T00:26:40.000000Z,100.000000,,100000,gap,clock_step,synchronised\n"
    )
