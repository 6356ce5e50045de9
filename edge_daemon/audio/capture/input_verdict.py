"""Is what comes from the input the sound of a hydrophone? A verdict, with each reason in words.

A broken input looks like listening: samples come, windows are scored, nothing is found. Some faults show in the samples
themselves (`sound_statistics`): noise that fills the whole range because a byte is missing, a last bit that dithers
because the cable is off, tops that are cut. Others show only against what is usual at this site: a sea that is quiet
keeps the shape of its spectrum, a preamplifier without a hydrophone is quiet and white. And a wrong rate shows against
the clock (`rate_meter`).

A finding counts when it has lasted for two accounts of ten seconds, and is gone when two are without it. What is usual
is the median of the last day, in pieces of ten minutes, known after an hour; it is forgotten with a restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_daemon.audio.capture.input_state import InputVerdict
from edge_daemon.audio.capture.sound_statistics import FEW, SoundStatistics

CLIPPED = (0.05, 0.3)
"""Share of samples at full scale: from the first on doubtful, from the second on broken."""
CUT = 0.2
"""Share of samples at the edges of their range from which on their tops have been cut before the converter."""
OFFSET = (0.1, 0.5)
"""Mean of the samples, full scale 1."""
RATE_OFF = (0.01, 0.03)
"""Deviation of the rate."""
RATE_KNOWN_S = (40.0, 10.0)
"""Over how long it must have been measured to be sure of such a deviation, seconds."""
UNIFORM_DB = -4.8
"""Level of samples that are spread evenly over the whole range, dBFS."""
LOUD_DB = -12.0
"""Level from which on white noise is no sound, dBFS."""
FAR_TOO_LOUD_DB = 20.0
"""Samples so far above full scale are numbers of another kind, read as floating point, dBFS."""
NO_SOUND_DB = -110.0
"""Level below any converter's own noise, dBFS."""
FALLEN_DB = (30.0, 15.0)
"""How far the level has fallen below the usual one where that is no weather any more, and where white noise is left."""
WHITE, NOT_WHITE = 0.8, 0.5
"""Flatness of noise that no sea has made, and of what surely is another spectrum."""
_PIECE = 60  # accounts of ten seconds that make a piece of ten minutes
_PIECES = 144
_ENOUGH = 6


@dataclass(frozen=True, slots=True)
class InputFault:
    """One thing that is wrong.

    Attributes:
        key: its name, for machines.
        sentence: for people.
        broken: there is no use in listening; else it is doubtful only.
    """

    key: str
    sentence: str
    broken: bool = False


def verdict(findings: Sequence[InputFault], *, certain: bool = False, **figures: float | None) -> InputVerdict:
    """The verdict on these findings.

    Args:
        findings: most important first.
        certain: enough was heard to say that nothing is wrong.
        figures: of the document.
    """
    state = "ok" if certain else "unknown"
    if findings:
        state = "broken" if any(one.broken for one in findings) else "doubtful"
    told = {
        "state": state,
        "problem": bool(findings),
        "reason": "; ".join(one.sentence for one in findings),
        "reasons": {one.key: one.sentence for one in findings},
    }
    return InputVerdict.model_validate(told | figures)


