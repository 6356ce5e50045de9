"""Does the sound input open as configured, and does sound come from it?"""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import (
    SCALE,
    AudioDriver,
    DeviceAbsentError,
    DeviceSettingsError,
    StreamRequest,
    find_device,
)
from edge_daemon.audio.capture.live_source import require_named_pipe, stream_request
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.config.audio import AudioSection
from edge_daemon.errors import AudioError
from edge_daemon.levels.input_meter import decibels

LISTEN_S = 1.0
_LOOK = "Watch its level: edge-daemon devices --monitor"


def refuse_pipe(config: Config) -> None:
    """Refuse a named pipe that is something else; one that is absent may come."""
    if config.audio.pipe is not None:
        require_named_pipe(config.audio.pipe)


def try_device(config: Config, driver: AudioDriver | None = None, listen_s: float = LISTEN_S) -> Verdict:
    """Open the sound card and look at a second of its sound; of a pipe, see that it is there.

    Args:
        config: the configuration.
        driver: sound cards; PortAudio's if None.
        listen_s: length of the sound to look at, s.

    Raises:
        DeviceSettingsError: the sound card is there and cannot do what is asked.
    """
    audio = config.audio
    if audio.source == "pipe":
        return _pipe(audio)
    if driver is None:
        from edge_daemon.audio.capture.portaudio import PortAudioDriver

        driver = PortAudioDriver()
    try:
        device = find_device(driver.devices(), audio.device)
        rate = audio.rate or device.default_rate
        samples = _listen(driver, stream_request(audio, rate), round(listen_s * rate), audio.stall_s + listen_s)
    except DeviceAbsentError as error:
        return Verdict("device", "failed", error.message, f"{error.hint} `edge-daemon devices` lists the inputs.")
    except DeviceSettingsError:
        raise
    except AudioError as error:
        hint = f"{error.hint} If the daemon is running, it uses the device: stop it before you check."
        return Verdict("device", "failed", error.message, hint.lstrip())
    return _judge(samples, f"'{device.name}' opens: channel {audio.channel}, {rate} Hz", audio.clip_level)


def _listen(driver: AudioDriver, request: StreamRequest, wanted: int, timeout_s: float) -> NDArray[np.float32]:
    """Up to `wanted` samples at full scale ±1; fewer if the time is over before."""
    scale = np.float32(SCALE[request.sample_format])
    blocks: list[NDArray[np.float32]] = []
    more = threading.Event()

    def heard(samples: NDArray[np.generic], _lost: bool) -> None:
        blocks.append(np.multiply(samples, scale, dtype=np.float32))
        more.set()

    stream = driver.open(request, heard)
    try:
        end = time.monotonic() + timeout_s
        while sum(map(len, blocks)) < wanted and (left := end - time.monotonic()) > 0:
            more.wait(left)
            more.clear()
    finally:
        stream.close()
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _judge(samples: NDArray[np.float32], opens: str, clip_level: float) -> Verdict:
    if not len(samples):
        return Verdict("device", "failed", f"{opens}, but delivers no sound", "Is the source behind it running?")
    if bool((samples == samples[0]).all()):
        hint = f"Check cable, power and audio.channel. {_LOOK}"
        return Verdict("device", "warning", f"{opens}, but its samples do not change: a dead input", hint)
    if int(np.count_nonzero(np.abs(samples) >= clip_level)) >= 3:
        return Verdict("device", "warning", f"{opens}, but the sound clips", f"Turn the gain down. {_LOOK}")
    rms = float(np.std(samples.astype(np.float64)))
    return Verdict("device", "ok", f"{opens}, sound of {decibels(rms):.1f} dBFS rms")


def _pipe(audio: AudioSection) -> Verdict:
    if audio.pipe is None:
        return Verdict("device", "skipped", "sound comes from standard input")
    if audio.pipe.exists():
        return Verdict("device", "ok", f"named pipe {audio.pipe}")
    return Verdict("device", "failed", f"{audio.pipe} does not exist", f"Create it: mkfifo {audio.pipe}")
