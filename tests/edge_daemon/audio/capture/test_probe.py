"""Trying inputs: what opens, what sounds, what does not; and the list made of it."""

from __future__ import annotations

import numpy as np

from edge_daemon.audio.capture.device import AudioStream, DeviceInfo, Sink, StreamRequest
from edge_daemon.audio.capture.probe import Probe, probe
from edge_daemon.cli.devices import listing
from edge_daemon.errors import AudioError
from edge_daemon.testing.sound_card import MemoryDriver

CARD = DeviceInfo(3, "hydrophone", 2, 48_000, is_default=True, host_api="ALSA")


class Driver(MemoryDriver):
    """Opens at the rates given for a number of channels; sounds at once, unless mute."""

    def __init__(self, rates: dict[int, list[int]], *, mute: bool = False) -> None:
        super().__init__([CARD])
        self.rates_by_channels, self.mute = rates, mute

    def rates(self, device: DeviceInfo, channels: int) -> list[int]:
        assert device == CARD
        return self.rates_by_channels.get(channels, [])

    def open(self, request: StreamRequest, sink: Sink) -> AudioStream:  # type: ignore[override]
        stream = super().open(request, sink)
        if not self.mute:
            self.feed(np.zeros(10, np.float32))
        return stream


def test_what_works_is_told_and_the_device_given_back() -> None:
    driver = Driver({1: [44_100, 48_000], 2: [48_000]})
    assert probe(driver, CARD) == Probe(CARD, (44_100, 48_000), 2)
    assert driver.requests == [StreamRequest(3)]
    assert driver.stream is not None
    assert driver.stream.closed


def test_channels_that_do_not_open_together_are_not_promised() -> None:
    assert probe(Driver({1: [48_000]}), CARD).channels == 1


def test_what_does_not_work_is_a_sentence() -> None:
    mute = Driver({1: [48_000]}, mute=True)
    found = probe(mute, CARD, timeout_s=0.01)
    assert (found.channels, found.rates) == (0, ())
    assert found.problem.startswith("'hydrophone' opens, but delivers no samples.")
    assert mute.stream is not None
    assert mute.stream.closed
    taken = Driver({1: [48_000]})
    taken.failure = AudioError("'hydrophone' can't be opened: Device unavailable.", "Another program may be using it.")
    assert "Another program" in probe(taken, CARD).problem


def test_the_list() -> None:
    other = DeviceInfo(0, "webcam", 1, 16_000, host_api="ALSA")
    lines = listing([Probe(other, (), 0, "It is taken."), Probe(CARD, (44_100, 48_000), 2)], CARD)
    assert lines == [
        "  0  webcam  (ALSA)",
        "     does not work: It is taken.",
        "* 3  hydrophone  (ALSA, default input)",
        "     works; 1 to 2 channels; own rate 48000 Hz",
        "     opens at 44100, 48000 Hz",
    ]
    assert listing([], None) == ["There is no sound input. Check the cable; `arecord -l` lists what the kernel sees."]
