"""Cutting clips: exact samples, gaps, margins, names, and files that other programs read."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.start_time import start_from_name
from edge_daemon.clips import guano
from edge_daemon.clips.clip import Clip, ClipRequest, clip_name
from edge_daemon.clips.encoding import encode_clip, guano_fields
from edge_daemon.clips.recorder import ClipRecorder
from edge_daemon.position.position import Position

S = 10**9
T0 = 1_238_328_900 * S  # 2009-03-29T12:15:00Z


def want(begin: int, end: int, name: str = "3e0a8d0c-5f0a") -> ClipRequest:
    return ClipRequest(name, begin, end, T0 + begin * S // 10, "synchronised", "buoy-7", "up_call", 0.97)


def recorder(**changes: float) -> ClipRecorder:
    """10 Hz, a ring of 100 samples, a margin of 5, clips of at most 60."""
    settings = {"longest_event_s": 4, "delay_s": 5, "margin_s": 0.5, "max_length_s": 6} | changes
    return ClipRecorder(RecentSound(10), **settings)  # type: ignore[arg-type]


def ramp(start: int, end: int) -> Block:
    return Block(np.arange(start, end, dtype=np.float32), start)


def test_a_clip_waits_for_its_margin() -> None:
    clips = recorder()
    clips._recent.push(ramp(0, 32))
    name = clips.request(want(20, 30))
    assert clips.ready() == []
    clips._recent.push(ramp(32, 35))
    [clip] = clips.ready()
    assert clip.name == name == "2009-03-29/buoy-7_20090329T121501.500Z_3e0a8d0c.flac"
    assert clip.begin == 15
    np.testing.assert_array_equal(clip.samples, np.arange(15, 35))
    assert clip.begin_utc_ns == T0 + 1_500_000_000
    assert clips.ready() == []


def test_the_end_of_the_stream_ends_the_waiting() -> None:
    clips = recorder()
    clips._recent.push(ramp(0, 32))
    clips.request(want(20, 30))
    [clip] = clips.ready(final=True)
    np.testing.assert_array_equal(clip.samples, np.arange(15, 32))


def test_a_margin_does_not_reach_before_the_stream_or_the_ring() -> None:
    clips = recorder()
    clips._recent.push(ramp(1000, 1020))
    assert clips.request(want(1002, 1010)) is not None
    [clip] = clips.ready()
    assert (clip.begin, len(clip.samples)) == (1000, 15)
    clips._recent.push(ramp(1020, 1130))  # the ring now begins at 1030
    clips.request(want(1032, 1040))
    [clip] = clips.ready()
    np.testing.assert_array_equal(clip.samples, np.arange(1030, 1045))


def test_of_a_long_event_the_begin_is_kept() -> None:
    clips = recorder()
    clips._recent.push(ramp(0, 100))
    clips.request(want(10, 95))
    [clip] = clips.ready()
    np.testing.assert_array_equal(clip.samples, np.arange(5, 65))


def test_gaps_are_silence_and_listed() -> None:
    clips = recorder()
    clips._recent.push(ramp(0, 20))
    clips._recent.push(Gap(20, 4, "overflow"))
    clips._recent.push(ramp(24, 30))
    clips._recent.push(ramp(31, 50))  # one sample missing without a word
    clips.request(want(18, 35))
    [clip] = clips.ready()
    expected = np.arange(13, 40, dtype=np.float32)
    expected[[7, 8, 9, 10, 17]] = 0
    np.testing.assert_array_equal(clip.samples, expected)
    assert clip.gaps == (Gap(7, 4, "overflow"), Gap(17, 1, "read_error"))
    assert guano_fields(clip)["EdgeDaemon|Gaps"] == "0.700000 1.100000 overflow, 1.700000 1.800000 read_error"


def test_a_gap_longer_than_the_ring_leaves_silence() -> None:
    clips = recorder()
    clips._recent.push(ramp(1, 50))
    clips.request(want(40, 48))
    clips._recent.push(Gap(50, 1005, "device_absent"))
    assert clips.ready() == []  # the sound is gone
    assert clips.missed == 1
    clips.request(want(1000, 1010))
    [clip] = clips.ready()
    assert not clip.samples.any()
    assert len(clip.samples) == 20


def test_too_many_waiting_and_events_out_of_reach_are_counted() -> None:
    clips = ClipRecorder(RecentSound(10), longest_event_s=4, delay_s=5, margin_s=0.5, max_length_s=6, max_waiting=1)
    assert clips.request(want(0, 1)) is None
    clips._recent.push(ramp(0, 200))
    assert clips.request(want(10, 20)) is None
    assert clips.request(want(190, 200)) is not None
    assert clips.request(want(190, 200)) is None
    assert clips.missed == 3


@settings(max_examples=60)
@given(st.lists(st.integers(1, 250), min_size=1, max_size=12), st.data())
def test_any_partition_of_the_stream_gives_the_same_clip(sizes: list[int], data: st.DataObject) -> None:
    clips = recorder()
    position = 0
    for size in sizes:
        clips._recent.push(ramp(position, position + size))
        position += size
    begin = data.draw(st.integers(max(0, position - 100), position - 1))
    end = data.draw(st.integers(begin + 1, position))
    clips.request(want(begin, end))
    [clip] = clips.ready(final=True)
    first = max(begin - 5, position - 100, 0)
    np.testing.assert_array_equal(clip.samples, np.arange(first, min(end + 5, first + 60, position)))


@pytest.mark.parametrize(
    ("device", "identity", "name"),
    [
        ("buoy-7", "3e0a8d0c-5f0a-5be5", "buoy-7_20090329T121500.000Z_3e0a8d0c"),
        ("../é x_1", "", "x-1_20090329T121500.000Z_0"),
        ("..", "a/b", "device_20090329T121500.000Z_ab"),
    ],
)
def test_names_are_safe_and_tell_the_begin(device: str, identity: str, name: str) -> None:
    assert clip_name(device, T0, identity, "flac") == f"2009-03-29/{name}.flac"
    start = start_from_name(f"{name}.flac")
    assert start is not None
    assert start.utc.timestamp() * S == T0


@pytest.mark.parametrize("file_format", ["flac", "wav"])
def test_a_file_holds_the_samples_and_its_metadata(file_format: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    samples = (np.arange(-4000, 4000) / 8000).astype(np.float32)  # multiples of 2^-6/125: not exact, within half a step
    request = replace(
        want(100, 200), position=Position(latitude=42.35, longitude=-70.25), model="m ab", source="USB card"
    )
    clip = Clip(f"2009-03-29/x.{file_format}", samples, 2000, 100, request)
    content = encode_clip(clip)
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        assert (file.format, file.subtype, file.samplerate, file.channels) == (file_format.upper(), "PCM_24", 2000, 1)
        read = file.read(dtype="float64")
    np.testing.assert_allclose(read, samples, atol=2.0**-24, rtol=0)
    path = tmp_path_factory.mktemp("clip") / f"x.{file_format}"
    path.write_bytes(content)
    assert guano.read(path) == {
        "GUANO|Version": "1.0",
        "Timestamp": "2009-03-29T12:15:10.000000Z",
        "Samplerate": "2000",
        "Length": "4.000000",
        "Serial": "buoy-7",
        "Model": "USB card",
        "Firmware Version": guano_fields(clip)["Firmware Version"],
        "Loc Position": "42.350000 -70.250000",
        "Species Auto ID": "up_call",
        "Original Filename": f"2009-03-29/x.{file_format}",
        "EdgeDaemon|Detection": "3e0a8d0c-5f0a",
        "EdgeDaemon|Score": "0.970000",
        "EdgeDaemon|Event": "0.000000 0.050000",
        "EdgeDaemon|Clock": "synchronised",
        "EdgeDaemon|Model": "m ab",
    }


def test_full_scale_is_clipped_not_wrapped() -> None:
    clip = Clip("d/x.flac", np.array([1.5, -1.5, 1.0], np.float32), 2000, 0, want(0, 1))
    sound, _ = soundfile.read(io.BytesIO(encode_clip(clip)))
    np.testing.assert_allclose(sound, [1, -1, 1], atol=2.0**-22)
