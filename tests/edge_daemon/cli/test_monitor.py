"""The monitor's texts, and its loop over sound from memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from edge_daemon.audio.source import Block, Gap
from edge_daemon.cli.monitor import monitor
from edge_daemon.cli.monitor_picture import (
    View,
    bar,
    brightness_range,
    character,
    clock,
    heading,
    hertz,
    judgement,
    level,
    line,
    panel,
    spectrogram,
    summary,
)
from edge_daemon.levels.input_meter import FLOOR_DB, Reading

RATE = 2000


class MemorySource:
    """A source that plays blocks and gaps in order."""

    def __init__(self, rate: int, items: Iterable[Block | Gap], name: str = "memory") -> None:
        self.rate, self.name = rate, name
        self._items = iter(items)

    def read(self) -> Block | Gap | None:
        """Next item, or None at the end."""
        return next(self._items, None)

    def close(self) -> None:
        """Drop what is left."""
        self._items = iter(())


def source(*amplitudes: float | None, hz: float = 250) -> MemorySource:
    """A second of a tone for each amplitude in blocks of 0.1 s; None: a second without device."""
    items: list[Block | Gap] = []
    for second, amplitude in enumerate(amplitudes):
        start = second * RATE
        if amplitude is None:
            items.append(Gap(start, RATE, "device_absent"))
            continue
        sound = (amplitude * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)
        items += [Block(sound[at : at + 200], start + at) for at in range(0, RATE, 200)]
    return MemorySource(RATE, items)


def plain(capsys: pytest.CaptureFixture[str], *amplitudes: float | None, view: View | None = None) -> list[str]:
    monitor(source(*amplitudes), view or View("card", 1000), seconds=None, plain=True, clip_level=0.999)
    return capsys.readouterr().out.splitlines()


def test_a_line_a_second_with_the_tones_levels(capsys: pytest.CaptureFixture[str]) -> None:
    lines = plain(capsys, 0.25, 0.5)
    assert lines[0] == "card; levels in dBFS; spectrum from 0 to 1 kHz"
    assert lines[1].split() == ["time", "peak", "rms", "0-1kHz", "clipped", "spectrum"]
    assert lines[2].split()[:5] == ["0:00:01", "-12.0", "-15.1", "-15.1", "0"]
    assert lines[3].strip() == "sound comes"
    assert lines[4].split()[:5] == ["0:00:02", "-6.0", "-9.0", "-9.0", "0"]
    assert lines[5] == "0:00:02: highest peak -6.0 dBFS, 0 samples clipped, nothing missing."
    assert max(map(len, lines)) <= 79


def test_the_strip_shows_the_tone_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    strip = plain(capsys, 0.25)[2].partition("|")[2]
    assert len(strip) == 25
    assert strip.index("@") in (5, 6)  # 250 Hz: the edge between the sixth and the seventh of 24 characters


def test_calibrated_levels_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    lines = plain(capsys, 0.25, view=View("card", 1000, full_scale_db=170.0))
    assert lines[1].split()[4:7] == ["dB", "re", "1uPa"]
    assert lines[2].split()[4] == "154.9"  # 170 − 15.05
    assert max(map(len, lines)) <= 79


def test_what_is_wrong_is_said_when_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    lines = plain(capsys, 0.0, 0.0, None, 2.0, 1e-6, 0.1)
    said = [text.strip() for text in lines if text.startswith(" " * 10)]
    assert [words.split(":")[0].split(" (")[0] for words in said] == [
        "dead input", "no sound", "clipping", "hardly any sound", "sound comes",
    ]  # fmt: skip
    # |sin| ≥ 0.999/2 is met by 6 of the 8 samples of a period
    assert lines[-1] == "0:00:06: highest peak 6.0 dBFS, 1500 samples clipped, 1.0 s missing."


def test_it_ends_in_time_and_says_whether_sound_came(capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor(source(*[0.1] * 9), View("card", 1000), seconds=2.5, plain=True, clip_level=1.0)
    lines = capsys.readouterr().out.splitlines()
    assert [text.split()[0] for text in lines if text.startswith(" 0:")] == ["0:00:01", "0:00:02", "0:00:02"]
    assert not monitor(source(0.0, None), View("card", 1000), seconds=None, plain=True, clip_level=1.0)
    assert capsys.readouterr().out.splitlines()[-1] == "0:00:02: no sound arrived."


def test_ctrl_c_ends_it_with_the_summary_and_gives_the_device_back(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(MemorySource):
        closed = False

        def read(self) -> Block | Gap | None:
            item = super().read()
            if item is None:
                raise KeyboardInterrupt
            return item

        def close(self) -> None:
            self.closed = True

    made = Interrupted(RATE, [Block(np.sin(np.arange(RATE), dtype=np.float32), 0)])
    assert monitor(made, View("card", 1000), seconds=None, plain=True, clip_level=2.0)
    assert made.closed
    assert capsys.readouterr().out.splitlines()[-1].startswith("0:00:01: highest peak -0.0 dBFS")


def test_the_panel_draws_to_any_console(capsys: pytest.CaptureFixture[str]) -> None:
    monitor(source(0.25, 0.25, 0.25), View("card", 1000), seconds=None, plain=False, clip_level=1.0)
    out = capsys.readouterr().out
    assert "rms   -15.1 dBFS" in out
    assert "sound comes" in out


def filled(full_scale_db: float | None = None) -> View:
    view = View("vmic, channel 1, 16000 Hz", 1000, full_scale_db)
    quiet = np.full(16, -80.0)
    tone = quiet.copy()
    tone[4] = -20.0
    view.add(Reading(2.0, 0.5, "overflow", -12.04, -15.05, -15.05), np.array([quiet] * 8 + [tone] * 8))
    return view


@pytest.mark.parametrize(("width", "rows"), [(79, 16), (79, 4), (40, 8), (150, 20)])
def test_the_panel_fits(width: int, rows: int) -> None:
    lines = panel(filled(170.0), width, rows)
    assert len(lines) == rows + 8
    assert max(map(len, lines)) <= width
    assert all(text.isascii() for text in lines)


def test_the_panel_says_it_all() -> None:
    lines = panel(filled(170.0))
    assert lines[0].split() == ["vmic,", "channel", "1,", "16000", "Hz", "0:00:02"]
    assert lines[1].split()[:3] == ["peak", "-12.0", "dBFS"]
    assert lines[2].split()[:3] == ["rms", "-15.1", "dBFS"]  # −15.05 is a hair below in binary
    assert lines[3].endswith("missing 0.5 s")
    assert lines[4].split() == ["154.9", "dB", "re", "1", "uPa", "rms,", "0-1", "kHz"]
    assert lines[-1] == "sound is missing (overflow)"
    assert "not calibrated" in panel(filled())[4]


def test_the_spectrogram_has_time_to_the_right_and_frequency_upwards() -> None:
    lines = spectrogram(filled(), 79, 16)
    assert len(lines) == 18
    assert [text[:7].strip() for text in lines[:17]] == [
        "1 kHz", "", "", "", "750 Hz", "", "", "", "500 Hz", "", "", "", "250 Hz", "", "", "", "0 Hz",
    ]  # fmt: skip
    # the fifth band from below, 250 to 312 Hz: eight quiet columns, eight loud ones, half a second without sound
    assert lines[11].endswith("@" * 8 + "????")
    assert lines[11][9:].count("@") == 8
    assert all("@" not in text for place, text in enumerate(lines[:16]) if place != 11)
    assert all(text.endswith("????") for text in lines[:16])
    assert "'.' -80  '@' -20 dBFS" in lines[17]


def test_brightness() -> None:
    assert brightness_range([]) == (FLOOR_DB, FLOOR_DB + 30)
    assert brightness_range([None, np.array([-90.0, -80.0, -70.0])]) == (-80.0, -50.0)  # 30 dB at least
    assert brightness_range([np.array([-200.0, -200.0, -20.0])]) == (-80.0, -20.0)  # 60 dB at most
    assert [character(db, -80, -20) for db in (-200, -80, -50, -20.001, -20, 0)] == [" ", " ", "+", "@", "@", "@"]


@pytest.mark.parametrize(
    ("reading", "grade", "words"),
    [
        (Reading(1.0, peak_db=-20, rms_db=-30), "good", "sound comes"),
        (Reading(0.0, 1.0, "stall"), "bad", "no sound (stall)"),
        (Reading(0.0), "bad", "no sound:"),
        (Reading(1.0, constant=True), "bad", "dead input"),
        (Reading(1.0, rms_db=-3, clipped=12), "bad", "clipping (12 samples)"),
        (Reading(1.0, rms_db=-95), "doubtful", "hardly any sound"),
        (Reading(1.0, rms_db=-30, offset=-0.2), "doubtful", "large offset (-0.20"),
        (Reading(1.0, 0.1, "overflow", rms_db=-30), "doubtful", "sound is missing (overflow)"),
    ],
)
def test_judgements(reading: Reading, grade: str, words: str) -> None:
    view = View("x", 1000, reading=reading)
    assert judgement(view)[0] == grade
    assert judgement(view)[1].startswith(words)


def test_small_texts() -> None:
    assert (bar(0, 10), bar(-48, 10), bar(-96, 4), bar(-200, 4), bar(6, 4)) == (
        "##########", "#####.....", "....", "....", "####",
    )  # fmt: skip
    assert (level(-12.04), level(FLOOR_DB), level(-1.0, "")) == ("-12.0 dBFS", "-inf dBFS", "-1.0")
    assert (hertz(1000), hertz(12_500), hertz(750)) == ("1 kHz", "12.5 kHz", "750 Hz")
    assert (clock(0), clock(3675.4)) == ("0:00:00", "1:01:15")
    assert heading(View("x", 500))[1].split()[3] == "0-500Hz"
    assert line(View("x", 500)).split() == ["0:00:00", "no", "sound"]
    assert summary(View("x", 500)) == "0:00:00: no sound arrived."
