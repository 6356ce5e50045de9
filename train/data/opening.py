"""From what a user writes on the command line to a data set: the kind is recognised by what is there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_daemon.model.frontend import LogMelSpec, StftSpec, WaveformSpec
from train.data.archive import read_archive
from train.data.challenge import is_challenge, read_challenge
from train.data.dataset import DataError, Dataset, Spec
from train.data.features import features_of, unusable_note
from train.data.label_table import read_label_table
from train.data.labelled_clips import read_labelled_folder, read_labelled_table
from train.data.listened import LISTENED
from train.data.mixture.build import build, held_out
from train.data.mixture.mixture import SUFFIXES as MIXTURES
from train.data.mixture.mixture import Mixture
from train.data.noise import PREFIX as NOISE
from train.data.noise import read_noise
from train.data.recordings import read_recordings
from train.data.selections import tables_in
from train.data.synthetic import PREFIX as SYNTHETIC
from train.data.synthetic import make_synthetic, parse_synthetic
from train.data.verdicts import is_verdicts, read_verdicts

DEFAULT_SPEC = LogMelSpec.model_validate({})
KINDS = (
    "A data set is a .npz archive of features, the challenge's folder or zip file (trainN.aiff and train.csv), a "
    "folder of clips in sub-folders call and noise or with a labels.csv, a folder of recordings with Raven selection "
    "tables, a CSV file of reviewers' verdicts, a YAML file that mixes such things, noise:FOLDER of recordings "
    "without calls, or synthetic:n=4000,seed=1,snr=-6..12"
)
FRONT_ENDS: dict[str, Spec] = {
    "logmel": DEFAULT_SPEC,
    "stft": StftSpec.model_validate({}),
    "waveform": WaveformSpec.model_validate({}),
}
"""Front ends by name, with their defaults: 50 × 101, 103 × 135 and 1 × 4000 for 2 s at 2 kHz."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may be said about a data set beyond its place.

    Args:
        seed: for windows that are drawn at random from recordings.
        call_words: labels, folder names or annotations that mean a call; None takes the usual words.
        negatives_per_call: for recordings: windows without a call for each with one.
        recordings: for verdicts: folder of the recordings; None is the table's own.
        channel: which channel of the sound files, from 0.
        aside: for mixtures: patterns of recordings of which nothing may come in.
    """

    seed: int = 0
    call_words: Collection[str] | None = None
    negatives_per_call: float = 2.0
    recordings: Path | None = None
    channel: int = 0
    aside: tuple[str, ...] = ()


def open_dataset(
    spec: str | Path,
    frontend: Spec | None = None,
    *,
    keep_audio: bool = True,
    cache: Path | None = None,
    options: Options | None = None,
) -> Dataset:
    """Opens a data set of any kind, with features.

    Args:
        spec: a path, `noise:PATH` or `synthetic…`; the kinds are listed in KINDS. A front end's name may follow after
            `#`: `synthetic:n=1000#waveform`.
        frontend: what to make features with; None takes an archive's own, for sound the 50 × 101 log-mel spectrogram.
            It also sets the sample rate and the length of the windows.
        keep_audio: False drops the samples once the features are made.
        cache: folder of cached features; None is the user's cache folder.
        options: labels, channel and the like.

    Returns:
        the data set, in order of time.

    Raises:
        DataError: nothing there, not understood, or features that another front end made.
    """
    text, frontend = _named(str(spec), frontend)
    if text.lower().endswith(".npz"):
        return _open_archive(_existing(text), frontend)
    wanted, chosen = frontend or DEFAULT_SPEC, options or Options()
    if text.lower().endswith(MIXTURES):

        def clips(named: str) -> Dataset:
            if _named(named, wanted)[0].lower().endswith(MIXTURES):
                raise DataError(f"{text} names {named} among its clips, which is a mixture, too.", "Write its parts.")
            return open_dataset(named, wanted, keep_audio=False, cache=cache, options=replace(chosen, aside=()))

        mixture = Mixture.read(_existing(text))
        return build(mixture, wanted, clips, channel=chosen.channel, aside=chosen.aside)
    if chosen.aside:
        raise DataError(f"{text} is no mixture: nothing of it can be kept aside.", "Keep windows of it with a split.")
    data = _read(text, wanted, chosen).in_order()
    if data.audio is None:
        return data
    features, flags = features_of(data.audio, wanted, cache)
    return replace(
        data,
        features=features,
        frontend=wanted,
        audio=data.audio if keep_audio else None,
        notes=data.notes + unusable_note(flags),
    )


def open_fold(
    spec: str | Path, number: int, *, frontend: Spec | None = None, hop_s: float = 0.5, channel: int = 0
) -> tuple[Dataset, Dataset]:
    """Opens a mixture without what one of its folds keeps aside, and that.

    Args:
        spec: the mixture's file; a front end's name may follow as in `open_dataset`.
        number: of the fold, from 0.
        frontend: as in `open_dataset`.
        hop_s: from window to window of the recordings that are kept aside.
        channel: which channel of the sound files, from 0.

    Returns:
        what to learn from, and the windows through the recordings that are kept aside.

    Raises:
        DataError: no mixture, no such fold, or as in `open_dataset`.
    """
    text, frontend = _named(str(spec), frontend)
    if not text.lower().endswith(MIXTURES):
        raise DataError(f"{text} has no folds of recordings.", "Only a mixture (a YAML file) has them.")
    mixture = Mixture.read(_existing(text))
    if not 0 <= number < len(mixture.folds):
        raise DataError(
            f"{text} has {len(mixture.folds)} folds, none is number {number}.",
            "Say under `folds` what each keeps aside.",
        )
    aside = mixture.folds[number]
    wanted = frontend or DEFAULT_SPEC
    learn = open_dataset(text, wanted, options=Options(channel=channel, aside=aside))
    return learn, held_out(mixture, wanted, aside, hop_s, channel)


def _named(spec: str, frontend: Spec | None) -> tuple[str, Spec | None]:
    """A data set without the front end that it names behind `#`, and that one, unless another is given."""
    text, _, named = spec.rpartition("#")
    return (text, frontend or FRONT_ENDS[named]) if named in FRONT_ENDS and text else (spec, frontend)


def _existing(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.exists():
        raise DataError(f"{path} does not exist.", KINDS + ".")
    return path


def _open_archive(path: Path, frontend: Spec | None) -> Dataset:
    data = read_archive(path)
    if frontend is not None and data.frontend != frontend:
        raise DataError(
            f"{path} contains features of another front end: {data.frontend}.",
            "Use a network for that front end, or make features from the audio with `python -m train prepare`.",
        )
    return data.in_order()


def _read(text: str, wanted: Spec, options: Options) -> Dataset:
    """Windows of sound with labels, from whatever `text` names."""
    if text == SYNTHETIC or text.startswith(SYNTHETIC + ":"):
        data = make_synthetic(parse_synthetic(text))
        if (wanted.sample_rate, wanted.window) != (data.sample_rate, 2 * data.sample_rate):
            raise DataError("The synthetic ocean has windows of 2 s at 2000 Hz.", "Choose a front end for that window.")
        return data
    samples, rate = wanted.window, wanted.sample_rate
    if text.startswith(NOISE):
        return read_noise(_existing(text.removeprefix(NOISE)), samples, rate, options.channel)
    path = _existing(text)
    if path.suffix.lower() == ".csv":
        return _read_table(path, samples, rate, options)
    if is_challenge(path):
        return read_challenge(path, samples, rate)
    if path.is_dir():
        return _read_folder(path, samples, rate, options)
    raise DataError(f"{path} is not a data set.", KINDS + ".")


def _read_table(path: Path, samples: int, rate: int, options: Options) -> Dataset:
    if is_verdicts(path):
        return read_verdicts(path, options.recordings, samples, rate, options.channel)
    return read_labelled_table(path, samples, rate, options.call_words, options.channel)


def _read_folder(path: Path, samples: int, rate: int, options: Options) -> Dataset:
    if tables_in(path):
        rng = np.random.default_rng(options.seed)
        return read_recordings(
            path, samples, rate, rng, options.negatives_per_call, options.call_words, options.channel
        )
    tables = [table for table in sorted(path.glob("*.csv")) if table.name != LISTENED and _is_label_table(table)]
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise DataError(f"{path} has several tables of labels: {names}.", "Give one of them instead of the folder.")
    if tables:
        return _read_table(tables[0], samples, rate, options)
    if not any(below.is_dir() for below in path.iterdir()):
        raise DataError(f"{path} contains nothing that marks calls.", KINDS + ".")
    return read_labelled_folder(path, samples, rate, options.call_words, options.channel)


def _is_label_table(path: Path) -> bool:
    try:
        return bool(read_label_table(path))
    except DataError:
        return False
