"""soxr's filter as matrices: what it does to a stream of sound, without designing it anew for each chunk.

The first matrix is a short low-pass filter that keeps every so-many-th sample; it is flat where the second one lets
sound pass. The second one is soxr's own response at what is left, read off from impulses. Sound goes through the first
one once, chunk by chunk; what a chunk's last samples give to the outputs behind it is kept. The second one sees each
chunk with what lies on both sides of it.

How many chunks come at a time changes no bit: each product always has the same shape, and is so small that the library
which computes it never shares it out to threads. Processors add in other orders; in float64, rounded once at the end,
that is not seen.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

QUALITY = "HQ"
"""Of soxr: linear phase, flat to 0.91 of the Nyquist frequency, images and aliases below −120 dB."""

_STOP_DB = 140.0  # of the first filter; that of soxr is as good
_SECOND_COLUMNS = 32  # output samples of a product, measured to be fastest or near it
_LARGEST_PRODUCT = 1 << 18  # multiplications; OpenBLAS uses threads for more
_LARGEST_MATRIX = 1 << 18
_AT_ONCE = 1 << 16  # samples, so that what is computed with stays in the processor's cache


class PolyphaseFilter:
    """Brings a stream to another rate, in chunks of one length. Not for two threads at a time.

    Args:
        up: output samples in a period, coprime to `down`.
        down: source samples in a period.
        margin: periods of sound that are seen on both sides of a chunk.
        chunk: periods in a chunk.

    Attributes:
        products: (rows, inner, columns) of each kind of product that is computed.
    """

    def __init__(self, up: int, down: int, margin: int, chunk: int) -> None:
        step, lost = _first_step(up, down), 0
        self._size = chunk * down
        self._lead = -(-margin // chunk) * self._size  # source samples of the chunks that a segment's begin lies in
        self._decimator = _Decimator(up, down, step, self._size) if step > 1 else None
        if self._decimator is not None:
            lost = self._decimator.late
        down //= step
        reach = margin * down - lost
        periods = _periods(up, chunk)
        self._advance = periods * down
        self._matrix = _soxr_response(up, down, step, periods, reach)
        self._parts, self._rows = _shared_out(chunk // periods, self._matrix.size)
        # what the next chunk sees on its left, and its first samples
        self._before: NDArray[np.float64] = np.zeros(2 * reach)
        self.products = [(self._rows, *self._matrix.shape)]
        if self._decimator is not None:
            self.products.append(self._decimator.product)

    @staticmethod
    def fits(up: int, down: int, margin: int, chunk: int) -> bool:
        """Whether the matrices are small: not for rates that have hardly a divisor in common."""
        periods, down = _periods(up, chunk), down // _first_step(up, down)
        return chunk > periods and (periods + 2 * margin) * down * periods * up <= _LARGEST_MATRIX

    def begin(self, lead: NDArray[np.float32]) -> None:
        """A segment begins; silence lies before it.

        Args:
            lead: float32 [margin · down], its first samples: those that are seen on the right of what lies before it.
        """
        kept = len(self._before)
        low: NDArray[np.float64] = lead.astype(np.float64)
        if self._decimator is not None:
            self._decimator.forget()
            low = self._decimator(np.concatenate((np.zeros(self._lead - len(lead), np.float32), lead)))
        self._before = np.concatenate((np.zeros(kept), low))[len(low) :]

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next chunks at the other rate, float32 [n · chunk · up]; late by the margin.

        Args:
            samples: float32 [n · chunk · down].
        """
        at_once = max(1, _AT_ONCE // self._size) * self._size
        parts = [self._some(samples[at : at + at_once]) for at in range(0, len(samples), at_once)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _some(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        low: NDArray[np.float64] = samples.astype(np.float64) if self._decimator is None else self._decimator(samples)
        whole = np.concatenate((self._before, low))
        kept, products = len(self._before), len(samples) // self._size * self._parts
        self._before = whole[len(whole) - kept :].copy()
        inner, size = len(self._matrix), whole.itemsize
        shape = (products, self._rows, inner)
        rows = as_strided(whole, shape, (self._rows * self._advance * size, self._advance * size, size))
        result: NDArray[np.float32] = np.matmul(rows.copy(), self._matrix).astype(np.float32).reshape(-1)
        return result


class _Decimator:
    """A low-pass filter that keeps every so-many-th sample of a stream.

    The sound is laid in rows that do not overlap; each is multiplied with all parts of the filter that it lies under,
    and the sums that belong together are added up. So no sample is copied more than once.

    Args:
        up, down, step: as `_low_pass` has them.
        size: samples in a chunk.

    Attributes:
        late: output samples by which the output is late.
        product: (rows, inner, columns) of a product.
    """

    def __init__(self, up: int, down: int, step: int, size: int) -> None:
        taps = _low_pass(up, down, step)
        kept, self.late = _layout(len(taps) // 2, step, size)
        self._blocks = 2 * self.late // kept + 1
        self._inner, self._kept = kept * step, kept
        self._matrix = _spread(taps, step, kept, self._blocks)
        self._parts, self._rows = _shared_out(size // self._inner, self._matrix.size)
        self._size = size
        self.product = (self._rows, self._inner, len(self._matrix))
        self._shape: tuple[int, ...] = (0,)
        self._wide = self._sums = np.empty(0, np.float64)
        self.forget()

    def forget(self) -> None:
        """Silence lies before what comes next."""
        self._before = np.zeros((len(self._matrix), self._blocks - 1), np.float64)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """The next output, float64 [n · size / step], of samples, float32 [n · size]."""
        products = len(samples) // self._size * self._parts
        columns, known, count = len(self._matrix), self._blocks - 1, products * self._rows
        if self._shape != samples.shape:  # else in the same memory as before: new pages cost as much as the sums
            self._shape = samples.shape
            self._wide = np.empty((products, self._rows, self._inner), np.float64)
            self._sums = np.empty((columns, known + count), np.float64)
        np.copyto(self._wide.reshape(-1), samples)
        sums = self._sums
        sums[:, :known] = self._before
        out = sums[:, known:].reshape(columns, products, self._rows).transpose(1, 0, 2)
        np.matmul(self._matrix, self._wide.transpose(0, 2, 1), out=out)
        self._before = sums[:, count:].copy()
        kept = self._kept
        total = sums[:kept, :count].copy()
        for block in range(1, self._blocks):
            total += sums[block * kept : (block + 1) * kept, block : block + count]
        return total.T.reshape(-1)


def _layout(reach: int, step: int, size: int) -> tuple[int, int]:
    """Output samples that a row gives, and by how many of them the output is late, at least `reach` source samples.

    Rows that give few have fewer products with zeros, rows that give many are multiplied faster.
    """
    least = -(-reach // step)

    def late(kept: int) -> int:
        whole = kept if kept % 2 else kept // 2  # twice as many are a whole number of rows
        return -(-least // whole) * whole

    choices = [kept for kept in range(1, 2 * least + 1) if size // step % kept == 0]
    best = min(choices, key=lambda kept: (2 * late(kept) + kept) * (1 + 16 / (kept * step)))
    return best, late(best)


def _spread(taps: NDArray[np.float64], step: int, kept: int, blocks: int) -> NDArray[np.float64]:
    """A filter's taps by where a row lies under it: float64 [blocks · kept, kept · step]."""
    matrix = np.zeros((blocks, kept, kept * step), np.float64)
    middle = (blocks - 1) * kept // 2 * step  # of the first output's taps, from the first block's begin
    for block in range(blocks):
        for output in range(kept):
            tap = block * kept * step + np.arange(kept * step) - output * step - middle + len(taps) // 2
            inside = (tap >= 0) & (tap < len(taps))
            matrix[block, output, inside] = taps[tap[inside]]
    return matrix.reshape(blocks * kept, kept * step)


def _shared_out(rows: int, size: int) -> tuple[int, int]:
    """A product's rows in equal parts, each of which no library shares out to threads: parts, rows of each."""
    fitting = [n for n in range(1, rows + 1) if rows % n == 0 and n * size <= _LARGEST_PRODUCT]
    most = max(fitting, default=1)
    return rows // most, most


def _first_step(up: int, down: int) -> int:
    """How many source samples become one before the second matrix: as many as leave 1.5 × the wanted rate."""
    return max(step for step in range(1, max(1, 2 * down // (3 * up)) + 1) if down % step == 0)


def _periods(up: int, chunk: int) -> int:
    """Periods that a row of the second matrix gives."""
    return max(n for n in range(1, chunk + 1) if chunk % n == 0 and (n == 1 or n * up <= _SECOND_COLUMNS))


@lru_cache(maxsize=8)
def _low_pass(up: int, down: int, step: int) -> NDArray[np.float64]:
    """A Kaiser window's filter, float64 [taps], an odd number of them.

    It passes what lies below half the wanted rate, and stops what would be folded there when samples are left out.
    """
    width = 2 * math.pi * (1 / step - up / down)  # from the one to the other, radians for each source sample
    reach = math.ceil((_STOP_DB - 8) / (2.285 * width) / 2)  # Kaiser's rule, as is the shape
    places = np.arange(-reach, reach + 1)
    taps: NDArray[np.float64] = np.sinc(places / step) * np.kaiser(len(places), 0.1102 * (_STOP_DB - 8.7))
    taps /= taps.sum()
    return taps


@lru_cache(maxsize=8)
def _soxr_response(up: int, down: int, step: int, periods: int, reach: int) -> NDArray[np.float64]:
    """What soxr makes of impulses, float64 [reach + periods · down + reach, periods · up].

    Args:
        up: output samples in a period.
        down: samples in a period, each of which stands for `step` of the source.
        step: likewise.
        periods: in a row.
        reach: samples beyond them on each side.
    """
    import soxr

    # an impulse at each place in a period, so far from each other that no response meets another
    apart = -(-2 * (reach + down) // down) * down + 1
    places = (reach // down + 2) * down + np.arange(down) * apart
    impulses = np.zeros((int(places[-1]) + reach + 2 * down) * step)
    impulses[places * step] = step
    response = soxr.resample(impulses, down * step, up, quality=QUALITY)
    samples = np.arange(-reach, periods * down + reach)
    outputs = np.arange(periods * up)
    impulse = places[samples % down]
    where = outputs + (up * ((impulse - samples) // down))[:, None]
    near = np.abs(outputs * down / up - samples[:, None]) <= reach
    matrix = np.where(near, response[np.clip(where, 0, len(response) - 1)], 0)
    return np.ascontiguousarray(matrix, np.float64)
