"""From a mixture to a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataError, Dataset, Spec
from train.data.mixture import synthetic, windows
from train.data.mixture.batch import Batch, features
from train.data.mixture.laid import BATCH, clips_laid, loud_calls, quiet_sounds, sounds_laid
from train.data.mixture.mixture import Mixture
from train.data.mixture.sources import Source, read_sources
from train.ocean.sound import RATE

CLIPS = "clips"


def build(
    mixture: Mixture,
    spec: Spec,
    open_clips: Callable[[str], Dataset],
    *,
    channel: int = 0,
    aside: Sequence[str] = (),
) -> Dataset:
    """Make the data set of a mixture; the same mixture gives the same one.

    Args:
        mixture: what it is made of.
        spec: the front end.
        open_clips: opens the data set that `clips` names, with features.
        channel: which channel of sound files, from 0.
        aside: patterns of recordings (`folder/file`) of which nothing may come in. Clips are not asked: they say
            nothing about where they come from.

    Returns:
        features, labels, weights, kinds, kin; clips first, the rest in the mixture's order.

    Raises:
        DataError: a recording or a data set cannot be read, or was made by another front end.
    """
    laid = mixture.laid
    banded = laid.count or laid.others or laid.synthetic_calls or laid.synthetic_others
    if banded and laid.band_hz[1] >= spec.sample_rate / 2:
        raise DataError(
            f"{mixture.name}: laid.band_hz ends at {laid.band_hz[1]:g} Hz, above half the sample rate"
            f" ({spec.sample_rate} Hz).",
            "Choose a lower band.",
        )
    rng = np.random.default_rng(mixture.seed)
    notes: list[str] = []
    sources = read_sources(mixture, spec.sample_rate, channel, aside, report=notes.append)
    clips = [_clips(open_clips(clips.data), clips.weight, spec) for clips in mixture.clips]
    parts = [*clips]
    parts += [_through(source, mixture, spec, rng) for source in sources]
    if mixture.laid.count:
        calls = loud_calls(sources, mixture.laid, spec, channel)
        parts.append(sounds_laid(calls, sources, mixture, mixture.laid.count, 1, spec, rng))
    if mixture.laid.others:
        others = quiet_sounds(sources, mixture.laid, spec, rng)
        parts.append(sounds_laid(others, sources, mixture, mixture.laid.others, 0, spec, rng))
    made = ((1, mixture.laid.synthetic_calls, synthetic.calls), (0, mixture.laid.synthetic_others, synthetic.others))
    for label, count, make in made:
        if count:
            if spec.sample_rate != RATE:
                raise DataError(f"The synthetic ocean sounds at {RATE} Hz only.", "Lay none of its sounds.")
            parts.append(sounds_laid(make(rng, count), sources, mixture, count, label, spec, rng))
    if mixture.laid.clips:
        parts.append(clips_laid(clips, sources, mixture, spec, rng))
    labels = np.concatenate([part.labels for part in parts]) if parts else np.zeros(0, np.uint8)
    if not labels.any() or labels.all():
        raise DataError(f"{mixture.name} has no windows with, or none without, a call.", "Add recordings or clips.")
    count = len(labels)
    return Dataset(
        name=mixture.name,
        labels=labels,
        order=np.arange(count, dtype=np.int64),
        group=None,
        features=np.concatenate([part.features for part in parts]),
        audio=None,
        frontend=spec,
        sample_rate=spec.sample_rate,
        credit=mixture.credit,
        notes=tuple(notes),
        weights=np.repeat(np.array([part.weight for part in parts], np.float32), [len(p.labels) for p in parts]),
        kinds=tuple(part.kind for part in parts for _ in range(len(part.labels))),
        kin=_kin(parts),
    )


def held_out(mixture: Mixture, spec: Spec, aside: Sequence[str], hop_s: float, channel: int = 0) -> Dataset:
    """Windows through the recordings that are kept aside, as the daemon cuts them.

    Args:
        mixture: what it is made of.
        spec: the front end.
        aside: patterns of recordings.
        hop_s: from window to window.
        channel: which channel of sound files, from 0.

    Returns:
        features, labels, kinds, and the place of each recording among them as group; windows with a part of a call
        are left out.

    Raises:
        DataError: a recording cannot be read, or the windows are not of both kinds.
    """
    notes: list[str] = []
    even = mixture.model_copy(update={"hop_s": hop_s})
    sources = read_sources(even, spec.sample_rate, channel, aside, only_aside=True, report=notes.append)
    parts = [_through(replace(source, hop_s=hop_s), even, spec, None) for source in sources]
    labels = np.concatenate([part.labels for part in parts])
    if not labels.any() or labels.all():
        raise DataError(
            f"{', '.join(aside)}: no windows with, or none without, a call.", "Keep other recordings aside."
        )
    counts = [len(part.labels) for part in parts]
    return Dataset(
        name=mixture.name,
        labels=labels,
        order=np.arange(len(labels), dtype=np.int64),
        group=np.repeat(np.arange(len(parts)), counts),
        features=np.concatenate([part.features for part in parts]),
        audio=None,
        frontend=spec,
        sample_rate=spec.sample_rate,
        credit=mixture.credit,
        notes=tuple(notes),
        kinds=tuple(part.kind for part in parts for _ in range(len(part.labels))),
    )


def _kin(parts: Sequence[Batch]) -> NDArray[np.int64] | None:
    """Every window is its own kin, but one made of a clip is the clip's; clips come first, so that is its place."""
    if all(part.made_of is None for part in parts):
        return None
    own = np.split(np.arange(sum(len(p.labels) for p in parts)), np.cumsum([len(p.labels) for p in parts])[:-1])
    return np.concatenate([o if p.made_of is None else p.made_of for o, p in zip(own, parts, strict=True)])


def _clips(data: Dataset, weight: float, spec: Spec) -> Batch:
    if data.features is None or data.frontend != spec:
        raise DataError(f"{data.name} has features of another front end than the mixture.", "Prepare it again.")
    return Batch(data.features, data.labels, CLIPS, weight)


def _through(source: Source, mixture: Mixture, spec: Spec, rng: np.random.Generator | None) -> Batch:
    length_s = spec.window / spec.sample_rate
    begins_s = windows.begins(source.recording.heard, length_s, source.hop_s, rng)
    labels = windows.labels(begins_s, length_s, source.calls, mixture.share, source.recording.doubtful)
    said = labels != windows.UNSAID
    begins_s, labels = begins_s[said], labels[said]
    found, heard = features(
        (
            windows.cut(source.sound, begins_s[at : at + BATCH], spec.window, spec.sample_rate)
            for at in range(0, len(begins_s), BATCH)
        ),
        spec,
    )
    return Batch(found[heard], labels[heard], source.kind, source.weight)
