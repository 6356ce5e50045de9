"""The two filters of `filter_design` as machine code (`polyphase.c`): what `PolyphaseFilter` does, to the same bits.

`filter_design` says for which sound that is certain; else the last bit of a sample in many millions may differ.
"""

from __future__ import annotations

import ctypes
import logging
import random
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.filter_design import UNIT, design
from edge_daemon.audio.polyphase_filter import PolyphaseFilter
from edge_daemon.errors import BackendError
from edge_daemon.system.compiled_library import kernel, library_path

_LANES, _EDGE = 8, 16  # as `polyphase.c` has them
_AT_ONCE = 1 << 12  # source samples, so that what is computed with stays in the processor's first cache

_log = logging.getLogger(__name__)


class _Filters(ctypes.Structure):
    """As `polyphase.c` has it."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("down", "up", "periods", "step", "kept", "taps", "kept2", "taps2")),
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
        ("unit", ctypes.c_double),
        ("wide", ctypes.c_void_p),
        ("low", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
    )


class CompiledFilter:
    """Brings a stream to another rate, in chunks of one length. Not for two threads at a time.

    Args:
        up, down, margin, chunk: as `PolyphaseFilter` has them.

    Raises:
        BackendError: the library is not there, or of another version.
    """

    def __init__(self, up: int, down: int, margin: int, chunk: int) -> None:
        self._run = kernel().edge_daemon_resample
        pair = design(up, down, margin)
        self._up, self._down = up, down
        self._lead = -(-margin // chunk) * chunk * down
        low, periods = down // pair.step, max(1, _AT_ONCE // down // 8) * 8
        first, second = _padded(pair.first[None] / UNIT), _padded(pair.second.T * UNIT, _EDGE)
        kept = pair.late * pair.step + len(pair.first) // 2
        self._wide = np.zeros(kept + periods * down + _LANES)
        self._low = np.zeros(2 * pair.reach + periods * low + _LANES)
        # what the library reads and writes lives as long as this
        self._memory = (first, second, np.empty(periods * up))
        self._filters = _Filters(
            down, up, periods, pair.step, kept, first.shape[1], 2 * pair.reach, second.shape[1] - 2 * _EDGE,
            first.ctypes.data, second.ctypes.data, UNIT,
            self._wide.ctypes.data, self._low.ctypes.data, self._memory[2].ctypes.data,
        )  # fmt: skip

    def begin(self, lead: NDArray[np.float32]) -> None:
        """As `PolyphaseFilter` has it."""
        self._wide[:], self._low[:] = 0, 0
        self(np.concatenate((np.zeros(self._lead - len(lead), np.float32), lead)))

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `PolyphaseFilter` has it."""
        samples = np.ascontiguousarray(samples, np.float32)
        periods = len(samples) // self._down
        out = np.empty(periods * self._up, np.float32)
        self._run(ctypes.byref(self._filters), samples.ctypes.data, periods, out.ctypes.data)
        return out


def _padded(taps: NDArray[np.float64], edge: int = 0) -> NDArray[np.float64]:
    """Rows of taps, zeros behind them up to whole vectors, and zeros on both sides."""
    padded = np.zeros((len(taps), edge + -(-taps.shape[1] // _LANES) * _LANES + edge))
    padded[:, edge : edge + taps.shape[1]] = taps
    return padded


def proven_filter(up: int, down: int, margin: int, chunk: int) -> CompiledFilter | None:
    """The compiled filter, or None where matrices are to be multiplied.

    That is where no library was built for this processor, where it has no vectors for it, and, with a line in the log,
    where the library is of no use. That it computes the same is not believed but seen.

    Args:
        up, down, margin, chunk: as `PolyphaseFilter` has them.
    """
    if not library_path().exists():
        return None
    try:
        return CompiledFilter(up, down, margin, chunk) if _is_right(up, down, margin, chunk) else None
    except BackendError as error:
        _log.warning("The compiled filter is not used: %s", error.message)
        return None


@lru_cache(maxsize=8)
def _is_right(up: int, down: int, margin: int, chunk: int) -> bool:
    """Whether the library is fast on this processor, and gives the bits of the matrices for chunks of noise.

    Raises:
        BackendError: it gives others, or cannot be used.
    """
    if not kernel().edge_daemon_resamples_fast():
        return False
    lead, noise = margin * down, 2 * chunk * down
    values = np.frombuffer(random.Random(1).randbytes(2 * (lead + noise)), np.int16)  # noqa: S311 - noise, no secret
    sound = values * np.float32(2.0**-19)
    heard = []
    for one in (CompiledFilter(up, down, margin, chunk), PolyphaseFilter(up, down, margin, chunk)):
        one.begin(sound[:lead])
        heard.append(one(sound[lead:]).tobytes())
    if heard[0] != heard[1]:
        raise BackendError(f"it does not resample {down} samples to {up} as it should.")
    return True
