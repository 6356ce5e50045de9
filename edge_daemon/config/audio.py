"""Section `audio`: where the sound comes from and how it is read."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.section import ConfigPath, Section, key, refusal


class AudioSection(Section):
    """A sound card through PortAudio, or raw PCM from a pipe."""

    source: Literal["soundcard", "pipe"] = key(
        "soundcard", "`soundcard`: a PortAudio device; `pipe`: raw PCM from standard input or a named pipe"
    )
    device: str | int | None = key(
        None,
        "Sound card by name, by a part of its name, or by index (see `edge-daemon devices`). Empty: the default input",
    )
    pipe: ConfigPath | None = key(None, "Named pipe to read with source `pipe`. Empty: standard input")
    rate: int | None = key(
        None,
        "Sampling rate. Empty: the sound card's own. Required for source `pipe`",
        unit="Hz",
        ge=1000,
        le=1_000_000,
    )
    channel: int = key(1, "Channel with the hydrophone, counted from 1", ge=1, le=64)
    channels: int | None = key(None, "Channels to open, or in the pipe. Empty: as many as `channel` needs", ge=1, le=64)
    sample_format: Literal["int16", "int24", "int32", "float32"] = key(
        "float32",
        "Sample format requested from the sound card (PortAudio converts), or the pipe's, little-endian",
    )
    block_ms: int = key(
        250,
        "Length of the blocks in which sound arrives. With a hop of whole blocks, no window waits for one",
        unit="ms",
        ge=10,
        le=2000,
    )
    latency_ms: int | None = key(
        None, "Buffer length requested from the sound card. Empty: its safe (high) value", unit="ms", ge=1, le=5000
    )
    ring_s: float = key(
        10.0, "Sound kept in memory while scoring is late; the rest becomes a gap", unit="s", ge=1, le=120
    )
    stall_s: float = key(
        2.0, "After this long without sound the device counts as stalled and is reopened", unit="s", ge=0.2, le=300
    )
    dead_input_s: float = key(
        10.0,
        "Samples that do not change at all for this long mean a dead hydrophone: a gap, not silence",
        unit="s",
        ge=0.5,
        le=3600,
    )
    clip_level: float = key(0.999, "Samples at or above this level count as clipped", unit="full scale", ge=0.5, le=1.0)
    retry_first_s: float = key(1.0, "First pause before retrying an absent device", unit="s", ge=0.1, le=60)
    retry_longest_s: float = key(60.0, "Longest pause between retries, which never stop", unit="s", ge=1, le=3600)

    @field_validator("device", mode="before")
    @classmethod
    def _name_or_index(cls, value: object) -> object:
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000:
            return value
        raise refusal("", f"must be a device's name or its index from 0, not {value!r}", "See `edge-daemon devices`.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.source == "pipe" and self.rate is None:
            raise refusal("rate", "is required with source `pipe`", "Raw PCM does not carry its rate: add it in Hz.")
        if self.source == "soundcard" and self.pipe is not None:
            raise refusal("pipe", "has no meaning with source `soundcard`", "Set `source: pipe` or remove it.")
        if self.channels is not None and self.channel > self.channels:
            raise refusal(
                "channel", f"is {self.channel}, but only {self.channels} channels are opened", "Raise `channels`."
            )
        if self.retry_first_s > self.retry_longest_s:
            raise refusal("retry_first_s", f"is longer than retry_longest_s ({self.retry_longest_s:g} s)")
        self._hold_blocks("ring_s", self.ring_s, 2, "the ring takes whole blocks only")
        self._hold_blocks("stall_s", self.stall_s, 3, "nothing comes between two blocks")
        return self

    def _hold_blocks(self, name: str, seconds: float, blocks: int, why: str) -> None:
        """Refuse a length of time in which too few blocks come, blaming the key that the file gives."""
        least_s = blocks * self.block_ms / 1000
        if seconds >= least_s:
            return
        if name in self.model_fields_set or "block_ms" not in self.model_fields_set:
            wrong = f"is {seconds:g} s, but must hold {blocks} blocks of block_ms ({self.block_ms} ms)"
            raise refusal(name, wrong, f"Make it {least_s:g} s or longer, or shorten block_ms: {why}.")
        wrong = f"is {self.block_ms} ms, but {blocks} such blocks must fit into {name} ({seconds:g} s)"
        raise refusal("block_ms", wrong, f"Make it shorter, or make {name} {least_s:g} s or longer: {why}.")
