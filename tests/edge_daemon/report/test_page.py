"""What the report keeps of a run, the document that its script is given, and the page around it."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.defect import Defect
from edge_daemon.audio.source import Gap
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.report.document import Facts, document, figures, identity, length_text, to_script
from edge_daemon.report.energy_line import energy_line, mean_operations
from edge_daemon.report.gathering import Gathering
from edge_daemon.report.page import write_page

RATE, WINDOW, HOP = 2000, 4000, 1000
FACTS = Facts(
    label="up_call", model="tiny 1", digest="ab" * 32, device="replay", threshold=0.7, threshold_low=0.4,
    call_band_hz=(50.0, 250.0), settings=[("hop", "0.5 s")], card=[("model", "tiny")],
)  # fmt: skip
NASTY = "<script>alert(1)</script>.wav"


def result(name: str, events: list[tuple[float, float, float]], seconds: float = 60.0, **fields: Any) -> ReplayResult:
    """A recording with events (begin, end, peak score), a window each half second, each scoring its number / 1000."""
    origin = Origin(
        device="replay", stream=name, label="up_call", model=ModelReference(name="tiny", version="1", digest="ab" * 32),
        backend="onnx", threshold=0.7, rate=RATE, file=name,
    )  # fmt: skip
    found = [
        Found(Event(round(begin * RATE), round(end * RATE), peak, 0, peak, 3, low_hz=100.0, high_hz=200.0), (), "onnx")
        for begin, end, peak in events
    ]
    starts = np.arange(0, round(seconds * RATE) - WINDOW + 1, HOP)
    clock = "none" if fields.get("start_utc_ns") is None else "file_name"
    defaults: dict[str, Any] = {
        "origin": origin, "found": found, "starts": starts,
        "scores": (np.arange(len(starts)) / 1000).astype(np.float32), "clock": clock,
        "window": WINDOW, "rate": RATE, "seconds": seconds, "windows": len(starts),
    }  # fmt: skip
    return ReplayResult(Recording(name, name, name, 0), **(defaults | fields))


def gathered(*results: ReplayResult, most: int = 50_000) -> Gathering:
    gathering = Gathering(HOP, most)
    for one in results:
        gathering.add(one)
    return gathering


def test_the_best_are_kept_and_all_are_counted() -> None:
    gathering = gathered(
        result("a.wav", [(1, 2, 0.8), (5, 6, 0.95), (9, 10, 0.8)]), result("b.wav", [(1, 2, 0.7), (3, 4, 0.9)]), most=3
    )
    assert gathering.detections == 5
    assert [(entry.recording, entry.begin_s, entry.peak_score) for entry in gathering.entries()] == [
        (0, 5.0, 0.95),
        (1, 3.0, 0.9),
        (0, 1.0, 0.8),  # of two equal ones the earlier
    ]
    assert gathering.backends == {"onnx"}


def test_the_curve_covers_the_detection_and_what_is_around_it() -> None:
    (entry,) = gathered(result("a.wav", [(10.25, 11.75, 0.9)])).entries()
    assert entry.curve is not None
    # window n begins at n / 2 s and speaks for n / 2 + 0.75 … n / 2 + 1.25 s; shown are 8.75 … 13.25 s
    assert entry.curve.begins_s.tolist() == [8.75 + 0.5 * n for n in range(9)]
    assert entry.curve.scores == pytest.approx([(16 + n) / 1000 for n in range(9)])
    assert entry.curve.cell_s == 0.5


def test_without_scores_there_is_no_curve() -> None:
    bare = result("a.wav", [(1, 2, 0.9)], starts=np.zeros(0, np.int64), scores=np.zeros(0, np.float32))
    assert gathered(bare).entries()[0].curve is None


def test_failures_gaps_and_spikes_are_gathered() -> None:
    gathering = gathered(
        ReplayResult(Recording("c.wav", "c.wav", "c", 0), error="broken"),
        result(
            "a.wav",
            [],
            gaps=[Gap(2000, 1000, "read_error"), Gap(119_000, 1000, "tail")],
            defects=[Defect("damage", 0.5, "damaged")],
            lost_s={"read_error": 0.5},
        ),
        result("b.wav", [], layer_spikes=np.array([3, 4])),
        result("d.wav", [], layer_spikes=np.array([10, 20])),
    )
    assert gathering.failures == [("c.wav", "broken")]
    assert gathering.problems == [("a.wav", "damaged")]
    assert [(gap.begin_s, gap.length_s, gap.cause) for gap in gathering.recordings[0].lost] == [
        (1.0, 0.5, "read_error")
    ]
    assert gathering.lost_s == {"read_error": 0.5}
    assert gathering.layer_spikes is not None
    assert gathering.layer_spikes.tolist() == [13, 24]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"), (45, "45.0 s"), (59.94, "59.9 s"), (60, "1 min"), (900, "15 min"), (3599, "1 h"),
        (12_000, "3 h 20 min"), (47 * 3600, "47 h"), (48 * 3600, "2 d"), (12 * 86400 + 4 * 3600, "12 d 4 h"),
    ],
)  # fmt: skip
def test_length_text(seconds: float, text: str) -> None:
    assert length_text(seconds) == text


def test_the_summary() -> None:
    start = 1_238_346_900 * 10**9  # 2009-03-29 17:15 UTC
    gathering = gathered(
        result("a.wav", [(1, 2, 0.8)] * 3, 1800.0, start_utc_ns=start, lost_s={"read_error": 360.0, "tail": 0.1}),
        result("b.wav", [(1, 2, 0.8)], 360.1),
    )
    assert figures(gathering, FACTS) == [
        ("4", "detections", "up call"),
        ("8.0", "detections per hour", "of sound analysed"),  # in 1800 s
        ("30 min", "analysed", "6 min lost"),
        ("2", "recordings", "all could be replayed"),
        ("2009-03-29", "recorded", "17:15 to 17:45 UTC; 1 without a known time"),
        ("0.7", "threshold", "model tiny 1"),
    ]


def test_a_run_without_any_sound_has_a_summary() -> None:
    gathering = gathered(ReplayResult(Recording("c.wav", "c.wav", "c", 0), error="broken"))
    made = document(gathering, [], FACTS, pictured=0, top_hz=500, speed=4)
    assert made["figures"][1][0] == "–"
    assert made["tracks"] == []
    assert made["sections"][-1] == {"title": "Recordings that could not be replayed", "lines": [("c.wav", "broken")]}


def test_the_document() -> None:
    gathering = gathered(result("a.wav", [(1.25, 2.75, 0.8), (5, 6, 0.95)], start_utc_ns=100 * 10**9))
    made = document(gathering, gathering.entries(), FACTS, pictured=1, top_hz=500, speed=4)
    ids = [str(detection.id) for detection in result("a.wav", [(5, 6, 0.95), (1.25, 2.75, 0.8)]).detections()]
    assert made["rows"] == [
        (ids[0], 0, 5.0, 6.0, 0.95, 0.95, 3, 100.0, 200.0, None, 0, 105_000_000),
        (ids[1], 0, 1.25, 2.75, 0.8, 0.8, 3, 100.0, 200.0, None, 0, 101_250_000),
    ]
    assert made["recordings"] == [("a.wav", 0, 100.0)]
    assert made["listened"] == [{"seconds": 60.0, "detections": 2, "lost": 0.0, "source": None, "remark": ""}]
    assert (made["total"], made["pictured"], made["threshold"], made["thresholdLow"]) == (2, 1, 0.7, 0.4)
    json.dumps(made)


def test_pauses_of_a_recorder_stand_on_the_timeline() -> None:
    """Two stretches of 15 s, ten minutes apart: the page puts what is behind the pause at its own time."""
    start = 1_238_346_900
    paused = result(
        "a.wav", [(1, 2, 0.8), (20, 21, 0.9)], 30.0, start_utc_ns=start * 10**9,
        stretches=[(0, start * 10**9), (15 * RATE, (start + 600) * 10**9)], gaps=[Gap(29 * RATE, RATE, "read_error")],
        time_remarks=["odd"], defects=[Defect("damage", 1.0, "damaged")],
    )  # fmt: skip
    gathering = gathered(paused)
    made = document(gathering, gathering.entries(), FACTS, pictured=0, top_hz=500, speed=4)
    assert made["listened"] == [
        {
            "seconds": 30.0, "detections": 2, "lost": 1.0, "source": None, "remark": "damaged odd",
            "ahead": [(0.0, 0.0), (15.0, 585.0)],
        }
    ]  # fmt: skip
    (track,) = made["tracks"]
    assert (track["begin"], track["end"]) == (start, start + 615)
    cell_s = 615 / len(track["listened"])
    assert sum(track["listened"]) * cell_s == pytest.approx(29, abs=0.1)
    assert sum(track["lost"]) * cell_s == pytest.approx(1, abs=0.1)
    assert track["lost"][-1] == 1.0
    assert not any(track["listened"][30:770])  # 23 … 592 s
    assert made["figures"][4] == ("2009-03-29", "recorded", "17:15 to 17:25 UTC")


def test_verdicts_are_kept_under_recordings_and_model() -> None:
    one, two = gathered(result("a.wav", [])).recordings, gathered(result("b.wav", [])).recordings
    assert identity(FACTS, one) == identity(FACTS, one)
    assert identity(FACTS, one) != identity(FACTS, two)


@pytest.mark.slow
@given(
    st.recursive(
        st.text() | st.integers(-1000, 1000), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_name_can_end_the_script(value: Any) -> None:
    text = to_script(value)
    assert "<" not in text
    assert json.loads(text) == value


class Elements(HTMLParser):
    """Start tags, and the text of scripts and styles by their number and name."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts.append("")
        self.within = True

    def handle_data(self, data: str) -> None:
        if self.within:
            self.texts[-1] += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the signature of HTMLParser
        self.within = False


