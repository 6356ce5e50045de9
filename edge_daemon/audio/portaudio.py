"""Sound cards through PortAudio (the sounddevice package): the thin, real side of `device`.

PortAudio lists devices once; those that return are seen only after it was ended and begun again (`rescan`). Its calls
can hang for ever on a sound server that has stopped answering, so each runs in a thread that is given up after a while:
the program goes on, says so, and can be restarted by its watchdog.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.device import DeviceInfo, DeviceSettingsError, Sink, StreamRequest, find_device
from edge_daemon.errors import AudioError

log = logging.getLogger(__name__)

T = TypeVar("T")
# Tried for the list of devices, and offered in messages where the device takes them.
COMMON_RATES = (2000, 4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)


class PortAudioStream:
    """An open input stream."""

    def __init__(self, stream: Any, name: str, driver: PortAudioDriver) -> None:
        self.name = name
        self._stream = stream
        self._driver = driver
        self._closed = False

    @property
    def active(self) -> bool:
        """False once the device has gone or stopped by itself."""
        return not self._closed and bool(self._stream.active)

    def close(self) -> None:
        """Stop at once and give the device back; may be called twice."""
        if not self._closed:
            self._closed = True
            self._driver.patiently(lambda: self._stream.close(ignore_errors=True), f"closing '{self.name}'")


class PortAudioDriver:
    """PortAudio's inputs. One driver per process, one stream at a time.

    Args:
        patience_s: how long a call may take before it is given up.

    Raises:
        AudioError: PortAudio's library is not installed.
    """

    def __init__(self, patience_s: float = 10.0) -> None:
        try:
            import sounddevice
        except (OSError, ImportError) as error:
            raise AudioError(
                f"The sound card library PortAudio can't be loaded: {error}.",
                "Install it: apt-get install libportaudio2",
            ) from None
        self._api: Any = sounddevice
        self._patience_s = patience_s
        self._hanging: threading.Thread | None = None

    def devices(self) -> Sequence[DeviceInfo]:
        """Inputs known since the last `rescan`."""
        default = self._api.default.device[0]
        if default < 0:
            try:
                default = self._api.query_devices(kind="input")["index"]
            except (self._api.PortAudioError, ValueError):
                default = -1
        systems = [str(system["name"]) for system in self._api.query_hostapis()]
        return [
            DeviceInfo(
                index,
                str(entry["name"]),
                int(entry["max_input_channels"]),
                round(entry["default_samplerate"]),
                index == default,
                systems[entry["hostapi"]],
            )
            for index, entry in enumerate(self._api.query_devices())
            if entry["max_input_channels"] > 0
        ]

    def open(self, request: StreamRequest, sink: Sink) -> PortAudioStream:
        """Start capturing.

        Raises:
            DeviceAbsentError: no such device.
            DeviceSettingsError: it cannot do what is asked; the message says what it can do.
            AudioError: it failed, or does not answer.
        """
        return self.patiently(lambda: self._open(request, sink), "opening the sound card")

    def rates(self, device: DeviceInfo, channels: int) -> list[int]:
        """Common rates, Hz, at which the sound system opens the device with so many channels.

        Raises:
            AudioError: it does not answer.
        """
        wanted = {"device": device.index, "channels": channels, "dtype": "float32"}
        return self.patiently(
            lambda: [rate for rate in COMMON_RATES if self._works(wanted | {"samplerate": rate})],
            f"trying '{device.name}'",
        )

    def rescan(self) -> None:
        """End and begin PortAudio, so that it lists its devices anew.

        Raises:
            AudioError: it does not answer.
        """
        self.patiently(self._restart, "looking for sound cards")

    def patiently(self, call: Callable[[], T], doing: str) -> T:
        """Run a call that may hang; raises AudioError if it, or an earlier one, does."""
        if self._hanging is not None and self._hanging.is_alive():
            raise AudioError(
                "The sound system does not answer.", "If this lasts, restart the sound server or the board."
            )
        outcome: list[T] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                outcome.append(call())
            except BaseException as error:  # noqa: BLE001 handed to the caller's thread below
                failure.append(error)

        thread = threading.Thread(target=run, name=doing, daemon=True)
        thread.start()
        thread.join(self._patience_s)
        if thread.is_alive():
            self._hanging = thread
            raise AudioError(
                f"The sound system does not answer: {doing} takes more than {self._patience_s:g} s.",
                "If this lasts, restart the sound server or the board.",
            )
        if failure:
            raise failure[0]
        return outcome[0]

    def _restart(self) -> None:
        # sounddevice offers no public way: https://github.com/spatialaudio/python-sounddevice/issues/3
        self._api._terminate()
        self._api._initialize()

    def _open(self, request: StreamRequest, sink: Sink) -> PortAudioStream:
        info = find_device(self.devices(), request.device)
        channels = request.channels or request.channel + 1
        if max(channels, request.channel + 1) > info.channels:
            raise DeviceSettingsError(
                f"'{info.name}' has {info.channels} input channels; {channels} are asked for.",
                f"Set audio.channel to 1{'' if info.channels == 1 else f'…{info.channels}'}.",
            )
        wanted = {
            "device": info.index,
            "channels": channels,
            # PortAudio's 24-bit samples have no numpy type; in 32 bits they lose nothing
            "dtype": "int32" if request.sample_format == "int24" else request.sample_format,
            "samplerate": request.rate or info.default_rate,
        }
        channel = request.channel

        def heard(samples: NDArray[np.generic], _frames: int, _time: Any, status: Any) -> None:
            sink(samples[:, channel], bool(status.input_overflow))

        try:
            stream = self._api.InputStream(
                **wanted,
                blocksize=request.block,
                latency="high" if request.latency_s is None else request.latency_s,
                callback=heard,
            )
        except (self._api.PortAudioError, ValueError) as error:
            raise self._refusal(info, wanted, error) from None
        try:
            stream.start()
        except self._api.PortAudioError as error:
            stream.close(ignore_errors=True)
            raise AudioError(
                f"'{info.name}' can't be started: {_text(error)}.", "Another program may be using it."
            ) from None
        return PortAudioStream(stream, info.name, self)

    def _refusal(self, info: DeviceInfo, wanted: dict[str, Any], error: Exception) -> AudioError:
        """What was wrong: settings, with those that would work, or the device itself."""
        text = _text(error)
        if "sample rate" not in text.lower():
            return AudioError(f"'{info.name}' can't be opened: {text}.", "Another program may be using it.")
        rates = [rate for rate in COMMON_RATES if self._works(wanted | {"samplerate": rate})]
        can = f"it can do {', '.join(map(str, rates))} Hz" if rates else "it can do none of the common rates"
        return DeviceSettingsError(
            f"'{info.name}' can't sample at {wanted['samplerate']} Hz; {can}.", "Set audio.rate."
        )

    def _works(self, wanted: dict[str, Any]) -> bool:
        try:
            self._api.check_input_settings(**wanted)
        except (self._api.PortAudioError, ValueError):
            return False
        return True


def _text(error: Exception) -> str:
    """PortAudio's reason, without the wrapping."""
    return str(error.args[0] if error.args else error).removeprefix("Error opening InputStream: ").rstrip(".")
