"""Samples that are no sound: NaN, infinities and numbers beyond any unit.

A recursive or block filter that is fed one NaN gives NaN long after it, so such samples are cut out of the stream
before anything computes with it, and accounted for as a gap.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from edge_daemon.audio.source import Block, Gap

# Recorders write full scale ±1, counts (2³¹) or micropascal (10⁹ at the loudest); squares of more overflow in float32.
LARGEST = np.float32(1e12)


def split_non_finite(block: Block) -> list[Block | Gap]:
    """Cut NaN, infinite and absurdly large samples (magnitude above 10¹²) out of a block.

    Args:
        block: any samples.

    Returns:
        The block itself if all is well, else its good runs as blocks and its bad runs as gaps, in order.
    """
    with np.errstate(invalid="ignore"):  # signalling NaNs raise a flag in comparisons
        good = np.abs(block.samples) <= LARGEST
    if good.all():
        return [block]
    edges = np.flatnonzero(np.diff(good)) + 1
    bounds = [0, *edges.tolist(), len(good)]
    return [
        Block(block.samples[begin:end], block.start + begin)
        if good[begin]
        else Gap(block.start + begin, end - begin, "non_finite")
        for begin, end in pairwise(bounds)
    ]
