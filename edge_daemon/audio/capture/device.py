"""Sound cards as the rest of the program sees them: what there is, what is wanted, and a driver that opens it.

Two drivers exist: PortAudio's (`portaudio`) and one in memory (`edge_daemon.testing.sound_card`) for tests and
    rehearsals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import AudioError

SampleFormat = Literal["int16", "int24", "int32", "float32"]
# Takes samples [n] of one channel in the format asked for (int24 comes in the upper bits of int32), and whether the
# device lost some just before. Called in real time.
Sink = Callable[[NDArray[np.generic], bool], None]
# What to multiply samples with for full scale ±1.
SCALE: dict[SampleFormat, float] = {"int16": 2.0**-15, "int24": 2.0**-31, "int32": 2.0**-31, "float32": 1.0}


class DeviceAbsentError(AudioError):
    """The sound card is absent (not connected yet, or disconnected)."""


class DeviceSettingsError(AudioError):
    """The sound card is there, but cannot do what `key` of the configuration asks; trying again would not help."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.key = key


class SoundSystemStuckError(AudioError):
    """An earlier call still hangs, so that nothing could be tried; only a new process may help."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A sound card with at least one input.

    Attributes:
        index: its number; may change when devices come and go.
        name: as the system gives it.
        channels: inputs.
        default_rate: Hz.
        is_default: the one used when none is named.
        host_api: the sound system that it is reached through, or empty.
    """

    index: int
    name: str
    channels: int
    default_rate: int
    is_default: bool = False
    host_api: str = ""


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What to open.

    Attributes:
        device: name, part of a name, index, or None for the default input.
        rate: Hz, or None for the device's own.
        channel: wanted one, counted from 0.
        channels: how many to open, or None for as few as hold the wanted one.
        sample_format: asked of the driver.
        block: samples in a callback.
        latency_s: buffer asked of the device, or None for its safe value.
    """

    device: str | int | None = None
    rate: int | None = None
    channel: int = 0
    channels: int | None = None
    sample_format: SampleFormat = "float32"
    block: int = 0
    latency_s: float | None = None


class AudioStream(Protocol):
    """An open input.

    Attributes:
        name: of the device.
    """

    name: str

    @property
    def active(self) -> bool:
        """False once the device has gone or stopped by itself."""

    def close(self) -> None:
        """Stop and give the device back; no callback comes afterwards. May be called twice."""


class AudioDriver(Protocol):
    """Opens inputs."""

    def devices(self) -> Sequence[DeviceInfo]:
        """Inputs known since the last `rescan`."""

    def open(self, request: StreamRequest, sink: Sink) -> AudioStream:
        """Start capturing.

        Raises:
            DeviceAbsentError: no such device.
            DeviceSettingsError: it cannot do what is asked; the message says what it can do.
            AudioError: it failed for another reason, such as being in use.
        """

    def rescan(self) -> None:
        """Look for devices again; only while no stream is open."""


def find_device(devices: Sequence[DeviceInfo], wanted: str | int | None) -> DeviceInfo:
    """The device that a name, a part of a name or an index means.

    An exact name wins over a part; upper and lower case are the same. None means the default input.

    Raises:
        DeviceAbsentError: there is none; the message lists those that are there.
        DeviceSettingsError: several fit.
    """
    if isinstance(wanted, int):
        fitting = [device for device in devices if device.index == wanted]
        called = f"with index {wanted}"
    elif wanted is None:
        fitting = [device for device in devices if device.is_default]
        called = "set as default"
    else:
        text = wanted.strip().casefold()
        fitting = [device for device in devices if device.name.casefold() == text]
        fitting = fitting or [device for device in devices if text in device.name.casefold()]
        called = f"called '{wanted}'"
    if not fitting:
        if not devices:
            lacking = "There is no sound input" + ("." if wanted is None else f" {called}: no inputs were found.")
            raise DeviceAbsentError(lacking, "Check the cable and audio.device.")
        there = ", ".join(f"{device.index} '{device.name}'" for device in devices)
        raise DeviceAbsentError(
            f"There is no sound input {called}. These were found: {there}.", "Check the cable and audio.device."
        )
    if len(fitting) > 1:
        names = ", ".join(f"{device.index} '{device.name}'" for device in fitting)
        raise DeviceSettingsError(
            "audio.device",
            f"Several sound inputs are {called}: {names}.",
            "Give a longer part of the name, or the index; `edge-daemon devices` lists the inputs.",
        )
    return fitting[0]
