"""The front ends against librosa's and scipy's definitions, and on sound that is no sound."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_daemon.model.frontend import FrontEnd, LogMelSpec, StftSpec, WaveformSpec, WindowFlag, inspect

SPECS = [StftSpec(), LogMelSpec(), WaveformSpec()]


def noise(seed: int, level: float = 0.01, n: int = 4000) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(n) * level).astype(np.float32)


def chirp() -> np.ndarray:
    t = np.arange(4000) / 2000
    return (0.1 * np.sin(2 * np.pi * (80 * t + 30 * t**2)) + noise(3)).astype(np.float32)


def test_shapes_for_two_seconds_at_two_kilohertz() -> None:
    assert [spec.shape for spec in SPECS] == [(103, 135), (50, 101), (1, 4000)]


@pytest.mark.slow
@pytest.mark.timeout(600)  # whoever imports librosa first compiles it
@pytest.mark.parametrize("samples", [noise(1), noise(2, 1e-5), chirp()], ids=["noise", "faint", "chirp"])
def test_logmel_is_librosas_definition(samples: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa's own dependencies deprecate each other
        import librosa

        power = librosa.feature.melspectrogram(
            y=samples.astype(np.float64), sr=2000, n_fft=200, hop_length=40, n_mels=50, fmin=0, fmax=500,
            window="hann", center=True, pad_mode="constant", power=2.0, htk=False, norm="slaney",
        )  # fmt: skip
        # amin far below the faint case's power: its default is an absolute level, and ours has none
        level = librosa.power_to_db(power, ref=np.max, amin=1e-30, top_db=80)
    expected = np.rint((level - level.min()) / (level.max() - level.min()) * 255).astype(int)
    found = FrontEnd(LogMelSpec())(samples).astype(int)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.001


@pytest.mark.parametrize("samples", [noise(1), noise(2, 1e-5), chirp()], ids=["noise", "faint", "chirp"])
def test_stft_is_scipys(samples: np.ndarray) -> None:
    from scipy.signal import ShortTimeFFT, get_window

    transform = ShortTimeFFT(get_window("hamming", 512), hop=26, fs=2000, fft_mode="onesided")
    # k_offset moves the centre of frame p from sample 26·p to 26·p + 256, so that it begins at 26·p as ours does
    spectrum = np.abs(transform.stft(samples.astype(np.float64), p0=0, p1=135, k_offset=256))
    level = 20 * np.log10(spectrum[:103])
    expected = np.rint((level - level.min()) / (level.max() - level.min()) * 255).astype(int)
    found = FrontEnd(StftSpec())(samples).astype(int)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.001


def test_waveform_is_scaled_by_its_own_extremes() -> None:
    spec = WaveformSpec(sample_rate=2000, window=16)
    samples = np.linspace(-0.2, 0.4, 16, dtype=np.float32)
    # sample i lies at i/15 of the range: 17·i of 255
    assert FrontEnd(spec)(samples).tolist() == [[17 * i for i in range(16)]]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_level_does_not_matter(spec: StftSpec | LogMelSpec | WaveformSpec) -> None:
    front_end, samples = FrontEnd(spec), chirp()
    quiet = front_end((samples * np.float32(2.0**-40)).astype(np.float32))
    assert (front_end(samples) == quiet).all()
    assert quiet.min() == 0
    assert quiet.max() == 255


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize(
    ("samples", "flags"),
    [
        (np.zeros(4000), WindowFlag.SILENT | WindowFlag.CONSTANT),
        (np.full(4000, 0.25), WindowFlag.CONSTANT),
        (np.where(np.arange(4000) == 7, np.nan, 0.1), WindowFlag.NON_FINITE),
        (np.where(np.arange(4000) == 7, np.inf, noise(0)), WindowFlag.NON_FINITE),
        (np.full(4000, -np.inf), WindowFlag.NON_FINITE),
    ],
    ids=["silence", "constant", "nan", "inf", "all-inf"],
)
def test_what_is_no_sound_gives_zeros_and_a_flag(
    spec: StftSpec | LogMelSpec | WaveformSpec, samples: np.ndarray, flags: WindowFlag
) -> None:
    features, found = FrontEnd(spec).batch(np.stack([samples, noise(1)]).astype(np.float32))
    assert features[0].max() == 0
    assert found.tolist() == [int(flags), 0]
    assert (features[1] == FrontEnd(spec)(noise(1))).all()  # a neighbour is not harmed


def test_clipping_is_flagged_and_still_used() -> None:
    samples = noise(1)
    samples[:4] = 1.0
    features, flags = FrontEnd(LogMelSpec()).batch(samples[None])
    assert flags[0] == WindowFlag.CLIPPED
    assert features.max() == 255
    samples[3] = 0.0  # three in 4,000 are less than one in a thousand
    assert inspect(samples[None])[0] == 0


def test_short_input_is_completed_with_zeros() -> None:
    short = chirp()[:3000]
    features, flags = FrontEnd(LogMelSpec()).batch(short[None])
    assert flags[0] == WindowFlag.SHORT
    assert (features[0] == FrontEnd(LogMelSpec())(np.pad(short, (0, 1000)))).all()
    assert (FrontEnd(LogMelSpec())(short) == features[0]).all()


@pytest.mark.parametrize("shape", [(4001,), (2, 4000)])
def test_too_much_input_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="4000 samples"):
        FrontEnd(LogMelSpec())(np.zeros(shape, np.float32))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_a_window_does_not_depend_on_its_batch(spec: StftSpec | LogMelSpec | WaveformSpec) -> None:
    windows = np.stack([noise(i, 10.0**-i) for i in range(7)])
    front_end = FrontEnd(spec)
    together, _ = front_end.batch(windows)
    for i, window in enumerate(windows):
        assert (front_end(window) == together[i]).all()


@settings(max_examples=60)
@given(
    hnp.arrays(
        np.float32,
        4000,
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
        fill=st.floats(-1, 1, width=32),
    )
)
def test_any_samples_give_a_defined_result(samples: np.ndarray) -> None:
    for spec in SPECS:
        features, flags = FrontEnd(spec).batch(samples[None])
        assert features.shape == (1, *spec.shape)
        usable = not flags[0] & (WindowFlag.CONSTANT | WindowFlag.NON_FINITE)
        assert features.max() in ((255, 0) if usable else (0,))


def test_mel_bands_are_slaneys() -> None:
    spec = LogMelSpec()
    # below 1 kHz the scale is linear: 52 points from 0 to 500 Hz
    np.testing.assert_allclose(spec.mel_points_hz(), np.linspace(0, 500, 52), atol=1e-9)
    weights = spec.mel_weights()
    # band 0 is a triangle 0–9.80–19.61 Hz of height 2/19.61; the bin at 10 Hz lies 0.98 of the way down
    top = 500 / 51
    assert weights[0, 1] == pytest.approx((2 * top - 10) / top * 2 / (2 * top))
    edges = spec.band_edges_hz()
    assert edges[0] == pytest.approx([top / 2, top * 3 / 2])


def test_spec_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="longer than the window"):
        StftSpec(n_fft=8192)
    with pytest.raises(ValueError, match="half the sample rate"):
        LogMelSpec(high_hz=1200)
    with pytest.raises(ValueError, match="not above"):
        LogMelSpec(low_hz=500, high_hz=400)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize("shift", [26 * 40, 1000, 1001, 40, 3990])
def test_what_windows_have_in_common_changes_nothing(spec: StftSpec | LogMelSpec | WaveformSpec, shift: int) -> None:
    rng = np.random.default_rng(shift)
    samples = np.concatenate([noise(5, n=9000), chirp(), np.zeros(3000, np.float32), noise(6, 3.0, n=8000)])
    samples[20_500] = np.nan
    starts = [*range(0, len(samples) - 4000, shift)][:24]
    starts += [start + 17 for start in starts[:6]]  # as behind a gap: another grid
    starts += [0, 0, shift, 3 * shift]
    starts[5] = 20_000  # where a sample is no number
    windows = np.stack([samples[start : start + 4000] for start in starts])
    filled_up = windows[8].copy()
    filled_up[2000:] = filled_up[2000:0:-1]
    windows = np.concatenate((windows[:9], filled_up[None], windows[9:]))
    alone = [FrontEnd(spec).batch(window[None]) for window in windows]
    front_end, done = FrontEnd(spec, shift=shift), 0
    while done < len(windows):
        count = int(rng.integers(1, 9))
        features, flags = front_end.batch(windows[done : done + count])
        for own, own_flags in alone[done : done + count]:
            assert np.array_equal(features[0], own[0])
            assert flags[0] == own_flags[0]
            features, flags = features[1:], flags[1:]
        done += count
    assert sum(bool(flags[0] & 4) for _, flags in alone) > 0
