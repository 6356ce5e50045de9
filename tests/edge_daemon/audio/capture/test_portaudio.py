"""PortAudio's driver against a sounddevice that hangs, fails and refuses as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_daemon.audio.capture.device import DeviceSettingsError, SoundSystemStuckError, StreamRequest
from edge_daemon.audio.capture.portaudio import PortAudioDriver
from edge_daemon.errors import AudioError


class PortAudioError(Exception):
    """Its name is what the driver looks for."""


class Stream:
    """An InputStream; `callback` may be called by the test at any time, as PortAudio does."""

    def __init__(self, api: SoundDevice, **wanted: Any) -> None:
        self.api, self.wanted, self.callback = api, wanted, wanted["callback"]
        self.active = self.closed = False
        self.closed_by = ""
        api.streams.append(self)
        api.happen("new")

    def start(self) -> None:
        self.active = True
        self.api.happen("start")

    def close(self, ignore_errors: bool = True) -> None:  # noqa: ARG002 - as sounddevice's
        self.api.happen("close")
        self.active, self.closed = False, True
        self.closed_by = threading.current_thread().name


class SoundDevice:
    """The module, with one card that can do 44.1 kHz in int16, with two channels.

    Attributes:
        then: what happens within a call of this name.
    """

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.then: dict[str, Callable[[], object]] = {}
        self.default = SimpleNamespace(device=(0, 0))
        self.streams: list[Stream] = []
        self._initialized = 1
        self.calls: list[str] = []

    def happen(self, name: str) -> None:
        self.calls.append(name)
        self.then.get(name, lambda: None)()

    def query_hostapis(self) -> list[dict[str, str]]:
        self.happen("list")
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [{"name": "USB", "max_input_channels": 4, "default_samplerate": 44100.0, "hostapi": 0}]

    def check_input_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        assert device == 0
        if samplerate != 44100:
            raise PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
        if dtype != "int16":
            raise PortAudioError("Error opening InputStream: Sample format not supported [PaErrorCode -9994]")
        if channels != 2:
            raise PortAudioError("Error opening InputStream: Invalid number of channels [PaErrorCode -9998]")

    def InputStream(self, **wanted: Any) -> Stream:  # noqa: N802 - its name
        self.check_input_settings(**{name: wanted[name] for name in ("device", "channels", "dtype", "samplerate")})
        return Stream(self, **wanted)

    def _initialize(self) -> None:
        self.happen("initialize")
        self._initialized += 1

    def _terminate(self) -> None:
        assert self._initialized, "PortAudio is not initialized"
        self.happen("terminate")
        self._initialized -= 1


WORKS = StreamRequest("USB", rate=44100, channels=2, sample_format="int16")


def fail() -> None:
    raise PortAudioError("Internal PortAudio error", -9986)


def nothing(_samples: np.ndarray, _lost: bool) -> None:
    pass


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_opens_hears_and_closes() -> None:
    api, heard = SoundDevice(), []
    stream = PortAudioDriver(api=api).open(WORKS, lambda samples, lost: heard.append((samples.tolist(), lost)))
    assert (stream.name, stream.active) == ("USB", True)
    api.streams[0].callback(np.array([[1, 2], [3, 4]], np.int16), 2, None, SimpleNamespace(input_overflow=True))
    assert heard == [([1, 3], True)]
    stream.close()
    stream.close()
    assert api.streams[0].closed
    assert not stream.active


@pytest.mark.parametrize("late_at", ["new", "start"])
def test_an_opening_that_comes_too_late_is_closed_and_never_heard(late_at: str) -> None:
    api, heard, answers = SoundDevice(), [], threading.Event()
    driver = PortAudioDriver(timeout_s=0.1, api=api)
    api.then[late_at] = lambda: answers.wait(10)
    with pytest.raises(AudioError, match=r"opening the sound card takes more than 0\.1 s"):
        driver.open(WORKS, lambda samples, _lost: heard.append(samples))
    (stream,) = api.streams
    stream.callback(np.zeros((2, 2), np.int16), 2, None, SimpleNamespace(input_overflow=False))
    answers.set()
    until(lambda: stream.closed)
    assert stream.closed_by == "opening the sound card"  # by the thread that opened it: nothing runs beside it
    assert heard == []
    api.then.clear()
    until(lambda: not any(thread.name == "opening the sound card" for thread in threading.enumerate()))
    driver.open(WORKS, nothing).close()


def test_while_a_call_hangs_nothing_is_tried() -> None:
    api, answers = SoundDevice(), threading.Event()
    driver = PortAudioDriver(timeout_s=0.05, api=api)
    api.then["initialize"] = lambda: answers.wait(10)
    with pytest.raises(AudioError, match="looking for sound cards takes more") as first:
        driver.rescan()
    assert not isinstance(first.value, SoundSystemStuckError)
    before = list(api.calls)
    for attempt in (driver.rescan, lambda: driver.open(WORKS, nothing)):
        with pytest.raises(SoundSystemStuckError, match="looking for sound cards still hangs"):
            attempt()
    assert api.calls == before
    answers.set()


def test_a_stream_that_cannot_be_closed_is_kept_until_portaudio_ends() -> None:
    """PortAudio goes on calling into it: were it forgotten, it would call into memory that is gone."""
    api, answers = SoundDevice(), threading.Event()
    driver = PortAudioDriver(timeout_s=0.05, api=api)
    stream = driver.open(WORKS, nothing)
    api.then["close"] = lambda: answers.wait(10)
    with pytest.raises(AudioError, match="closing 'USB' takes more"):
        stream.close()
    assert driver._unclosed == api.streams
    answers.set()
    until(lambda: api.streams[0].closed)
    until(lambda: not any(thread.name == "closing 'USB'" for thread in threading.enumerate()))
    driver.rescan()
    assert driver._unclosed == []


@pytest.mark.parametrize("where", ["initialize", "terminate"])
def test_a_beginning_that_fails_is_an_audio_error_and_tried_again(where: str) -> None:
    api = SoundDevice()
    driver = PortAudioDriver(api=api)
    api.then[where] = fail
    for _ in range(3):
        with pytest.raises(AudioError, match="PortAudio can't be restarted: Internal PortAudio error"):
            driver.rescan()
    api.then.clear()
    driver.rescan()
    assert api._initialized == 1


def test_devices_that_cannot_be_listed_are_an_audio_error() -> None:
    api = SoundDevice()
    api.then["list"] = fail
    driver = PortAudioDriver(api=api)
    with pytest.raises(AudioError, match="The sound cards can't be listed: Internal PortAudio error"):
        driver.devices()
    with pytest.raises(AudioError, match="can't be listed"):
        driver.open(WORKS, nothing)


@pytest.mark.parametrize(
    ("change", "says", "key"),
    [
        ({"rate": 48000}, "can't sample at 48000 Hz; it supports 44100 Hz", "audio.rate"),
        ({"sample_format": "float32"}, "can't deliver samples as float32; it supports int16", "audio.sample_format"),
        ({"channels": 3}, "can't be opened with 3 channels; it opens with 2", "audio.channels"),
        ({"channels": 5}, "has 4 input channels; 5 were requested", "audio.channel"),
    ],
)
def test_a_refusal_says_what_the_device_can_do(change: dict[str, Any], says: str, key: str) -> None:
    driver = PortAudioDriver(api=SoundDevice())
    settings = {"rate": 44100, "channels": 2, "sample_format": "int16"} | change
    with pytest.raises(DeviceSettingsError, match=says) as refused:
        driver.open(StreamRequest("USB", **settings), nothing)
    assert refused.value.key == key


def test_a_start_that_fails_closes_the_stream() -> None:
    api = SoundDevice()
    api.then["start"] = fail
    with pytest.raises(AudioError, match="can't be started: Internal"):
        PortAudioDriver(api=api).open(WORKS, nothing)
    assert api.streams[0].closed
