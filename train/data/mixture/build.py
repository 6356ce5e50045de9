"""From a mixture to a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.frontend import UNUSABLE
from train.data.call_snr import call_snr_db
from train.data.dataset import DataError, Dataset, Spec
from train.data.features import compute
from train.data.mixture import laying, synthetic, windows
from train.data.mixture.mixture import LaidCalls, Mixture
from train.data.mixture.sources import Source, read_sources
from train.ocean.sound import RATE

BATCH = 512
"""Windows of sound in memory at once."""
LAID = "laid call"
LAID_OTHER = "laid other sound"
CLIPS = "clips"


@dataclass(frozen=True)
class _Windows:
    """Some windows of one kind."""

    features: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kind: str
    weight: float


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
        features, labels, weights and kinds; clips first, the rest in the mixture's order.

    Raises:
        DataError: a recording or a data set cannot be read, or was made by another front end.
    """
    rng = np.random.default_rng(mixture.seed)
    sources = read_sources(mixture, spec.sample_rate, channel, aside)
    parts = [_clips(open_clips(clips.data), clips.weight, spec) for clips in mixture.clips]
    parts += [_through(source, mixture, spec, rng) for source in sources]
    if mixture.laid.count:
        calls = _calls(sources, mixture.laid, spec, channel)
        parts.append(_laid(calls, sources, mixture, mixture.laid.count, 1, spec, rng))
    if mixture.laid.others:
        others = _others(sources, mixture.laid, spec, rng)
        parts.append(_laid(others, sources, mixture, mixture.laid.others, 0, spec, rng))
    made = ((1, mixture.laid.synthetic_calls, synthetic.calls), (0, mixture.laid.synthetic_others, synthetic.others))
    for label, count, make in made:
        if count:
            if spec.sample_rate != RATE:
                raise DataError(f"The synthetic ocean sounds at {RATE} Hz only.", "Lay none of its sounds.")
            parts.append(_laid(make(rng, count), sources, mixture, count, label, spec, rng))
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
        weights=np.repeat(np.array([part.weight for part in parts], np.float32), [len(p.labels) for p in parts]),
        kinds=tuple(part.kind for part in parts for _ in range(len(part.labels))),
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
    even = mixture.model_copy(update={"hop_s": hop_s})
    sources = read_sources(even, spec.sample_rate, channel, aside, only_aside=True)
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
        kinds=tuple(part.kind for part in parts for _ in range(len(part.labels))),
    )


def _clips(data: Dataset, weight: float, spec: Spec) -> _Windows:
    if data.features is None or data.frontend != spec:
        raise DataError(f"{data.name} has features of another front end than the mixture.", "Prepare it again.")
    return _Windows(data.features, data.labels, CLIPS, weight)


def _through(source: Source, mixture: Mixture, spec: Spec, rng: np.random.Generator | None) -> _Windows:
    length_s = spec.window / spec.sample_rate
    begins_s = windows.begins(source.recording.heard, length_s, source.hop_s, rng)
    labels = windows.labels(begins_s, length_s, source.calls, mixture.share)
    said = labels != windows.UNSAID
    begins_s, labels = begins_s[said], labels[said]
    features = _features(
        (
            windows.cut(source.sound, begins_s[at : at + BATCH], spec.window, spec.sample_rate)
            for at in range(0, len(begins_s), BATCH)
        ),
        spec,
    )
    return _usable(features, labels, source.kind, source.weight)


def _features(batches: Iterable[NDArray[np.float32]], spec: Spec) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    found = [compute(np.ascontiguousarray(batch), spec) for batch in batches]
    if not found:
        return np.zeros((0, *spec.shape), np.uint8), np.zeros(0, np.uint8)
    features, flags = zip(*found, strict=True)
    return np.concatenate(features), np.concatenate(flags)


def _usable(
    features: tuple[NDArray[np.uint8], NDArray[np.uint8]], labels: NDArray[np.uint8], kind: str, weight: float
) -> _Windows:
    """Windows without those in which there is no sound: the daemon does not ask the network about them either."""
    usable = (features[1] & np.uint8(UNUSABLE)) == 0
    return _Windows(features[0][usable], labels[usable], kind, weight)


def _calls(sources: Sequence[Source], laid: LaidCalls, spec: Spec, channel: int) -> list[NDArray[np.float32]]:
    """Calls that are loud enough, cut out."""
    found: list[NDArray[np.float32]] = []
    for source in sources:
        if not source.calls:
            continue
        spans_s = np.array(source.calls)
        snr_db = call_snr_db(source.recording.path, spans_s, laid.band_hz, spec.sample_rate, channel)
        found += [
            laying.cut_out(source.sound, begin_s, end_s, laid.band_hz, spec.sample_rate)
            for begin_s, end_s in spans_s[snr_db >= laid.least_snr_db].tolist()
        ]
    if not found:
        raise DataError("No call is loud enough to be laid.", "Lower laid.least_snr_db, or set laid.count to 0.")
    return found


def _others(
    sources: Sequence[Source], laid: LaidCalls, spec: Spec, rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Windows of sounds that are no call, one in each hop, cut out."""
    length_s, found = spec.window / spec.sample_rate, []
    for source in sources:
        if source.laid:
            begins_s = windows.begins(source.recording.heard, length_s, max(source.hop_s, 1.0), rng)
            found += [
                laying.cut_out(source.sound, begin_s, begin_s + length_s, laid.band_hz, spec.sample_rate)
                for begin_s in begins_s.tolist()
            ]
    if not found:
        raise DataError("No kind of quiet recordings is to be laid.", "Write `laid: true` at one, or laid.others: 0.")
    return found


def _laid(
    sounds: Sequence[NDArray[np.float32]],
    sources: Sequence[Source],
    mixture: Mixture,
    count: int,
    label: int,
    spec: Spec,
    rng: np.random.Generator,
) -> _Windows:
    """Windows without a call with one of the sounds laid into each; every source is drawn by its weight × its time."""
    laid, length_s = mixture.laid, spec.window / spec.sample_rate
    places = [(source, begins_s) for source in sources if len(begins_s := _free(source, length_s, mixture, rng))]
    if not places:
        raise DataError("There is no sound without a call to lay calls into.", "Add quiet recordings.")
    share = np.array([source.weight * len(begins_s) * source.hop_s for source, begins_s in places])

    def one() -> NDArray[np.float32]:
        source, begins_s = places[int(rng.choice(len(places), p=share / share.sum()))]
        window = windows.cut(source.sound, begins_s[[rng.integers(len(begins_s))]], spec.window, spec.sample_rate)[0]
        sound = laying.played(sounds[int(rng.integers(len(sounds)))], rng.uniform(*laid.speed), spec.sample_rate)
        at = laying.place(len(sound), spec.window, mixture.share, rng)
        return laying.lay(window, sound, rng.uniform(*laid.snr_db), laid.band_hz, spec.sample_rate, at)

    batches = (np.stack([one() for _ in range(min(BATCH, count - done))]) for done in range(0, count, BATCH))
    labels = np.full(count, label, np.uint8)
    return _usable(_features(batches, spec), labels, LAID if label else LAID_OTHER, laid.weight)


def _free(source: Source, length_s: float, mixture: Mixture, rng: np.random.Generator) -> NDArray[np.float64]:
    begins_s = windows.begins(source.recording.heard, length_s, source.hop_s, rng)
    free: NDArray[np.float64] = begins_s[windows.labels(begins_s, length_s, source.calls, mixture.share) == 0]
    return free
