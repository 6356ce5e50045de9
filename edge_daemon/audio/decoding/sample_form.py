"""How plain samples are written, and how they are read."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge_daemon.errors import BackendError
from edge_daemon.system.compiled_library import kernel, library_path

_AT_ONCE = 1 << 15  # samples: what is between bytes and numbers stays in the processor's cache


@dataclass(frozen=True, slots=True)
class SampleForm:
    """How plain samples are written.

    Attributes:
        rate: Hz.
        channels: 1 or more.
        subtype: libsndfile's name of the width: `PCM_16`, `FLOAT`, `ULAW` …
        endian: `LITTLE` or `BIG`.
        width: bytes of one sample.
    """

    rate: int
    channels: int
    subtype: str
    endian: str
    width: int

    @property
    def frame(self) -> int:
        """Bytes of one sample of each channel."""
        return self.width * self.channels

    @property
    def ours(self) -> bool:
        """Whether samples are read here, to the same numbers as libsndfile's, in a quarter of its time."""
        return self.subtype in {"PCM_16", "PCM_24"} and self.endian == "LITTLE"

    def decode(self, data: bytes, out: NDArray[np.float32]) -> None:
        """Read samples.

        Args:
            data: whole frames.
            out: takes them, float32 [n, channels], contiguous.
        """
        if self.ours:
            decode = _decode_16 if self.width == 2 else _compiled_24() or _decode_24
            decode(data, out.reshape(-1))
            return
        soundfile.read(
            io.BytesIO(data),
            dtype="float32",
            always_2d=True,
            samplerate=self.rate,
            channels=self.channels,
            format="RAW",
            subtype=self.subtype,
            endian=self.endian,
            out=out,
        )


def _decode_16(data: bytes, out: NDArray[np.float32]) -> None:
    np.multiply(np.frombuffer(data, "<i2"), np.float32(2.0**-15), out=out)


def _decode_24(data: bytes, out: NDArray[np.float32]) -> None:
    """Each sample as the upper three bytes of a number of four, of which the lowest belongs to the sample before."""
    out[0] = int.from_bytes(data[:3], "little", signed=True) * 2.0**-23
    whole = np.empty(_AT_ONCE, np.int32)
    for first in range(1, len(out), _AT_ONCE):
        count = min(_AT_ONCE, len(out) - first)
        wide = np.ndarray((count,), "<i4", data, 3 * first - 1, (3,))
        np.bitwise_and(wide, np.int32(-256), out=whole[:count])
        part = out[first : first + count]
        np.copyto(part, whole[:count], casting="unsafe")  # 24 bits are exact
        part *= np.float32(2.0**-31)


@lru_cache(maxsize=1)
def _compiled_24() -> Callable[[bytes, NDArray[np.float32]], None] | None:
    """`_decode_24` as machine code (`pcm_24.c`), where that was built and does the same."""
    if not library_path().exists():
        return None
    try:
        run = kernel().edge_daemon_decode_24
    except BackendError:
        return None  # whoever loads it for more than this says why

    def decode(data: bytes, out: NDArray[np.float32]) -> None:
        if len(data) != 3 * len(out) or not out.flags.c_contiguous:
            raise ValueError(f"{len(data)} bytes are not {len(out)} samples of 24 bits")
        run(data, len(out), out.ctypes.data)

    data = random.Random(1).randbytes(3 * 99)  # noqa: S311 - noise, no secret
    found, right = np.empty((2, 99), np.float32)
    decode(data, found)
    _decode_24(data, right)
    return decode if np.array_equal(found, right) else None