class InputJudge:
    """Judges account after account; for one thread.

    Args:
        rate: that is configured, Hz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._before: dict[str, InputFault] = {}  # in the last account
        self._holding: dict[str, InputFault] = {}
        self._accounts = 0
        self._piece: list[tuple[float, float]] = []  # level and flatness
        self._usual: deque[tuple[float, float]] = deque(maxlen=_PIECES)

    def restart(self) -> None:
        """Another opening: what was found may have been mended; what is usual stays."""
        self._before, self._holding, self._accounts = {}, {}, 0

    def judge(
        self,
        sound: SoundStatistics,
        rate_hz: float | None,
        measured_s: float,
        known: Mapping[str, InputFault] | None = None,
    ) -> InputVerdict:
        """The verdict after one more account.

        Args:
            sound: the account.
            rate_hz: as measured; None where it could not be.
            measured_s: over how long.
            known: findings that come from elsewhere and hold at once.
        """
        usual = self._usual_sound()
        found = {one.key: one for one in self._find(sound, usual, rate_hz, measured_s)}
        self._holding = {
            key: found.get(key) or self._holding[key]
            for key in found.keys() | self._holding.keys()
            if (key in found) + (key in self._before) + (key in self._holding) >= 2
        }
        self._before = found
        self._accounts += 1
        if not found:
            self._remember(sound)
        holding = [*(known or {}).values(), *(self._holding[key] for key in sorted(self._holding))]
        return verdict(
            holding,
            certain=self._accounts > 1,
            level_dbfs=round(sound.level_db, 1),
            usual_level_dbfs=None if usual is None else round(usual[0], 1),
            peak_dbfs=round(sound.peak_db, 1),
            clipped_share=round(sound.clipped, 4),
            offset=round(sound.offset, 5),
            kurtosis=round(sound.kurtosis, 2),
            flatness=round(sound.flatness, 3),
            usual_flatness=None if usual is None else round(usual[1], 3),
            rate_hz=None if rate_hz is None else round(rate_hz, 1),
        )

    def _find(
        self, sound: SoundStatistics, usual: tuple[float, float] | None, rate_hz: float | None, measured_s: float
    ) -> Iterator[InputFault]:
        yield from _of_samples(sound)
        if usual is not None:
            yield from _against_usual(sound, *usual)
        off = 0.0 if rate_hz is None else abs(rate_hz / self._rate - 1.0)
        if any(off >= limit and measured_s >= needed for limit, needed in zip(RATE_OFF, RATE_KNOWN_S, strict=True)):
            sentence = f"sound comes at {rate_hz:.0f} Hz, but is read at {self._rate} Hz: is audio.rate right?"
            yield InputFault("rate", sentence, off >= RATE_OFF[1])

    def _usual_sound(self) -> tuple[float, float] | None:
        if len(self._usual) < _ENOUGH:
            return None
        levels, flatness = zip(*self._usual, strict=True)
        return _median(levels), _median(flatness)

    def _remember(self, sound: SoundStatistics) -> None:
        self._piece.append((sound.level_db, sound.flatness))
        if len(self._piece) == _PIECE:
            levels, flatness = zip(*self._piece, strict=True)
            self._usual.append((_median(levels), _median(flatness)))
            self._piece = []


def _median(values: Sequence[float]) -> float:
    """As `statistics.median`, which would load fractions and random numbers besides."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _of_samples(sound: SoundStatistics) -> Iterator[InputFault]:
    """What the samples show by themselves; a cause that explains others stands alone."""
    far_too_loud = sound.peak_db >= FAR_TOO_LOUD_DB
    if sound.clipped >= CLIPPED[0] and not far_too_loud:
        yield InputFault(
            "clipped",
            f"{100 * sound.clipped:.0f} % of the samples are at full scale: lower the gain",
            sound.clipped >= CLIPPED[1],
        )
    elif sound.values <= FEW:
        yield InputFault(
            "few_values",
            f"the samples take only {sound.values} values, at {sound.level_db:.0f} dBFS: "
            "is the hydrophone connected, and its preamplifier on?",
            broken=True,
        )
    elif far_too_loud or _like_bytes(sound):
        yield InputFault(
            "not_sound",
            "the samples look like random bytes, not sound: a byte too many in the pipe, or a wrong "
            "audio.sample_format?",
            broken=True,
        )
    elif sound.edges >= CUT:
        yield InputFault(
            "cut_off",
            f"{100 * sound.edges:.0f} % of the samples are cut off at {sound.peak_db:.0f} dBFS: lower the gain before "
            "the converter",
            broken=True,
        )
    elif sound.level_db < NO_SOUND_DB:
        yield InputFault(
            "no_sound", f"the level is {sound.level_db:.0f} dBFS, less than any converter's own noise", broken=True
        )
    if abs(sound.offset) >= OFFSET[0] and not far_too_loud:
        yield InputFault(
            "offset",
            f"the samples are off by {100 * sound.offset:.0f} % of full scale: is the preamplifier all right?",
            abs(sound.offset) >= OFFSET[1],
        )


def _like_bytes(sound: SoundStatistics) -> bool:
    """Numbers in another order, or of another kind, than the samples: they fill the whole range evenly."""
    uniform = abs(sound.level_db - UNIFORM_DB) < 1.5 and abs(sound.kurtosis - 1.8) < 0.15
    loud_and_white = sound.level_db >= LOUD_DB and sound.flatness >= WHITE
    return uniform or loud_and_white or sound.end_bytes >= 0.95


def _against_usual(sound: SoundStatistics, level_db: float, flatness: float) -> Iterator[InputFault]:
    """What tells a dead hydrophone from a quiet sea: a quiet sea keeps its colour."""
    fallen_db = level_db - sound.level_db
    if fallen_db >= FALLEN_DB[1] and sound.flatness >= WHITE and flatness <= NOT_WHITE:
        yield InputFault(
            "dead_hydrophone",
            f"the level is {fallen_db:.0f} dB below the usual one, and what is left is white noise: "
            "is the hydrophone dead?",
            broken=True,
        )
    elif fallen_db >= FALLEN_DB[0]:
        yield InputFault("quiet", f"the level is {fallen_db:.0f} dB below the usual one: is the gain another one?")
