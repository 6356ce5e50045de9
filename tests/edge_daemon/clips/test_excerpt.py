"""Excerpts: the event is in them, they keep their bound, and they arrive after the detection."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.clips.clip import Clip, ClipRequest
from edge_daemon.clips.excerpt import Excerpt, excerpt

RATE = 2000


def clip(seconds: float, event_s: float) -> Clip:
    """Noise with a loud second at the event."""
    rng = np.random.default_rng(1)
    samples = (rng.standard_normal(round(seconds * RATE)) * 0.001).astype(np.float32)
    begin = round(event_s * RATE)
    samples[begin : begin + RATE] += 0.5
    request = ClipRequest("id-1", 10_000 + begin, 10_000 + begin + RATE, 10**18, "synchronised", "d", "call", 0.9)
    return Clip("2026-01-01/d_x_id1.flac", samples, RATE, 10_000, request)


def sound_of(document: dict[str, Any]) -> NDArray[np.float32]:
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(document["sound"])), dtype="float32")
    assert rate == RATE
    return np.asarray(sound)


@pytest.mark.parametrize("most", [15_000, 30_000, 100_000])
@pytest.mark.parametrize("event_s", [0.0, 10.0, 28.9])
def test_is_cut_around_the_event_to_the_bound(most: int, event_s: float) -> None:
    whole = clip(30.0, event_s)
    made = excerpt(whole, most)
    assert made is not None
    assert 0.7 * most <= len(made) <= most
    document = json.loads(made)
    jsonschema.validate(document, json.loads(Excerpt.schema_text()))
    sound = sound_of(document)
    assert len(sound) / RATE == pytest.approx(document["seconds"], abs=0.001)
    at = np.flatnonzero(sound > 0.4)
    assert len(at) > 0.9 * RATE  # the event is in it
    begin_ns = whole.begin_utc_ns + round(np.flatnonzero(whole.samples > 0.4)[0] / RATE * 1e9)
    told_ns = np.datetime64(document["begin_utc"].removesuffix("Z"), "ns").astype(int) + round(at[0] / RATE * 1e9)
    assert abs(int(told_ns) - begin_ns) < 2e6


def test_a_short_clip_is_whole_and_a_hopeless_bound_gives_nothing() -> None:
    short = clip(3.0, 1.0)
    made = excerpt(short, 100_000)
    assert made is not None
    assert len(sound_of(json.loads(made))) == len(short.samples)
    assert excerpt(short, 2000) is None
