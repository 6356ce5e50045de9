"""Sound cards through PortAudio (the sounddevice package): the thin, real side of `device`.

PortAudio lists devices once; it sees those that return only after a restart (`rescan`). Its calls
can hang for ever on a sound server that has stopped answering, so each is made with a time limit: the program goes on,
says so, and is restarted by its watchdog if that lasts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import (
    DeviceInfo,
    DeviceSettingsError,
    SampleFormat,
    Sink,
    SoundSystemStuckError,
    StreamRequest,
    find_device,
)
from edge_daemon.errors import AudioError
from edge_daemon.system.call_timeout import CallWithTimeout

_ALSA = "libasound.so.2"
# Tried for the list of devices, and offered in messages where the device takes them.
COMMON_RATES = (2000, 4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)

HIGHEST_RATE = 10_000_000
"""Hz; a driver that says more does not know what it says."""


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
        try:
            return not self._closed and bool(self._stream.active)
        except Exception:  # noqa: BLE001 - whatever a driver fails with: it is no stream any more
            return False

    def close(self) -> None:
        """Stop at once and give the device back; may be called twice."""
        if not self._closed:
            self._closed = True
            self._driver.close(self._stream, f"closing '{self.name}'")


class PortAudioDriver:
    """PortAudio's inputs. One driver per process, one stream at a time.

    Args:
        timeout_s: how long a call may take before it is abandoned.
        api: the module sounddevice, or its twin in a test; imported if None.

    Raises:
        AudioError: PortAudio's library is not installed.
    """

    def __init__(self, timeout_s: float = 10.0, api: Any = None) -> None:
        self._api = _sounddevice() if api is None else api
        self._calls = CallWithTimeout(
            timeout_s,
            "The sound system",
            "If this lasts, restart the sound server or the board.",
            late=AudioError,
            stuck=SoundSystemStuckError,
        )
        self._unclosed: list[Any] = []  # streams that could not be closed: PortAudio may still call into them

    def devices(self) -> Sequence[DeviceInfo]:
        """Inputs known since the last `rescan`.

        Raises:
            AudioError: PortAudio does not run.
        """
        with self._failing("the sound cards can't be listed"):
            default = self._api.default.device[0]
            if default < 0:
                try:
                    default = self._api.query_devices(kind="input")["index"]
                except (self._api.PortAudioError, ValueError):
                    default = -1
            systems = [str(system["name"]) for system in self._api.query_hostapis()]
            found = [_device(index, entry, default, systems) for index, entry in enumerate(self._api.query_devices())]
            return [device for device in found if device is not None]

    def open(self, request: StreamRequest, sink: Sink) -> PortAudioStream:
        """Start capturing.

        Raises:
            DeviceAbsentError: no such device.
            DeviceSettingsError: it cannot do what is asked; the message says what it can do.
            SoundSystemStuckError: an earlier call still hangs.
            AudioError: it failed, or does not answer.
        """
        wanted = True

        def while_wanted(samples: NDArray[np.generic], lost_some: bool) -> None:
            if wanted:  # a stream that begins after it was given up is not to be heard
                sink(samples, lost_some)

        try:
            with self._failing("the sound card can't be opened"):
                stream = self._calls.run(
                    lambda: self._open(request, while_wanted), "opening the sound card", discard=self._put_away
                )
        except BaseException:
            wanted = False
            raise
        return PortAudioStream(*stream, self)

    def close(self, stream: Any, doing: str) -> None:
        """Close one of PortAudio's streams.

        Raises:
            AudioError: it does not answer; the stream is kept until PortAudio is restarted.
        """
        try:
            self._calls.run(lambda: stream.close(ignore_errors=True), doing)
        except AudioError:
            self._unclosed.append(stream)
            raise

    def rates(self, device: DeviceInfo, channels: int) -> list[int]:
        """Common rates, Hz, at which the sound system opens the device with so many channels.

        Raises:
            AudioError: it does not answer.
        """
        wanted = {"device": device.index, "channels": channels, "dtype": "float32"}
        return self._calls.run(
            lambda: [rate for rate in COMMON_RATES if self._works(wanted | {"samplerate": rate})],
            f"trying '{device.name}'",
        )

    def rescan(self) -> None:
        """Restart PortAudio, so that it lists its devices again.

        Raises:
            SoundSystemStuckError: an earlier call still hangs.
            AudioError: it does not answer, or PortAudio can't be begun.
        """
        self._calls.run(self._restart, "looking for sound cards")

    def _restart(self) -> None:
        # sounddevice offers no public way: https://github.com/spatialaudio/python-sounddevice/issues/3
        with self._failing("PortAudio can't be restarted"):
            if self._api._initialized:  # not so after a beginning that failed
                self._api._terminate()
            self._unclosed.clear()  # PortAudio closes what is open when it ends
            self._api._initialize()

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """PortAudio's errors inside are failures like others, to be tried again; so is what a driver makes of it."""
        try:
            yield
        except AudioError:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code
            raise AudioError(f"{what[0].upper()}{what[1:]}: {_text(error)}.", "Is the sound server running?") from None

    def _put_away(self, stream: tuple[Any, str]) -> None:
        """Close a stream that came too late."""
        stream[0].close(ignore_errors=True)

    def _open(self, request: StreamRequest, sink: Sink) -> tuple[Any, str]:
        """The started stream and its device's name."""
        info = find_device(self.devices(), request.device)
        channels = request.channels or request.channel + 1
        if max(channels, request.channel + 1) > info.channels:
            raise DeviceSettingsError(
                "audio.channel",
                f"'{info.name}' has {info.channels} input channels; {channels} were requested.",
                f"Set audio.channel to 1{'' if info.channels == 1 else f'…{info.channels}'}.",
            )
        wanted = {
            "device": info.index,
            "channels": channels,
            "dtype": _dtype(request.sample_format),
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
        unload_alsa_plugins()
        return stream, info.name

    def _refusal(self, info: DeviceInfo, wanted: dict[str, Any], error: Exception) -> AudioError:
        """What was wrong: settings, with those that would work, or the device itself."""
        text = _text(error)
        if "sample rate" in text.lower():
            rates = [rate for rate in COMMON_RATES if self._works(wanted | {"samplerate": rate})]
            can = f"it supports {', '.join(map(str, rates))} Hz" if rates else "it supports none of the common rates"
            return DeviceSettingsError(
                "audio.rate", f"'{info.name}' can't sample at {wanted['samplerate']} Hz; {can}.", "Set audio.rate."
            )
        if "sample format" in text.lower():
            works = [name for name in get_args(SampleFormat) if self._works(wanted | {"dtype": _dtype(name)})]
            can = f"it supports {', '.join(works)}" if works else "it supports none of the known formats"
            return DeviceSettingsError(
                "audio.sample_format",
                f"'{info.name}' can't deliver samples as {wanted['dtype']}; {can}.",
                "Set audio.sample_format.",
            )
        if "number of channels" in text.lower():
            counts = [n for n in range(1, info.channels + 1) if self._works(wanted | {"channels": n})]
            can = f"it opens with {', '.join(map(str, counts))}" if counts else "no number of channels works"
            return DeviceSettingsError(
                "audio.channels",
                f"'{info.name}' can't be opened with {wanted['channels']} channels; {can}.",
                "Set audio.channels.",
            )
        return AudioError(f"'{info.name}' can't be opened: {text}.", "Another program may be using it.")

    def _works(self, wanted: dict[str, Any]) -> bool:
        try:
            self._api.check_input_settings(**wanted)
        except (self._api.PortAudioError, ValueError):
            return False
        return True


def _device(index: int, entry: Any, default: int, systems: list[str]) -> DeviceInfo | None:
    """An input as the driver describes it; None for an output, and where the description is none."""
    try:
        name, inputs, rate = str(entry["name"]), int(entry["max_input_channels"]), round(entry["default_samplerate"])
        system = systems[entry["hostapi"]]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    if inputs <= 0 or not 0 < rate <= HIGHEST_RATE:
        return None
    return DeviceInfo(index, name, inputs, rate, index == default, system)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (OSError, ImportError) as error:
        raise AudioError(
            f"The sound card library PortAudio can't be loaded: {error}.",
            "Install it: apt-get install libportaudio2",
        ) from None
    return sounddevice


def _dtype(sample_format: str) -> str:
    """PortAudio's 24-bit samples have no numpy type; in 32 bits they lose nothing."""
    return "int32" if sample_format == "int24" else sample_format


def _text(error: Exception) -> str:
    """PortAudio's reason, without the wrapping."""
    return str(error.args[0] if error.args else error).removeprefix("Error opening InputStream: ").rstrip(".")


def unload_alsa_plugins() -> bool:
    """Unload ALSA's plug-ins that no open stream uses; False where the program does not use ALSA.

    PortAudio opens every input that ALSA's configuration defines, once, to see what it can do. Each plug-in is loaded
    for that and stays, with all that it needs: with Debian's `libasound2-plugins`, whose AC-3 encoder comes with the
    whole of ffmpeg's libraries, that is 70 libraries and 11 MB. `snd_config_update_free_global` of alsa-lib unloads
    those that no open stream uses, and frees the configuration, which is read again when it is needed. PortAudio calls
    it too, but only when it is ended.
    """
    try:
        alsa = ctypes.CDLL(_ALSA, mode=os.RTLD_NOLOAD)  # the one that PortAudio has loaded, or none
    except OSError:
        return False
    return bool(alsa.snd_config_update_free_global() == 0)
