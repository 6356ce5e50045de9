"""`config check` beyond the file itself: does what it names really work, here and now?

Each check is a function of the configuration that gives a verdict and changes nothing: it loads the model, opens the
sound card for a moment, greets the broker, writes and removes a file.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge_daemon.config import Config
from edge_daemon.errors import AudioError, EdgeDaemonError

if TYPE_CHECKING:
    from edge_daemon.mqtt.link import Event


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one check.

    Attributes:
        name: what was checked.
        state: `ok`; `warning`: works, but think about it; `failed`; `skipped`: not asked for by the configuration.
        text: what was found, for a person.
    """

    name: str
    state: Literal["ok", "warning", "failed", "skipped"]
    text: str


def check_model(config: Config) -> Verdict:
    """The model file loads and the backend computes a window with it."""
    import numpy as np

    from edge_daemon.backends.registry import create
    from edge_daemon.bundle import Bundle, default_model_path

    bundle = Bundle.read(config.model.path or default_model_path())
    backend = create(bundle, config.backend.name, config.backend.options)
    try:
        frontend = bundle.metadata.frontend
        backend.infer(np.zeros((1, *frontend.shape), np.uint8))
    finally:
        backend.close()
    hop = config.detection.hop_s * frontend.sample_rate
    if abs(hop - round(hop)) > 1e-6:
        text = f"detection.hop_s is not a whole number of samples at {frontend.sample_rate} Hz"
        return Verdict("model", "failed", text)
    metadata = bundle.metadata
    return Verdict("model", "ok", f"{metadata.name} {metadata.version} on backend {config.backend.name}")


def check_device(config: Config) -> Verdict:
    """The sound card opens as configured."""
    from edge_daemon.audio.device import StreamRequest
    from edge_daemon.audio.portaudio import PortAudioDriver

    audio = config.audio
    if audio.source == "pipe":
        if audio.pipe is None:
            return Verdict("device", "skipped", "sound comes from standard input")
        if not audio.pipe.is_fifo():
            return Verdict("device", "failed", f"{audio.pipe} is not a named pipe; make it: mkfifo {audio.pipe}")
        return Verdict("device", "ok", f"named pipe {audio.pipe}")
    request = StreamRequest(
        device=audio.device,
        rate=audio.rate,
        channel=audio.channel - 1,
        channels=audio.channels,
        sample_format=audio.sample_format,
        latency_s=None if audio.latency_ms is None else audio.latency_ms / 1000,
    )
    try:
        stream = PortAudioDriver().open(request, lambda _samples, _lost: None)
    except AudioError as error:
        return Verdict("device", "failed", str(error))
    name = stream.name
    stream.close()
    rate = "its own rate" if audio.rate is None else f"{audio.rate} Hz"
    return Verdict("device", "ok", f"'{name}' opens, channel {audio.channel}, {rate}")


def check_broker(config: Config, environment: Mapping[str, str] | None = None) -> Verdict:
    """The broker accepts us; under another client name, so that a running daemon is left alone."""
    from edge_daemon.mqtt.connection import Failure
    from edge_daemon.mqtt.link import Accepted, Lost, Request, Tls
    from edge_daemon.mqtt.paholink import PahoLink
    from edge_daemon.mqtt.publisher import password_of

    mqtt = config.mqtt
    if not mqtt.enabled:
        return Verdict("broker", "skipped", "mqtt.enabled is false")
    password = password_of(mqtt, os.environ if environment is None else environment)
    tls = Tls(mqtt.tls.ca_file, mqtt.tls.certificate_file, mqtt.tls.key_file) if mqtt.tls.enabled else None
    failure = Failure("no answer")
    for version in ("mqtt5", "mqtt311") if mqtt.protocol == "auto" else (mqtt.protocol,):
        link = PahoLink()
        try:
            link.open(
                Request(
                    host=mqtt.host,
                    port=mqtt.effective_port,
                    client_id=f"edge-daemon-check-{os.getpid()}",
                    version=version,
                    keepalive_s=mqtt.keepalive_s,
                    timeout_s=min(mqtt.connect_timeout_s, 10.0),
                    username=mqtt.username,
                    password=password,
                    tls=tls,
                )
            )
            end = time.monotonic() + min(mqtt.connect_timeout_s, 10.0)
            event = next(iter(_events(link.poll, end)), None)
            if isinstance(event, Accepted):
                link.close(polite=True)
                return _accepted(config, version)
            if isinstance(event, Lost):
                failure = event.failure
        finally:
            link.release()
        if not (failure.unsupported_protocol or failure.silent):
            break
    where = f"{mqtt.host}:{mqtt.effective_port}"
    reason = failure.reason if where in failure.reason else f"{where}: {failure.reason}"
    return Verdict("broker", "failed", reason)


def _accepted(config: Config, version: str) -> Verdict:
    mqtt = config.mqtt
    text = f"{mqtt.host}:{mqtt.effective_port} accepts us ({version})"
    local = mqtt.host in ("localhost", "127.0.0.1", "::1")
    if mqtt.username is not None and not mqtt.tls.enabled and not local:
        return Verdict("broker", "warning", f"{text}, but the password goes over the network unencrypted: use mqtt.tls")
    return Verdict("broker", "ok", text)


def _events(poll: Callable[[float], list[Event]], end: float) -> Iterator[Event]:
    while (left := end - time.monotonic()) > 0:
        yield from poll(left)


def check_folders(config: Config) -> Verdict:
    """The storage folder can be written, and there is room beside the clips' floor."""
    folder = config.storage.folder
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return Verdict("folders", "failed", f"{place} is not a folder")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        return Verdict("folders", "failed", f"{place} cannot be written: {error.strerror}")
    free = free_mb(place)
    text = f"{folder} can be written, {free:.0f} MB free" if place == folder else f"{folder} can be made"
    if config.clips.enabled and free < config.clips.min_free_mb:
        return Verdict("folders", "warning", f"{text}; less than clips.min_free_mb, so no clips will be kept")
    return Verdict("folders", "ok", text)


def free_mb(folder: Path) -> float:
    """Room left to us on the folder's disk, MB (10⁶ bytes)."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize / 1e6


def check_clock(config: Config) -> Verdict:  # noqa: ARG001 - every check takes the configuration
    """The system clock is kept right by somebody."""
    from edge_daemon.audio.synchronisation import AdjtimexClock

    reading = AdjtimexClock().read()
    if reading.synchronised:
        return Verdict("clock", "ok", f"synchronised, within {reading.max_error_ns / 1e9:.3g} s")
    return Verdict("clock", "warning", "not synchronised; detections will say so (chrony or systemd-timesyncd sets it)")


CHECKS: Mapping[str, Callable[[Config], Verdict]] = {
    "model": check_model,
    "device": check_device,
    "broker": check_broker,
    "folders": check_folders,
    "clock": check_clock,
}
"""All checks, in the order in which they are run."""


def checkup(config: Config, checks: Mapping[str, Callable[[Config], Verdict]] = CHECKS) -> Iterator[Verdict]:
    """Run the checks one after the other; a failure of one is its verdict, never the end."""
    for name, check in checks.items():
        try:
            yield check(config)
        except EdgeDaemonError as error:
            yield Verdict(name, "failed", str(error))
        except OSError as error:
            yield Verdict(name, "failed", error.strerror or str(error))
