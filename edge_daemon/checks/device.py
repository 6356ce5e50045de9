"""Does the sound input open as configured, and does sound come from it?"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_daemon.audio.capture.device import AudioDriver, StreamRequest
    from edge_daemon.config.audio import AudioSection

LISTEN_S = 1.0
_LOOK = "Watch its level: edge-daemon devices --monitor"


def check_device(config: Config, driver: AudioDriver | None = None, listen_s: float = LISTEN_S) -> Verdict:
    """The sound card opens, and a second of its sound is looked at; of a pipe, that it is one.

    Args:
        config: the configuration.
        driver: sound cards; PortAudio's if None.
        listen_s: length of the sound to look at, s.
    """
    audio = config.audio
    if audio.source == "pipe":
        return _pipe(audio)
    from edge_daemon.audio.capture.device import DeviceAbsentError, DeviceSettingsError, StreamRequest, find_device

    if driver is None:
        from edge_daemon.audio.capture.portaudio import PortAudioDriver

        driver = PortAudioDriver()
    try:
        device = find_device(driver.devices(), audio.device)
        rate = audio.rate or device.default_rate
        request = StreamRequest(
            device=audio.device,
            rate=rate,
            channel=audio.channel - 1,
            channels=audio.channels,
            sample_format=audio.sample_format,
            latency_s=None if audio.latency_ms is None else audio.latency_ms / 1000,
        )
        samples = _listen(driver, request, round(listen_s * rate), audio.stall_s + listen_s)
    except (DeviceAbsentError, DeviceSettingsError) as error:
        return Verdict("device", "failed", error.message, f"{error.hint} `edge-daemon devices` lists the inputs.")
    except AudioError as error:
        hint = f"{error.hint} If the daemon is running, it uses the device: stop it before you check."
        return Verdict("device", "failed", error.message, hint.lstrip())
    return _judge(samples, f"'{device.name}' opens: channel {audio.channel}, {rate} Hz", audio.clip_level)


def _listen(driver: AudioDriver, request: StreamRequest, wanted: int, timeout_s: float) -> NDArray[np.float32]:
    """Up to `wanted` samples at full scale ±1; fewer if the time is over before."""
    import numpy as np

    from edge_daemon.audio.capture.device import SCALE

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
    import numpy as np

    from edge_daemon.levels.input_meter import decibels

    if not len(samples):
        return Verdict("device", "failed", f"{opens}, but delivers no sound", "Is the source behind it running?")
    if bool((samples == samples[0]).all()):
        hint = f"Check cable, power and audio.channel. {_LOOK}"
        return Verdict("device", "warning", f"{opens}, but the samples do not change: a dead input", hint)
    if int(np.count_nonzero(np.abs(samples) >= clip_level)) >= 3:
        return Verdict("device", "warning", f"{opens}, but the sound clips", f"Turn the gain down. {_LOOK}")
    rms = float(np.std(samples.astype(np.float64)))
    return Verdict("device", "ok", f"{opens}, sound of {decibels(rms):.1f} dBFS rms")


def _pipe(audio: AudioSection) -> Verdict:
    if audio.pipe is None:
        return Verdict("device", "skipped", "sound comes from standard input")
    if audio.pipe.is_fifo():
        return Verdict("device", "ok", f"named pipe {audio.pipe}")
    if audio.pipe.exists():
        hint = "Set audio.pipe to a named pipe; create one with mkfifo."
        return Verdict("device", "failed", f"{audio.pipe} is not a named pipe", hint)
    return Verdict("device", "failed", f"{audio.pipe} does not exist", f"Create it: mkfifo {audio.pipe}")