@pytest.fixture
def page() -> tuple[str, Elements]:
    gathering = gathered(result(NASTY, [(1, 2, 0.8)]))
    made = document(gathering, gathering.entries(), FACTS, pictured=1, top_hz=500, speed=4)
    file = io.StringIO()
    write_page(file, f"{NASTY} & {{{{script}}}}", made, [(0, {"begin": 0, "end": 1, "problem": NASTY})])
    elements = Elements()
    elements.feed(file.getvalue())
    return file.getvalue(), elements


def test_names_are_text_in_the_page(page: tuple[str, Elements]) -> None:
    text, elements = page
    assert "<script>alert" not in text
    assert f"<title>{html.escape(NASTY)} &amp; {{{{script}}}}</title>" in text
    scripts = [
        (attributes, body)
        for (tag, attributes), body in zip(elements.tags, elements.texts, strict=True)
        if tag == "script"
    ]
    assert [attributes.get("id") for attributes, _ in scripts] == ["data", "media-0", None]
    assert json.loads(scripts[0][1])["recordings"] == [[NASTY, 0, 0.0]]
    assert json.loads(scripts[1][1])["problem"] == NASTY


def test_the_page_allows_itself_only_what_is_in_it(page: tuple[str, Elements]) -> None:
    text, elements = page
    policy = next(a["content"] for tag, a in elements.tags if tag == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        body = next(b for (name, a), b in zip(elements.tags, elements.texts, strict=True) if name == tag and not a)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not [a for tag, a in elements.tags if "src" in a or (tag == "link" and a.get("href") != "data:,")]
    assert set(re.findall(r"https?://[^\"' ]*", text)) == {"http://www.w3.org/2000/svg"}


def test_mean_operations_by_hand() -> None:
    """One input band of 4 frames: 3 neurons, 2 outputs; a spike of the first layer reaches 2 synapses."""

    def layer(name: str, weight: np.ndarray) -> Layer:
        out = len(weight)
        return Layer(
            name=name, kind="dense", weight=weight.astype(np.int8), bias=np.zeros(out, np.int32),
            threshold=np.full(out, 10, np.int32), beta_256=np.array([128], np.int32), reset="zero",
        )  # fmt: skip

    network = IntegerNetwork(
        layers=(layer("first", np.ones((3, 4))), layer("output", np.ones((2, 3)))), time_steps=5, input_shape=(1, 4)
    )
    mean = mean_operations(network, np.array([40, 6]), windows=4)
    assert mean.multiply_accumulates.tolist() == [12]
    assert mean.accumulates.tolist() == [20]  # 40 / 4 spikes × 2
    assert mean.membrane_updates.tolist() == [25]
    assert mean.spikes.tolist() == [12]  # 46 / 4, to the even
    # 12 · 0.3 + 20 · 0.1 + 25 · 3.2 pJ = 85.6 pJ
    assert energy_line(network, np.array([40, 6]), 4).startswith("about 8.6e-05 µJ a window")
    assert energy_line(network, None, 4) == ""
    assert energy_line(network, np.array([0, 0]), 0) == ""
