"""From the source's sample rate to the model's, without moving anything in time.

The filter is soxr's (linear phase, flat to 0.91 of the Nyquist frequency, images and aliases below −120 dB).
soxr's own streams emit in bursts and hold back up to 0.65 s of sound, too long for a live detector. So the stream is
cut into chunks of a quarter second or less on a fixed grid; each sees a margin of neighbouring sound on both sides that
covers the filter's reach. For the rates of recorders two filters do that, a short one and a sharp one
(`filter_design`), as machine code where that was built (`compiled_filter`), else as products of matrices
(`polyphase_filter`); where the filters would be large, soxr itself resamples the chunk with its margins
(`soxr_filter`). That brings four things:

- output is late by the margin (about 56 ms), and until its chunk is whole;
- results do not depend on how the input was cut into blocks, bit for bit;
- nothing is remembered beyond the margin, so a gap is a clean end and a clean beginning;
- it agrees with one uninterrupted soxr run to about −125 dB.

Sample n of the source lies at n·out/in of the output: the delay is compensated, and the first output sample belongs to
the first source sample.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from edge_daemon.audio.compiled_filter import CompiledFilter, proven_filter
from edge_daemon.audio.polyphase_filter import PolyphaseFilter
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.soxr_filter import SoxrFilter
from edge_daemon.errors import AudioError

# Half the filter's length, in samples of the lower rate, until what is left of it is below the filter's own −120 dB.
_REACH = 112
_Filter = CompiledFilter | PolyphaseFilter | SoxrFilter
# Recorders write full scale ±1, counts (2³¹) or micropascal (10⁹ at the loudest); squares of more overflow in float32.
LARGEST = np.float32(1e12)


class Resampler:
    """Streaming conversion of blocks and gaps to another sample rate.

    A source that covers samples [a, b) without interruption gives output samples [⌈a·out/in⌉, ⌈b·out/in⌉): N samples
    give ⌈N·out/in⌉. A gap [a, b) gives the gap between them; one that is shorter than an output sample may get
    length 0 and still says that there was an interruption. After a gap the output grid stays anchored at the stream's
    beginning; with rates that are not multiples of each other the sound may then sit up to half a source sample off it.
    Non-finite samples become gaps with the cause "non_finite". With equal rates blocks pass through.

    Args:
        source_rate: Hz, 1 or more.
        target_rate: Hz, 1 or more.

    Raises:
        AudioError: a rate is not positive, or the ratio is beyond 1 : 4096.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if source_rate < 1 or target_rate < 1 or not 1 / 4096 <= source_rate / target_rate <= 4096:
            raise AudioError(
                f"Sound at {source_rate} Hz cannot be resampled to {target_rate} Hz.", "Check the file's sample rate."
            )
        divisor = math.gcd(source_rate, target_rate)
        # One period: `down` source samples span exactly `up` output samples.
        self._up, self._down = target_rate // divisor, source_rate // divisor
        self._rates = (source_rate, target_rate)
        self._identity = source_rate == target_rate
        reach = _REACH * max(1.0, target_rate / source_rate)
        self._margin = math.ceil(reach / self._up)  # in periods
        self._chunk = _chunk(target_rate, self._up)  # in periods
        self._filter: _Filter | None = None  # made when there is sound for it
        self._running = False  # within a segment
        self._begun = False  # the segment's first margin has been seen
        self._buffer = np.zeros(0, np.float32)  # of the segment, what has not been seen yet
        self._expected: int | None = None  # next source index of the running segment
        self._skip = 0  # source samples to drop to reach the output grid
        self._next = 0  # next output index

    @property
    def latency(self) -> float:
        """Seconds by which output is late at least: the sound that must follow before a chunk can be resampled."""
        return 0.0 if self._identity else self._margin * self._down / self._rates[0]

    def missing(self, outputs: int) -> int:
        """Samples of sound that must follow without a gap before so many more output samples are given, 1 or more."""
        if self._identity:
            return outputs
        chunks = -(-outputs // (self._chunk * self._up))
        lead = 0 if self._begun else self._margin
        return max(1, (lead + chunks * self._chunk) * self._down - len(self._buffer) + self._skip)

    def entry(self, source_index: int) -> tuple[int, int]:
        """Where to enter a stream that began at sample 0, so that the output is that of the whole stream, bit for bit.

        Args:
            source_index: samples of the source before this one are not to be had.

        Returns:
            The source sample to begin with, and the first output sample that is the same as if all before had been
            pushed, if no gap lies between the stream's beginning and there.
        """
        if self._identity:
            return source_index, source_index
        step = self._chunk * self._down
        chunk = -(-source_index // step)
        return chunk * step, (chunk + -(-self._margin // self._chunk)) * self._chunk * self._up

    def needed(self, outputs: int) -> int:
        """Samples of a source without gaps that give the first so many output samples for good."""
        if self._identity:
            return outputs
        chunks = -(-outputs // (self._chunk * self._up))
        return (chunks * self._chunk + self._margin) * self._down

    def push(self, item: Block | Gap) -> list[Block | Gap]:
        """Take a block or a gap and give what can be had by now.

        Args:
            item: at the source rate; follows the one before without a hole (anything missing comes as a gap).

        Returns:
            Blocks (float32) and gaps at the target rate, in order and without holes.

        Raises:
            ValueError: the item does not begin where the one before ended.
        """
        if self._expected is not None and item.start != self._expected:
            raise ValueError(f"item begins at sample {item.start}, expected {self._expected}")
        if isinstance(item, Gap):
            return self._push_gap(item)
        out: list[Block | Gap] = []
        for part in split_non_finite(item):
            out += self._push_gap(part) if isinstance(part, Gap) else self._push_block(part)
        return out

    def finish(self) -> list[Block | Gap]:
        """End the stream: give what is still held back. The next item may begin anywhere."""
        out = self._flush()
        self._expected = None
        return out

    def _output_index(self, source_index: int) -> int:
        return -(-source_index * self._up // self._down)

    def _push_gap(self, gap: Gap) -> list[Block | Gap]:
        out = self._flush()
        start = self._output_index(gap.start)
        out.append(replace(gap, start=start, length=self._output_index(gap.end) - start))
        self._expected = gap.end
        return out

    def _push_block(self, block: Block) -> list[Block | Gap]:
        if self._identity:
            self._expected = block.end
            return [block] if len(block.samples) else []
        samples = block.samples
        if not self._running and len(samples):
            self._running = True
            self._next = self._output_index(block.start)
            at = (2 * self._next * self._down + self._up) // (2 * self._up)  # source sample nearest to it
            self._skip = at - block.start
        if self._skip:
            dropped = min(self._skip, len(samples))
            samples, self._skip = samples[dropped:], self._skip - dropped
        self._expected = block.end
        out, wanted = list[Block | Gap](), self._chunk * self._down - len(self._buffer)
        if self._begun and len(self._buffer) and len(samples) > wanted:  # so the rest need not be copied
            self._buffer = np.concatenate((self._buffer, samples[:wanted]))
            out += self._drain()
            samples = samples[wanted:]
        self._buffer = np.concatenate((self._buffer, samples)) if len(self._buffer) else samples
        return out + self._drain()

    def _drain(self) -> list[Block]:
        filtered = self._filter = self._filter or self._new_filter()
        if not self._begun:
            lead = self._margin * self._down
            if len(self._buffer) < lead:
                return []
            filtered.begin(self._buffer[:lead])
            self._buffer, self._begun = self._buffer[lead:], True
        step = self._chunk * self._down
        whole = len(self._buffer) // step * step
        if not whole:
            return []
        block = Block(filtered(self._buffer[:whole]), self._next)
        self._next, self._buffer = block.end, self._buffer[whole:].copy()
        return [block]

    def _flush(self) -> list[Block | Gap]:
        """End the running segment: silence follows it, and what it still owes is given."""
        if not self._running or self._expected is None:
            return []
        end, period = self._output_index(self._expected), self._chunk * self._up
        chunks = -(-(end - self._next) // period)
        lead = 0 if self._begun else self._margin
        need = max(0, (lead + chunks * self._chunk) * self._down - len(self._buffer))
        self._buffer = np.concatenate((self._buffer, np.zeros(need, np.float32)))
        out = [Block(block.samples[: end - block.start], block.start) for block in self._drain() if block.start < end]
        self._buffer, self._running, self._begun = np.zeros(0, np.float32), False, False
        return list[Block | Gap](out)

    def _new_filter(self) -> _Filter:
        shape = (self._up, self._down, self._margin, self._chunk)
        if not PolyphaseFilter.fits(*shape):
            return SoxrFilter(self._rates, *shape)
        return proven_filter(*shape) or PolyphaseFilter(*shape)


def _chunk(target_rate: int, up: int) -> int:
    """Periods in a chunk, which lasts for a quarter second at most: of kinds that fill half a second up, the longest.

    Where none from 50 ms on does, it is an eighth of a second, so that no window half a second later waits for long.
    """
    least, most = -(-target_rate // (20 * up)), target_rate // (4 * up)
    whole = [periods for periods in range(least, most + 1) if target_rate % (2 * periods * up) == 0]
    return whole[-1] if whole else max(1, target_rate // (8 * up))


def split_non_finite(block: Block) -> list[Block | Gap]:
    """Cut NaN, infinite and absurdly large samples (magnitude above 10¹²) out of a block.

    A recursive or block filter that is fed one NaN gives NaN long after it, so such samples leave the stream before
    anything computes with it, and are accounted for as a gap.

    Args:
        block: any samples.

    Returns:
        The block itself if all is well, else its good runs as blocks and its bad runs as gaps, in order.
    """
    samples = block.samples
    with np.errstate(invalid="ignore"):  # signalling NaNs raise a flag in comparisons
        # NaN is what `max` and `min` give if there is one, and no more than anything
        if not len(samples) or (samples.max() <= LARGEST and samples.min() >= -LARGEST):
            return [block]
        good = np.abs(samples) <= LARGEST
    edges = np.flatnonzero(np.diff(good)) + 1
    bounds = [0, *edges.tolist(), len(good)]
    return [
        Block(block.samples[begin:end], block.start + begin)
        if good[begin]
        else Gap(block.start + begin, end - begin, "non_finite")
        for begin, end in pairwise(bounds)
    ]
