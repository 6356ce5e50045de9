"""Raw PCM: little-endian samples of several channels, one after the other, without a header."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import SampleFormat

BYTES: dict[SampleFormat, int] = {"int16": 2, "int24": 3, "int32": 4, "float32": 4}
"""Of a sample."""


def decode(
    data: bytes | bytearray | memoryview, sample_format: SampleFormat, channels: int, channel: int
) -> NDArray[np.float32]:
    """One channel of interleaved little-endian PCM.

    Args:
        data: whole frames.
        sample_format: int24 is packed in three bytes.
        channels: in a frame.
        channel: counted from 0.

    Returns:
        float32 [frames], integers scaled to ±1.
    """
    if sample_format == "float32":
        return np.frombuffer(data, "<f4").reshape(-1, channels)[:, channel].astype(np.float32)
    if sample_format == "int24":
        three = np.frombuffer(data, np.uint8).reshape(-1, channels, 3)[:, channel]
        wide = np.zeros((len(three), 4), np.uint8)
        wide[:, 1:] = three  # in the upper bytes the sign is where it belongs
        whole = wide.view("<i4")[:, 0]
        return whole.astype(np.float32) * np.float32(2.0**-31)
    bits = 8 * BYTES[sample_format]
    whole = np.frombuffer(data, f"<i{bits // 8}").reshape(-1, channels)[:, channel]
    return whole.astype(np.float32) * np.float32(2.0 ** (1 - bits))
