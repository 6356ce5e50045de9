"""What a sound input can really do: it is opened, and listened to for a moment, instead of believed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_daemon.audio.capture.device import AudioStream, DeviceInfo, Sink, StreamRequest
from edge_daemon.errors import AudioError

TIMEOUT_S = 2.0
"""How long the first sound may take."""


class ProbedDriver(Protocol):
    """The part of a driver that is needed here."""

    def devices(self) -> Sequence[DeviceInfo]:
        """Inputs there are."""

    def rates(self, device: DeviceInfo, channels: int) -> list[int]:
        """Common rates, Hz, at which the device opens with so many channels."""

    def open(self, request: StreamRequest, sink: Sink) -> AudioStream:
        """Start capturing; raises AudioError."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found out about an input.

    Attributes:
        device: the input.
        rates: Hz; common ones at which it opens with one channel.
        channels: how many it opens with at its own rate, at most; 0 if it does not open.
        problem: why no sound comes from it now, a sentence; empty: sound comes.
    """

    device: DeviceInfo
    rates: tuple[int, ...]
    channels: int
    problem: str = ""


def probe(driver: ProbedDriver, device: DeviceInfo, timeout_s: float = TIMEOUT_S) -> Probe:
    """Try an input: its rates, its channels, and whether samples come; never raises for what the input does."""
    try:
        rates = driver.rates(device, 1)
        every = device.channels if device.channels > 1 and driver.rates(device, device.channels) else 1
        _listen(driver, device, timeout_s)
    except AudioError as error:
        return Probe(device, (), 0, str(error))
    return Probe(device, tuple(rates), every)


def _listen(driver: ProbedDriver, device: DeviceInfo, timeout_s: float) -> None:
    """Open at the device's own rate and wait for the first samples; raises AudioError."""
    heard = threading.Event()
    stream = driver.open(StreamRequest(device.index), lambda _samples, _lost: heard.set())
    try:
        if not heard.wait(timeout_s):
            raise AudioError(f"'{device.name}' opens, but delivers no samples.", "Is the source behind it running?")
    finally:
        stream.close()
