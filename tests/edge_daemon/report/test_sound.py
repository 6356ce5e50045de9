"""What the report shows and plays of a sound: excerpts, spectrograms, pictures, clips."""

from __future__ import annotations

import base64
import builtins
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from edge_daemon.clips.playing_rate import playing_rate
from edge_daemon.errors import AudioError, UsageError
from edge_daemon.report.clip import above, encode, playing_speed
from edge_daemon.report.entry import Entry, Listened, ScoreCurve
from edge_daemon.report.excerpt import SoundExcerpt, read_excerpt
from edge_daemon.report.media import MediaMaker
from edge_daemon.report.picture import HEIGHT, WIDTH, Painter, require_matplotlib
from edge_daemon.report.spectrogram import Spectrogram, frame_length, spectrogram

RATE = 2000


def tone(hertz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """10 s, two channels; a sample's value is its number / 20,000, on the second channel negative."""
    numbers = np.arange(20_000, dtype=np.float32) / 20_000
    soundfile.write(tmp_path / "ramp.wav", np.stack([numbers, -numbers], axis=1), RATE, subtype="FLOAT")
    return tmp_path / "ramp.wav"


@pytest.mark.parametrize(
    ("begin", "end", "first", "count"),
    [(2.0, 3.0, 4000, 2000), (-1.0, 0.5, 0, 1000), (9.5, 12.0, 19_000, 1000), (0.0, 99.0, 0, 20_000)],
)
def test_an_excerpt_is_the_part_that_is_there(ramp: Path, begin: float, end: float, first: int, count: int) -> None:
    excerpt = read_excerpt(ramp, begin, end, RATE, channel=1)
    assert excerpt.begin_s == first / RATE
    assert excerpt.end_s == pytest.approx((first + count) / RATE)
    np.testing.assert_array_equal(excerpt.samples, -np.arange(first, first + count, dtype=np.float32) / 20_000)


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
def test_an_excerpt_of_another_rate_is_not_moved(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "tone.flac", tone(150, 6, rate), rate)
    excerpt = read_excerpt(tmp_path / "tone.flac", 2.0, 4.0, RATE)
    assert excerpt.begin_s == pytest.approx(2.0, abs=0.5 / RATE)
    assert len(excerpt.samples) == 4000
    # half a sample of 2 kHz off would be an error of 0.5 · 2π · 150 · 0.25 ms = 0.12
    expected = 0.5 * np.sin(2 * np.pi * 150 * (excerpt.begin_s + np.arange(4000) / RATE))
    assert np.abs(excerpt.samples - expected).max() < 0.02


def test_what_is_not_finite_is_silence_in_an_excerpt(tmp_path: Path) -> None:
    samples = tone(100, 2)
    samples[100:200] = np.nan
    samples[300] = np.inf
    soundfile.write(tmp_path / "odd.wav", samples, RATE, subtype="FLOAT")
    excerpt = read_excerpt(tmp_path / "odd.wav", 0, 2, RATE)
    assert np.isfinite(excerpt.samples).all()
    assert not excerpt.samples[100:200].any()


@pytest.mark.parametrize("kind", ["gone", "no sound", "past the end", "no such channel"])
def test_a_recording_that_cannot_be_read_again(ramp: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    path = {"gone": tmp_path / "gone.wav", "no sound": tmp_path / "text.wav"}.get(kind, ramp)
    begin = 11.0 if kind == "past the end" else 1.0
    with pytest.raises(AudioError, match=path.name):
        read_excerpt(path, begin, begin + 1, RATE, channel=5 if kind == "no such channel" else 0)


@pytest.mark.parametrize("rate", [2000, 8000])
def test_an_excerpt_goes_on_in_the_recording_that_follows(tmp_path: Path, rate: int) -> None:
    whole = tone(150, 8, rate)
    first, second = tmp_path / "1.flac", tmp_path / "2.flac"
    soundfile.write(first, whole[: 5 * rate], rate)
    soundfile.write(second, whole[5 * rate :], rate)
    excerpt = read_excerpt(first, 4.0, 6.5, RATE, followed_by=second)
    assert (excerpt.begin_s, excerpt.end_s) == (4.0, 6.5)
    expected = 0.5 * np.sin(2 * np.pi * 150 * (4.0 + np.arange(5000) / RATE))
    assert np.abs(excerpt.samples - expected).max() < 0.02
    assert read_excerpt(first, 4.0, 6.5, RATE, followed_by=tmp_path / "gone.flac").end_s == 5.0
    assert read_excerpt(first, 4.0, 99.0, RATE, followed_by=second).end_s == pytest.approx(8.0)


def test_a_part_of_an_excerpt() -> None:
    excerpt = SoundExcerpt(np.arange(100, dtype=np.float32), 10, 5.0)
    part = excerpt.part(7.0, 8.0)
    assert part.begin_s == 7.0
    np.testing.assert_array_equal(part.samples, np.arange(20, 30))
    assert excerpt.part(0.0, 6.0).begin_s == 5.0
    with pytest.raises(AudioError):
        excerpt.part(16.0, 17.0)


@pytest.mark.parametrize(
    ("rate", "band", "samples"),
    # 2000 · 50 / 200 = 500 → 512; 32000 · 50 / 8000 = 200 → 256 (nearer in octaves); bounds
    [(2000, (50, 250), 512), (32000, (2000, 10000), 256), (200, (10, 100), 128), (192000, (10, 12), 16384)],
)
def test_frame_length(rate: int, band: tuple[float, float], samples: int) -> None:
    assert frame_length(rate, band) == samples


def test_a_full_scale_sine_is_0_db_at_its_frequency() -> None:
    made = spectrogram(tone(125, 4, level=1.0), RATE, 512, 200)
    assert made.band_hz == RATE / 512
    assert made.frame_s == 8000 // 200 / RATE
    assert made.level_db.shape == (257, 201)
    middle = made.level_db[:, 100]
    assert int(middle.argmax()) == 32  # 125 Hz / 3.90625 Hz
    assert middle.max() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("samples", [1, 5, 256, 600])
def test_short_sound_has_a_spectrogram(samples: int) -> None:
    made = spectrogram(np.full(samples, 0.1, np.float32), RATE, 512, 100)
    assert np.isfinite(made.level_db).all()


def pixels(picture: bytes) -> np.ndarray:
    """Brightness, row 0 at the bottom, uint8 [height, width]."""
    image = Image.open(io.BytesIO(picture))
    assert image.format == "WEBP"
    return np.asarray(image.convert("L"))[::-1]


def test_a_picture_shows_sound_where_it_is() -> None:
    level = np.full((101, 61), -60, np.float32)  # 10 Hz a band, 0.1 s a frame
    level[30, 20:31] = 0  # 300 Hz, 2 s to 3 s
    painter = Painter(500)
    seen = pixels(painter.draw(Spectrogram(level, 10.0, 0.1), 1.0, 5.0))
    assert seen.shape == (HEIGHT, WIDTH)
    rows, columns = np.nonzero(seen > 150)
    # 300 of 500 Hz; (2 … 3 s - 1 s) of 4 s; half a frame on either side, and a pixel or two of smoothing
    assert rows.mean() == pytest.approx(0.6 * HEIGHT, abs=2)
    assert columns.min() == pytest.approx(0.25 * WIDTH, abs=8)
    assert columns.max() == pytest.approx(0.50 * WIDTH, abs=8)
    assert seen[:100].max() < 60
    # the same canvas again, another sound: nothing of the first is left
    again = pixels(painter.draw(Spectrogram(level[::-1].copy(), 10.0, 0.1), 1.0, 5.0))
    assert again[110:130].max() < 60


def test_without_matplotlib_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'edge-daemon\[report\]'"):
        require_matplotlib()


@pytest.mark.parametrize(
    ("rate", "playing"), [(2000, 8000), (8000, 8000), (8001, 11025), (32000, 32000), (96000, 48000)]
)
def test_playing_rate(rate: int, playing: int) -> None:
    assert playing_rate(rate) == playing


@pytest.mark.parametrize(("low", "speed"), [(20, 4), (50, 4), (99, 4), (100, 2), (199, 2), (200, 1), (2000, 1)])
def test_playing_speed(low: float, speed: int) -> None:
    assert playing_speed(low) == speed


def test_a_clip_is_flac_that_browsers_play() -> None:
    sound = tone(150, 3, level=0.003) + 0.5 * tone(5, 3)  # a faint call over the swell
    played, rate = soundfile.read(io.BytesIO(encode(sound, RATE, 25.0)))
    info = soundfile.info(io.BytesIO(encode(sound, RATE, 25.0)))
    assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_16", 1)
    assert (rate, len(played)) == (8000, 24_000)
    assert np.abs(played).max() == pytest.approx(0.9, abs=0.01)
    spectrum = np.abs(np.fft.rfft(played))
    assert int(spectrum.argmax()) == 3 * 150
    assert spectrum[: 3 * 15].max() < 0.01 * spectrum.max()


def test_silence_stays_silence() -> None:
    played, _ = soundfile.read(io.BytesIO(encode(np.zeros(4000, np.float32), RATE, 25.0)))
    assert not played.any()


def test_above_keeps_what_lies_above() -> None:
    sound = tone(150, 2)
    np.testing.assert_allclose(above(sound, RATE, 25.0), sound, atol=1e-6)
    assert np.abs(above(tone(10, 2), RATE, 25.0)).max() < 1e-6


def entry(begin_s: float, end_s: float, curve: ScoreCurve | None = None) -> Entry:
    return Entry("id", 0, begin_s, end_s, 0.9, 0.8, 3, 100.0, 200.0, curve=curve)


def test_media_of_a_detection(ramp: Path) -> None:
    curve = ScoreCurve(np.array([1.5, 2.0]), np.array([0.1, 0.98768], np.float32), 0.5)
    maker = MediaMaker(RATE, 0, (50.0, 250.0))
    assert maker.top_hz == 500
    media = maker.make(entry(2.0, 3.0, curve), Listened(ramp, "ramp.wav", None, 10.0))
    assert (media["begin"], media["end"]) == (0.5, 4.5)  # 1.5 s before and after
    assert (media["cell"], media["cells"], media["scores"]) == (0.5, [1.5, 2.0], [0.1, 0.9877])
    assert pixels(base64.b64decode(media["picture"])).shape == (HEIGHT, WIDTH)
    assert soundfile.info(io.BytesIO(base64.b64decode(media["sound"]))).duration == pytest.approx(4.0)


def test_media_at_the_edges_and_of_long_events(ramp: Path, tmp_path: Path) -> None:
    maker, listened = MediaMaker(RATE, 0, (50.0, 250.0)), Listened(ramp, "ramp.wav", None, 10.0)
    first, last = maker.make(entry(0.0, 1.0), listened), maker.make(entry(9.0, 10.0), listened)
    assert (first["begin"], first["end"]) == (0.0, 2.5)
    assert (last["begin"], last["end"]) == (7.5, 10.0)
    soundfile.write(tmp_path / "long.wav", tone(100, 60), RATE)
    long = maker.make(entry(10.0, 50.0), Listened(tmp_path / "long.wav", "long.wav", None, 60.0))
    assert (long["begin"], long["end"]) == (8.5, 23.5)


def test_media_of_a_recording_that_is_gone(tmp_path: Path) -> None:
    media = MediaMaker(RATE, 0, (50.0, 250.0)).make(entry(2, 3), Listened(tmp_path / "gone.wav", "g", None, 10.0))
    assert "gone.wav" in media["problem"]
    assert "cannot be read again" in media["problem"]
    assert "picture" not in media
