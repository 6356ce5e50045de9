"""What `edge-daemon devices --monitor` shows, as text: pure functions of what was measured.

Two forms: a panel of bars and a spectrogram that fits 80 × 24 characters, and one line a second for serial lines, logs
and pipes. Both are made of ASCII characters, so that no terminal is too old for them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_daemon.levels.input_meter import FLOOR_DB, Reading

RAMP = " .:-=+*#%@"
"""Quiet to loud."""
MISSING = "?"
"""Stands where there was no sound."""
SPECTRA_PER_S = 8
WIDTH = 79
_BAR_FLOOR_DB = -96.0  # where a 16-bit converter ends
_QUIET_DB = -90.0
_LARGE_OFFSET = 0.1
_LEAST_RANGE_DB = 30.0  # of the spectrogram: less, and noise looks like something
_LARGEST_RANGE_DB = 60.0
_HISTORY = 400  # spectra

Judgement = Literal["good", "doubtful", "bad"]


@dataclass(slots=True)
class View:
    """What was measured so far.

    Attributes:
        title: device, rate, channel.
        top_hz: upper end of spectrum and band level, Hz.
        full_scale_db: dB re 1 µPa of a full-scale sample, or None: not calibrated.
        clock_s: time since the beginning, sound or not, s.
        missing_s: how much of that was missing, s.
        clipped: clipped samples.
        peak_db: highest peak, dBFS.
        reading: the last one.
        spectra: the newest ones, oldest first, an eighth of a second apart, dBFS; None for one that is missing.
        strip: spectrum of the last reading, dBFS.
        live: True once samples came that change.
    """

    title: str
    top_hz: int
    full_scale_db: float | None = None
    clock_s: float = 0.0
    missing_s: float = 0.0
    clipped: int = 0
    peak_db: float = FLOOR_DB
    reading: Reading = Reading(0.0)  # noqa: RUF009 frozen
    spectra: deque[NDArray[np.float64] | None] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    strip: NDArray[np.float64] | None = None
    live: bool = False

    def add(self, reading: Reading, spectra: NDArray[np.float64]) -> None:
        """Take in what the meter has read."""
        self.reading = reading
        self.clock_s += reading.sound_s + reading.missing_s
        self.missing_s += reading.missing_s
        self.clipped += reading.clipped
        self.peak_db = max(self.peak_db, reading.peak_db)
        self.spectra.extend(spectra)
        self.spectra.extend([None] * round(reading.missing_s * SPECTRA_PER_S))
        self.strip = 10 * np.log10(np.mean(10 ** (spectra / 10), axis=0)) if len(spectra) else None
        self.live = self.live or (reading.sound_s > 0 and not reading.constant)


def judgement(view: View) -> tuple[Judgement, str]:  # noqa: PLR0911 one for each thing that can be wrong
    """Whether this looks like a hydrophone at work, and what to do where it does not."""
    reading = view.reading
    if not reading.sound_s:
        why = f" ({reading.cause})" if reading.cause else ""
        return "bad", f"no sound{why}: is the device plugged in?"
    if reading.constant:
        return "bad", "dead input: the samples do not change; check cable, power and channel"
    if reading.clipped:
        return "bad", f"clipping ({reading.clipped} samples): turn the gain down"
    if reading.rms_db < _QUIET_DB:
        return "doubtful", "hardly any sound: are hydrophone and preamplifier connected and powered?"
    if abs(reading.offset) > _LARGE_OFFSET:
        return "doubtful", f"large offset ({reading.offset:+.2f} of full scale): check the preamplifier"
    if reading.missing_s:
        return "doubtful", f"sound is missing ({reading.cause})"
    return "good", "sound comes"


def panel(view: View, width: int = WIDTH, rows: int = 16) -> list[str]:
    """The whole picture, rows + 8 lines of at most `width` characters; the last line is the judgement."""
    reading = view.reading
    band = f"0-{hertz(view.top_hz)}"
    lines = [
        f"{view.title:<{width - 9}.{width - 9}}{clock(view.clock_s):>9}",
        _meter("peak", reading.peak_db, width, f"highest {level(view.peak_db)}"),
        _meter("rms", reading.rms_db, width, f"clipped {view.clipped}"),
        _meter(band, reading.band_db, width, f"missing {view.missing_s:.1f} s"),
        _pressure(view, band),
    ]
    lines += spectrogram(view, width, rows)
    lines.append(judgement(view)[1])
    return [line[:width].rstrip() for line in lines]


def spectrogram(view: View, width: int, rows: int) -> list[str]:
    """The newest spectra as characters: time from left to right, frequency upwards; then the axis and its labels."""
    margin = 9
    columns = width - margin
    newest = list(view.spectra)[-columns:]
    low, high = brightness_range(newest)
    lines = []
    for row in reversed(range(rows)):
        # a label on top and at every quarter
        label = hertz(round(view.top_hz * (row + 1) / rows)) if (row + 1) % max(1, rows // 4) == 0 else ""
        cells = "".join(
            MISSING if at_time is None else character(float(at_time[row * len(at_time) // rows]), low, high)
            for at_time in newest
        )
        lines.append(f"{label:>{margin - 2}} |{cells:>{columns}}")
    ago = f"-{columns / SPECTRA_PER_S:.0f} s"
    scale = f"'{RAMP[1]}' {low:.0f}  '{RAMP[-1]}' {high:.0f} dBFS" if low > FLOOR_DB else ""
    lines.append(f"{'0 Hz':>{margin - 2}} +{'-' * columns}")
    lines.append(f"{'':>{margin}}{ago:<6}{scale:^{columns - 12}}{'now':>6}")
    return lines


def heading(view: View) -> list[str]:
    """What stands above the lines of `line`."""
    band = f"0-{hertz(view.top_hz)}".replace(" ", "")
    pressure = "" if view.full_scale_db is None else f"{'dB re 1uPa':>11}"
    return [
        f"{view.title}; levels in dBFS; spectrum from 0 to {hertz(view.top_hz)}",
        f"{'time':>8}{'peak':>8}{'rms':>8}{band:>8}{pressure}{'clipped':>8}  spectrum",
    ]


def line(view: View) -> str:
    """The last reading on one line of at most 79 characters."""
    reading = view.reading
    start = f"{clock(view.clock_s):>8}"
    if not reading.sound_s:
        return f"{start}  no sound"
    pressure = "" if view.full_scale_db is None else f"{view.full_scale_db + reading.band_db:>11.1f}"
    levels = "".join(f"{level(db, ''):>8}" for db in (reading.peak_db, reading.rms_db, reading.band_db))
    low, high = brightness_range(list(view.spectra)[-240:])
    strip = "" if view.strip is None else "".join(character(float(db), low, high) for db in view.strip)
    return f"{start}{levels}{pressure}{reading.clipped:>8}  |{strip}|"


def summary(view: View) -> str:
    """One sentence when the watching ends."""
    if not view.live:
        return f"{clock(view.clock_s)}: no sound arrived."
    missing = f"{view.missing_s:.1f} s missing" if view.missing_s else "nothing missing"
    return f"{clock(view.clock_s)}: highest peak {level(view.peak_db)}, {view.clipped} samples clipped, {missing}."


def brightness_range(spectra: list[NDArray[np.float64] | None]) -> tuple[float, float]:
    """Levels of the quietest and the loudest character: from the median of what is shown to its maximum."""
    there = [spectrum for spectrum in spectra if spectrum is not None]
    if not there:
        return FLOOR_DB, FLOOR_DB + _LEAST_RANGE_DB
    shown = np.array(there)
    loudest = float(shown.max())
    low = max(float(np.median(shown)), loudest - _LARGEST_RANGE_DB)
    return low, max(low + _LEAST_RANGE_DB, loudest)


def character(db: float, low: float, high: float) -> str:
    """The character for a level, given those of the quietest and the loudest one."""
    place = int((db - low) / (high - low) * len(RAMP))
    return RAMP[min(max(place, 0), len(RAMP) - 1)]


def bar(db: float, width: int) -> str:
    """A bar from -96 to 0 dBFS."""
    share = min(max(1 - db / _BAR_FLOOR_DB, 0.0), 1.0)
    full = round(share * width)
    return "#" * full + "." * (width - full)


def level(db: float, unit: str = " dBFS") -> str:
    """A level for people; nothing at all is "-inf"."""
    return f"-inf{unit}" if db <= FLOOR_DB else f"{db:.1f}{unit}"


def hertz(frequency: int) -> str:
    """1000 → "1 kHz", 750 → "750 Hz"."""
    return f"{frequency / 1000:g} kHz" if frequency >= 1000 else f"{frequency} Hz"


def clock(seconds: float) -> str:
    """75 → "0:01:15"."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _meter(name: str, db: float, width: int, note: str) -> str:
    return f"{name:>8}  {level(db):>11}  {bar(db, max(8, width - 45))}  {note}"


def _pressure(view: View, band: str) -> str:
    """The level in the water, in the band that the model hears."""
    if view.full_scale_db is None:
        return "         not calibrated (--config FILE with `hydrophone`)"
    if view.reading.band_db <= FLOOR_DB:
        return ""
    return f"         {view.full_scale_db + view.reading.band_db:6.1f} dB re 1 uPa rms, {band}"
