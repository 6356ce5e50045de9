"""What is compiled of decoding and resampling: the same numbers as numpy's, bit for bit, and never needed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.audio import compiled_filter
from edge_daemon.audio.compiled_filter import CompiledFilter, proven_filter
from edge_daemon.audio.decoding import sample_form
from edge_daemon.audio.decoding.sample_form import SampleForm
from edge_daemon.audio.polyphase_filter import PolyphaseFilter
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block
from edge_daemon.system.compiled_library import kernel

RATES = [2500, 4000, 8000, 11_025, 16_000, 22_050, 24_000, 31_250, 32_000, 44_100, 48_000, 96_000, 192_000, 384_000]


@pytest.fixture(autouse=True)
def asked_again() -> Iterator[None]:
    """Nothing is remembered of another library."""
    for cached in (compiled_filter._is_right, sample_form._compiled_24):
        cached.cache_clear()
    yield
    for cached in (compiled_filter._is_right, sample_form._compiled_24):
        cached.cache_clear()


def shape(rate: int) -> tuple[int, int, int, int]:
    """Arguments of the filters between this rate and the usual one."""
    resampler = Resampler(rate, 2000)
    return resampler._up, resampler._down, resampler._margin, resampler._chunk


def whole_numbers(count: int) -> NDArray[np.float32]:
    """Noise of 24 bits, up to −24 dB re full scale."""
    return (np.random.default_rng(count).integers(-(2**19), 2**19, count) * 2.0**-23).astype(np.float32)


def heard(filtered: CompiledFilter | PolyphaseFilter, sound: NDArray[np.float32], lead: int) -> NDArray[np.float32]:
    filtered.begin(sound[:lead])
    size = filtered._size if isinstance(filtered, PolyphaseFilter) else filtered._lead
    cut = lead + size * ((len(sound) - lead) // size // 2)
    return np.concatenate((filtered(sound[lead:cut]), filtered(sound[cut:])))


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_the_compiled_filter_is_the_matrices_bit_for_bit(rate: int, built: Path) -> None:
    up, down, margin, chunk = shape(rate)
    lead = margin * down
    sound = whole_numbers(lead + 6 * chunk * down)
    matrices, compiled = PolyphaseFilter(up, down, margin, chunk), CompiledFilter(up, down, margin, chunk)
    expected = heard(matrices, sound, lead)
    assert len(expected) == 6 * chunk * up
    np.testing.assert_array_equal(heard(compiled, sound, lead), expected)
    np.testing.assert_array_equal(heard(compiled, sound, lead), expected)  # nothing is left of the segment before
    # sound of no whole numbers, beyond full scale: as good as the same
    loud = (1e3 * np.random.default_rng(1).standard_normal(len(sound))).astype(np.float32)
    np.testing.assert_allclose(heard(compiled, loud, lead), heard(matrices, loud, lead), rtol=3e-7, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [11_025, 44_100, 48_000])
def test_a_stream_is_the_same_with_and_without_it(rate: int, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernel().edge_daemon_resamples_fast():
        pytest.skip("this processor has no vectors for it")
    sound = whole_numbers(3 * rate + 77)

    def stream() -> bytes:
        resampler = Resampler(rate, 2000)
        cuts = [0, 1, 5000, rate, 2 * rate + 1, len(sound)]
        blocks = [Block(sound[a:b], a) for a, b in pairwise(cuts)]
        out = [made for block in blocks for made in resampler.push(block)] + resampler.finish()
        filters.add(type(resampler._filter))
        return b"".join(item.samples.tobytes() for item in out if isinstance(item, Block))

    filters: set[type] = set()
    with_it = stream()
    monkeypatch.setattr("edge_daemon.audio.resample.proven_filter", lambda *_shape: None)
    assert stream() == with_it
    assert filters == {CompiledFilter, PolyphaseFilter}


@pytest.mark.slow
def test_a_filter_that_computes_otherwise_is_not_used(
    built: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not kernel().edge_daemon_resamples_fast():
        pytest.skip("this processor has no vectors for it")
    assert isinstance(proven_filter(*shape(48_000)), CompiledFilter)
    compiled_filter._is_right.cache_clear()
    monkeypatch.setattr(CompiledFilter, "__call__", lambda _self, samples: np.zeros(len(samples) // 24, np.float32))
    assert proven_filter(*shape(48_000)) is None
    assert "The compiled filter is not used: it does not resample 24 samples to 1 as it should." in caplog.text


def test_where_nothing_was_built_matrices_are_multiplied(without_kernel: Path) -> None:
    assert proven_filter(*shape(48_000)) is None
    assert sample_form._compiled_24() is None


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 8, 9, 99, 40_001])
def test_24_bits_are_decoded_to_the_same_numbers(count: int, built: Path) -> None:
    compiled = sample_form._compiled_24()
    assert compiled is not None
    data = np.random.default_rng(count).bytes(3 * count)
    data = (b"\xff\xff\x7f\x00\x00\x80" + data)[: len(data)]
    found, right = np.full((2, count + 1), 7, np.float32)
    compiled(data, found[:count])
    sample_form._decode_24(data, right[:count])
    np.testing.assert_array_equal(found, right)
    through, form = np.empty((count, 1), np.float32), SampleForm(48_000, 1, "PCM_24", "LITTLE", 3)
    form.decode(data, through)
    np.testing.assert_array_equal(through[:, 0], right[:count])
    with pytest.raises(ValueError, match="samples of 24 bits"):
        compiled(data[1:], found[:count])
