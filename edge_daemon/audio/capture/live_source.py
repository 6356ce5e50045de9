"""A live input as the daemon sees it, and the one that the configuration means."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Protocol

from edge_daemon.audio.capture.byte_source import ByteSource, DescriptorBytes, NamedPipeBytes
from edge_daemon.audio.capture.device import AudioDriver, StreamRequest
from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.capture.pipe import PipeSource
from edge_daemon.audio.capture.sound_card import USUAL_RATE, SoundCardSource, own_rate
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import AudioSource
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.config.audio import AudioSection
from edge_daemon.errors import ConfigValueError
from edge_daemon.system.backoff import Backoff


class LiveSource(AudioSource, Protocol):
    """A source that can pause and tells how it is.

    Attributes:
        can_wait: whoever gives the sound keeps it until it is read.
    """

    can_wait: bool

    @property
    def state(self) -> InputHealth:
        """What the input is doing now; from any thread."""

    @property
    def arrived_ns(self) -> int | None:
        """Monotonic time at which the last sample of the last block read arrived."""

    def moment_ns(self, index: int) -> int | None:
        """Monotonic time at which a gap that was read last ended; None before anything has happened."""

    def listen(self, on: bool) -> None:
        """Open the device, or close it and account for the time as a gap by schedule; from any thread."""


def open_source(
    section: AudioSection, model_rate: int, time: TimeSource, rng: random.Random, driver: AudioDriver | None = None
) -> LiveSource:
    """The input that the configuration means; a device that is absent now is waited for.

    Args:
        section: the configuration's `audio`.
        model_rate: samples per second that the sound will be brought to.
        time: clocks.
        rng: jitter of the pauses.
        driver: sound cards; PortAudio's if None.

    Raises:
        AudioError: PortAudio is not installed.
        DeviceSettingsError: the sound card is there and cannot do what is asked.
        ConfigValueError: `audio.pipe` is not a pipe.
    """
    backoff = Backoff(section.retry_first_s, section.retry_longest_s)
    if section.source == "pipe":
        return _pipe(section, model_rate, time, rng, backoff)
    if driver is None:
        from edge_daemon.audio.capture.portaudio import PortAudioDriver

        driver = PortAudioDriver()
    rate = section.rate or own_rate(driver, section.device) or USUAL_RATE
    source = SoundCardSource(
        stream_request(section, rate),
        driver,
        rate_is_wanted=section.rate is not None,
        time=time,
        backoff=backoff,
        rng=rng,
        ring_s=section.ring_s,
        stall_s=section.stall_s,
        dead_s=section.dead_input_s,
        clip_level=section.clip_level,
        lead_s=lead_s(section.block_ms / 1000, rate, model_rate),
    )
    source.check()
    return source


def stream_request(section: AudioSection, rate: int) -> StreamRequest:
    """What to ask of a sound card, at this rate in Hz."""
    return StreamRequest(
        device=section.device,
        rate=rate,
        channel=section.channel - 1,
        channels=section.channels,
        sample_format=section.sample_format,
        block=max(1, round(section.block_ms * rate / 1000)),
        latency_s=None if section.latency_ms is None else section.latency_ms / 1000,
    )


def require_named_pipe(path: Path) -> None:
    """Refuse a path at which something else is; one where nothing is yet may become a pipe.

    Raises:
        ConfigValueError: it is not a named pipe.
    """
    if path.exists() and not path.is_fifo():
        raise ConfigValueError("audio.pipe", f"names {path}, which is not a named pipe", f"Create it: mkfifo {path}")


def lead_s(block_s: float, rate: int, model_rate: int) -> float:
    """How much of the first block to leave out, seconds, so that windows do not wait needlessly for the next block.

    A window can be scored when the sound that the resampler needs after it has arrived (56 ms at 2 kHz). Windows and
    blocks begin together and a hop is mostly a number of whole blocks, so a window would end with a block and wait for
    the whole next one. If the stream begins later in its first block by what the resampler does not need, all windows
    end so much before a block does that they wait no longer than they must: 56 ms instead of a block's 250. The same
    holds after each gap of the input, since windows start again there. They do wait longer, until the next opening,
    after sound that was dropped because scoring fell behind and after samples that are not numbers; and at rates such
    as 22,050 Hz, at which half a second is not a whole number of blocks and of the resampler's chunks.
    """
    return -Resampler(rate, model_rate).latency % block_s


def _pipe(section: AudioSection, model_rate: int, time: TimeSource, rng: random.Random, backoff: Backoff) -> PipeSource:
    assert section.rate is not None  # noqa: S101 - the configuration has seen to it
    place: ByteSource
    if section.pipe is None:
        place = DescriptorBytes()
    else:
        require_named_pipe(section.pipe)
        place = NamedPipeBytes(section.pipe)
    return PipeSource(
        place,
        section.rate,
        sample_format=section.sample_format,
        channels=section.channels or section.channel,
        channel=section.channel - 1,
        block_s=section.block_ms / 1000,
        stall_s=section.stall_s,
        dead_s=section.dead_input_s,
        clip_level=section.clip_level,
        lead_s=lead_s(section.block_ms / 1000, section.rate, model_rate),
        time=time,
        backoff=backoff,
        rng=rng,
    )
