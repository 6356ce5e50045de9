"""The sample inside the package is the one that its generator makes, sample for sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile as sf

from train.sample import ASSETS, CALLS, DURATION_S, LOOKALIKES, describe, make_sample, write_sample


def test_packaged_sample_is_what_the_generator_makes() -> None:
    samples, truth = make_sample()
    packaged, rate = sf.read(ASSETS / "sample.flac", dtype="int16")
    assert rate == 2000
    np.testing.assert_array_equal(packaged, samples)
    assert (ASSETS / "sample.json").read_text(encoding="utf-8") == describe(truth)


def test_packaged_sample_is_small_long_enough_and_not_clipped() -> None:
    info = sf.info(ASSETS / "sample.flac")
    assert (info.subtype, info.channels, info.frames) == ("PCM_16", 1, 90000)
    assert info.duration >= 30
    assert (ASSETS / "sample.flac").stat().st_size <= 500_000
    packaged, _ = sf.read(ASSETS / "sample.flac", dtype="int16")
    assert np.abs(packaged.astype(int)).max() < 30000


def test_document_lists_calls_in_order_and_within_the_sound() -> None:
    document = json.loads((ASSETS / "sample.json").read_text(encoding="utf-8"))
    begins = [call["begin_s"] for call in document["calls"]]
    assert begins == [begin for begin, _ in CALLS] == sorted(begins)
    assert [call["snr_db"] for call in document["calls"]] == [snr for _, snr in CALLS]
    for call in document["calls"]:
        assert 0.4 <= call["end_s"] - call["begin_s"] <= 1.4
        assert 50 <= call["low_hz"] < call["high_hz"] <= 250
        assert call["end_s"] < DURATION_S
        assert all(not begin - 1 < call["begin_s"] < begin + 2.2 for begin, _, _ in LOOKALIKES)


def test_both_files_are_written_and_no_part_is_left(tmp_path: Path) -> None:
    sound, text = write_sample(tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["sample.flac", "sample.json"]
    np.testing.assert_array_equal(sf.read(sound, dtype="int16")[0], sf.read(ASSETS / "sample.flac", dtype="int16")[0])
    assert text.read_bytes() == (ASSETS / "sample.json").read_bytes()
