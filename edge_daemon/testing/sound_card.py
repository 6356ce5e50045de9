"""A sound card in memory: the twin of PortAudio's driver, with plugs to pull.

Like PortAudio it sees devices that come or go only after a rescan, and an unplugged stream turns inactive without
a word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import DeviceInfo, DeviceSettingsError, Sink, StreamRequest, find_device
from edge_daemon.errors import AudioError


class MemoryStream:
    """An open input of a `MemoryDriver`."""

    def __init__(self, info: DeviceInfo, sink: Sink) -> None:
        self.name = info.name
        self.sink = sink
        self.plugged = True
        self.closed = False

    @property
    def active(self) -> bool:
        """False once unplugged or closed."""
        return self.plugged and not self.closed

    def close(self) -> None:
        """No sound comes afterwards."""
        self.closed = True


class MemoryDriver:
    """A driver whose devices and sound come from the test.

    Args:
        devices: what is plugged in at first.

    Attributes:
        rescans: how often devices were looked for anew.
        requests: all that was asked to be opened.
        failure: raised by the next `open` calls while set.
        only_own_rate: devices do no rate but their own.
    """

    def __init__(self, devices: Sequence[DeviceInfo] = ()) -> None:
        self.plugged = list(devices)
        self._known = list(devices)
        self.rescans = 0
        self.requests: list[StreamRequest] = []
        self.failure: AudioError | None = None
        self.only_own_rate = False
        self.stream: MemoryStream | None = None

    def devices(self) -> Sequence[DeviceInfo]:
        """Inputs known since the last rescan."""
        return tuple(self._known)

    def open(self, request: StreamRequest, sink: Sink) -> MemoryStream:
        """Start capturing; raises `failure` if set."""
        self.requests.append(request)
        if self.failure is not None:
            raise self.failure
        info = find_device(self._known, request.device)
        if request.channel >= info.channels:
            raise DeviceSettingsError(
                "audio.channel", f"'{info.name}' has {info.channels} input channels.", "Choose another channel."
            )
        if self.only_own_rate and request.rate not in (None, info.default_rate):
            raise DeviceSettingsError(
                "audio.rate", f"'{info.name}' can't sample at {request.rate} Hz.", "Set audio.rate."
            )
        if info not in self.plugged:
            raise AudioError(f"'{info.name}' can't be opened.", "Check the cable.")
        self.stream = MemoryStream(info, sink)
        return self.stream

    def rescan(self) -> None:
        """See what is plugged in now."""
        self.rescans += 1
        self._known = list(self.plugged)

    def feed(self, samples: NDArray[np.generic], *, lost_some: bool = False) -> None:
        """Let the open input hear something; nothing happens if none is open."""
        if self.stream is not None and self.stream.active:
            self.stream.sink(samples, lost_some)

    def unplug(self) -> None:
        """Pull all cables."""
        self.plugged = []
        if self.stream is not None:
            self.stream.plugged = False
