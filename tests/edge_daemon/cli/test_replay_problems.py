"""Recordings with something wrong, as users met them: all calls that are in them are found, and what is wrong is said.

The packaged sample has five calls, at about 4.75, 12.25, 20.25, 28.25 and 38.25 s.
"""

from __future__ import annotations

import csv
import json
import struct
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from edge_daemon.cli import invoke

pytestmark = pytest.mark.slow
SAMPLE = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))


def wav(path: Path, sound: bytes, said: int, rate: int = 2000) -> Path:
    """16-bit mono; the header says `said` bytes of sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + said) + b"WAVE" + form + b"data" + struct.pack("<I", said)
    path.write_bytes(head + sound)
    return path


@pytest.fixture(scope="module")
def calls() -> bytes:
    return bytes(soundfile.read(SAMPLE, dtype="int16")[0].tobytes())


def begins(output: Path) -> list[float]:
    lines = (output / "detections.jsonl").read_text().splitlines()
    return [json.loads(line)["begin_s"] for line in lines]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("said", "shown", "number", "kind"),
    [
        (80_000, 180_000, 5, "header"),  # flushed at 20 s
        (44, 90_000, 3, "header"),  # never filled in
        (0, 60_000, 2, "header"),
        (180_044, 180_000, 5, None),
        (0xFFFFFFFF - 36, 180_000, 5, None),
        (240_000, 180_000, 5, "cut_short"),
    ],
)
def test_what_is_in_the_file_is_heard(
    tmp_path: Path,
    calls: bytes,
    capsys: pytest.CaptureFixture[str],
    said: int,
    shown: int,
    number: int,
    kind: str | None,
) -> None:
    path = wav(tmp_path / "20230405_120000.wav", calls[:shown], said)
    words = ["replay", str(path), "--output", str(tmp_path / "out")]
    assert invoke(words) == 0
    printed = capsys.readouterr().out
    assert len(begins(tmp_path / "out")) == number
    assert f"0:00:{shown // 4000:02} of sound" in printed
    if kind is None:
        assert "with problems" not in printed
        assert not (tmp_path / "out" / "problems.csv").exists()
    else:
        (row,) = table(tmp_path / "out" / "problems.csv")
        assert (row["file"], row["kind"]) == (str(path), kind)
        assert float(row["read_s"]) == shown / 4000
        assert float(row["lost_s"]) == (15.0 if kind == "cut_short" else 0.0)
        assert (
            f"1 recording with problems{'; 15.0 s of sound could not be read' if kind == 'cut_short' else ''}:"
            in printed
        )
        assert row["problem"] in printed
    assert invoke([*words, "--strict"]) == (0 if kind is None else 1)


def test_a_damaged_byte_costs_two_seconds(tmp_path: Path, calls: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "20230405_120000.flac"
    soundfile.write(path, np.tile(np.frombuffer(calls, np.int16), 4), 2000)
    content = bytearray(path.read_bytes())
    content[len(content) // 4 + 20_000] ^= 0x55
    path.write_bytes(content)
    page = tmp_path / "page.html"
    pytest.importorskip("matplotlib")
    assert invoke(["replay", str(path), "--output", str(tmp_path / "out"), "--html", str(page)]) == 0
    (row,) = table(tmp_path / "out" / "problems.csv")
    assert row["kind"] == "damage"
    assert float(row["lost_s"]) == 2.048
    assert len(begins(tmp_path / "out")) >= 18
    assert max(begins(tmp_path / "out")) > 170  # in the last of the four
    assert "Not analysed: 2.0 s read_error." in capsys.readouterr().out
    assert "Recordings with problems" in page.read_text()
    assert "can't be read, in one place" in page.read_text()


def test_flac_of_unknown_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(SAMPLE.read_bytes())
    content[21] &= 0xF0
    content[22:42] = bytes(20)
    path = tmp_path / "20230405_120000.flac"
    path.write_bytes(content)
    pytest.importorskip("matplotlib")
    words = ["--strict", "--output", str(tmp_path / "out"), "--html", str(tmp_path / "page.html")]
    assert invoke(["replay", str(path), *words]) == 0
    assert len(begins(tmp_path / "out")) == 5
    assert "0:00:45 of sound" in capsys.readouterr().out


def test_clips_of_one_window_are_judged_by_it(tmp_path: Path, calls: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    sound = np.frombuffer(calls, np.int16)
    for index, centre in enumerate((5.6, 13.0, 20.7, 29.4, 38.9)):
        part = sound[round((centre - 1) * 2000) : round((centre + 1) * 2000)]
        soundfile.write(tmp_path / f"train{index}.aiff", part, 2000)
    soundfile.write(tmp_path / "quiet.aiff", sound[:4000] // 4, 2000)
    assert invoke(["replay", str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    assert begins(tmp_path / "out") == [0.75] * 5  # the window's cell
    assert "5 detections in 6 recordings" in capsys.readouterr().out


def test_a_rate_that_cannot_hold_the_calls_is_not_listened_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(1).standard_normal(4000) * 0.1
    soundfile.write(tmp_path / "slow.wav", noise, 400)
    soundfile.write(tmp_path / "good.wav", noise, 500)
    assert invoke(["replay", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "in 1 recording, 0:00:08 of sound" in printed
    assert "sample rate of 400 Hz, which holds sound up to 200 Hz; the calls lie at 50 to 250 Hz" in printed
    assert [row["file"] for row in table(tmp_path / "out" / "failures.csv")] == [str(tmp_path / "slow.wav")]


def test_a_resumed_run_knows_the_problems(tmp_path: Path, calls: bytes) -> None:
    sounds, output = tmp_path / "in", tmp_path / "out"
    wav(sounds / "20230405_120000.wav", calls, 80_000)
    (sounds / "broken.wav").write_bytes(b"nothing")  # keeps what is finished
    words = ["replay", str(sounds), "--output", str(output)]
    assert invoke(words) == 1
    first = (output / "problems.csv").read_bytes()
    (output / "problems.csv").unlink()
    assert [path.suffix for path in (output / ".replay").iterdir()] == [".json"]
    assert invoke(words) == 1
    assert (output / "problems.csv").read_bytes() == first
    wav(sounds / "20230405_120000.wav", calls, len(calls))
    (sounds / "broken.wav").unlink()
    assert invoke(words) == 0
    assert not (output / "problems.csv").exists()


def test_an_archive_as_field_people_have_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, flac = tmp_path / "tree", SAMPLE.read_bytes()
    for name in ("dep1/A_20230405_120000.flac", "backup/A_20230405_120000.flac", "vendor/5089.sud", "vendor/x.wac"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(flac)
    for name in ("other/dep2/B_20230406_120000.flac", "tree/.Trash-1000/C_20230404_120000.flac"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(flac)
    (tree / f"{'北' * 78}.flac").write_bytes(flac)
    for link, target in (("dep2_link", "../other/dep2"), ("dep1/loop", ".."), ("D.wav", "/nowhere/D.wav")):
        (tree / link).symlink_to(target)
    output = tmp_path / "out"
    assert invoke(["replay", str(tree), "--output", str(output)]) == 1
    printed = capsys.readouterr().out
    assert "15 detections in 3 recordings" in printed
    assert f"'{tree}/D.wav' is a link to '/nowhere/D.wav', which is not there." in printed
    assert "Left out as copies of others: 1 recording:" in printed
    assert "Not tried because of their ending: 2 files (.sud 1, .wac 1)." in printed
    assert "Left out: 1 folder with deleted files" in printed
    assert [row["kind"] for row in table(output / "problems.csv")] == ["copy"]
    (row,) = table(output / "names.csv")
    assert row["file"] == str(tree / f"{'北' * 78}.flac")
    assert len((output / f"{row['tables']}.selections.txt").read_text().splitlines()) == 6


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_lies_behind_four_gibibytes_is_heard(tmp_path: Path) -> None:
    """A call at the end of a file whose size has wrapped; with many channels, so that 4 GiB are minutes."""
    rate, channels, call_s = 250_000, 32, 4.0
    samples, own = soundfile.read(SAMPLE, dtype="float32")
    call = soxr.resample(samples[round(4 * own) : round((4 + call_s) * own)], own, rate)
    frames = (1 << 32) // (2 * channels)  # before the call
    said = 2 * channels * (frames + len(call)) & 0xFFFFFFFF
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    head = b"RIFF" + struct.pack("<I", 36 + said) + b"WAVE" + form + b"data" + struct.pack("<I", said)
    path = tmp_path / "20230405_120000.wav"
    with path.open("wb") as file:
        file.write(head)
        file.seek(len(head) + 2 * channels * frames)
        for part in np.array_split((call * 32_767).astype("<i2"), 16):
            block = np.zeros((len(part), channels), "<i2")
            block[:, 0] = part
            file.write(block.tobytes())
    assert path.stat().st_size > 1 << 32
    assert invoke(["replay", str(path), "--output", str(tmp_path / "out")]) == 0
    (begin,) = begins(tmp_path / "out")
    assert begin == pytest.approx(frames / rate + 0.75, abs=0.6)
    (row,) = table(tmp_path / "out" / "problems.csv")
    assert row["kind"] == "header"
    assert float(row["read_s"]) == pytest.approx((frames + len(call)) / rate, abs=0.01)


def test_a_header_unlike_its_neighbours_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number, rate in enumerate((2000, 2000, 4000, 2000), start=1):
        soundfile.write(folder / f"site{number}.au", np.full(8000, 0.1), rate, "PCM_16", format="AU")
    assert invoke(["replay", str(folder), "--output", str(output), "--strict"]) == 1
    assert "1 recording with problems:" in capsys.readouterr().out
    assert [(Path(row["file"]).name, row["kind"]) for row in table(output / "problems.csv")] == [("site3.au", "header")]
