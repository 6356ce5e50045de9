"""Windows without a call with something laid into each: a call, another sound, the picture of a clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.frontend import LogMelSpec
from train.data.call_snr import call_snr_db
from train.data.dataset import DataError, Spec
from train.data.mixture import laying, pictures, windows
from train.data.mixture.batch import Batch, features
from train.data.mixture.mixture import LaidCalls, Mixture
from train.data.mixture.sources import Source

BATCH = 512
"""Windows of sound in memory at once."""
LAID = "laid call"
LAID_OTHER = "laid other sound"
LAID_CLIP = "laid clip"
CLIP_SHIFT = 20
"""Frames by which the picture of a clip is moved at most: a call in its middle stays in the window."""


def loud_calls(sources: Sequence[Source], laid: LaidCalls, spec: Spec, channel: int) -> list[NDArray[np.float32]]:
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


def quiet_sounds(
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


def sounds_laid(
    sounds: Sequence[NDArray[np.float32]],
    sources: Sequence[Source],
    mixture: Mixture,
    count: int,
    label: int,
    spec: Spec,
    rng: np.random.Generator,
) -> Batch:
    """Windows without a call with one of the sounds laid into each; every source is drawn by its weight × its time."""
    laid, draw = mixture.laid, _sea(sources, mixture, spec, rng)

    def one() -> NDArray[np.float32]:
        window = draw()
        sound = laying.played(sounds[int(rng.integers(len(sounds)))], rng.uniform(*laid.speed), spec.sample_rate)
        at = laying.place(len(sound), spec.window, mixture.share, rng)
        return laying.lay(window, sound, rng.uniform(*laid.snr_db), laid.band_hz, spec.sample_rate, at)

    batches = (np.stack([one() for _ in range(min(BATCH, count - done))]) for done in range(0, count, BATCH))
    labels = np.full(count, label, np.uint8)
    made, heard = features(batches, spec)
    return Batch(made[heard], labels[heard], LAID if label else LAID_OTHER, laid.weight)


def clips_laid(
    clips: Sequence[Batch], sources: Sequence[Source], mixture: Mixture, spec: Spec, rng: np.random.Generator
) -> Batch:
    """Pictures of clips laid into windows without a call, as many with a call as without.

    Raises:
        DataError: there are no clips, none with or none without a call, or the front end makes other pictures.
    """
    if not clips or not isinstance(spec, LogMelSpec):
        raise DataError("There are no clips of log-mel pictures to be laid.", "Add clips, or set laid.clips to 0.")
    laid, draw = mixture.laid, _sea(sources, mixture, spec, rng)
    shown = np.concatenate([batch.features for batch in clips])
    of_kind = [np.flatnonzero(np.concatenate([batch.labels for batch in clips]) == label) for label in (0, 1)]
    if not all(map(len, of_kind)):
        raise DataError("The clips that are to be laid are all of one kind.", "Add others, or set laid.clips to 0.")
    labels = (np.arange(laid.clips) % 2).astype(np.uint8)
    made, made_of, usable = [], [], []
    for at in range(0, laid.clips, BATCH):
        chosen = np.array([rng.choice(of_kind[label]) for label in labels[at : at + BATCH]], np.int64)
        seas, heard = features([np.stack([draw() for _ in chosen])], spec)
        ratio_db = rng.uniform(*laid.clips_db, len(chosen))
        shift = rng.integers(-CLIP_SHIFT, CLIP_SHIFT + 1, len(chosen))
        made.append(pictures.lay(shown[chosen], seas, ratio_db, shift, spec, rng)[heard])
        made_of.append(chosen[heard])
        usable.append(heard)
    return Batch(np.concatenate(made), labels[np.concatenate(usable)], LAID_CLIP, laid.weight, np.concatenate(made_of))


def _sea(
    sources: Sequence[Source], mixture: Mixture, spec: Spec, rng: np.random.Generator
) -> Callable[[], NDArray[np.float32]]:
    """Draws windows without a call; every source is drawn by its weight × its time."""
    length_s = spec.window / spec.sample_rate
    places = [(source, begins_s) for source in sources if len(begins_s := _free(source, length_s, mixture, rng))]
    if not places:
        raise DataError("There is no sound without a call to lay calls into.", "Add quiet recordings.")
    share = np.array([source.weight * len(begins_s) * source.hop_s for source, begins_s in places])

    def draw() -> NDArray[np.float32]:
        source, begins_s = places[int(rng.choice(len(places), p=share / share.sum()))]
        found: NDArray[np.float32] = windows.cut(
            source.sound, begins_s[[rng.integers(len(begins_s))]], spec.window, spec.sample_rate
        )[0]
        return found

    return draw


def _free(source: Source, length_s: float, mixture: Mixture, rng: np.random.Generator) -> NDArray[np.float64]:
    begins_s = windows.begins(source.recording.heard, length_s, source.hop_s, rng)
    doubtful = source.recording.doubtful
    labels = windows.labels(begins_s, length_s, source.calls, mixture.share, doubtful)
    free: NDArray[np.float64] = begins_s[labels == 0]
    return free
