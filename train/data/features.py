"""Features of a data set, computed once and kept on disk.

Features are a pure function of the samples and the front end. The cache file's name is a digest of both (and of the
front end's source), so a cached result can be old but never wrong; delete the folder at any time.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edge_daemon.model.frontend
from edge_daemon.model.frontend import UNUSABLE, FrontEnd
from edge_daemon.storage.part_file import make_part
from train.data.dataset import Spec

BATCH = 256
"""Windows computed at a time: bounds memory to some 50 MB."""


def cache_folder() -> Path:
    """Where features are kept: $XDG_CACHE_HOME/edge-daemon/features, by default below ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edge-daemon" / "features"


def digest(audio: NDArray[np.float32], spec: Spec) -> str:
    """Name under which the features of these samples with this front end are kept, 64 hex digits."""
    summary = hashlib.sha256()
    summary.update(Path(edge_daemon.model.frontend.__file__).read_bytes())
    summary.update(f"{spec.model_dump_json()} {audio.shape}".encode())
    summary.update(np.ascontiguousarray(audio).data)
    return summary.hexdigest()


def compute(audio: NDArray[np.float32], spec: Spec) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Features (uint8 [N, bands, frames]) and flags (uint8 [N]) of windows (float32 [N, samples])."""
    front_end = FrontEnd(spec)
    features = np.zeros((len(audio), *spec.shape), np.uint8)
    flags = np.zeros(len(audio), np.uint8)
    for begin in range(0, len(audio), BATCH):
        rows = slice(begin, begin + BATCH)
        features[rows], flags[rows] = front_end.batch(audio[rows])
    return features, flags


def features_of(
    audio: NDArray[np.float32], spec: Spec, cache: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Features and flags, from the cache where they are there.

    Args:
        audio: float32 [N, samples].
        spec: the front end.
        cache: folder of cached features; None is `cache_folder()`. A folder that cannot be written is not an error:
            the features are then computed each time.

    Returns:
        features uint8 [N, bands, frames], flags uint8 [N].
    """
    path = (cache or cache_folder()) / f"{digest(audio, spec)}.npz"
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            features, flags = stored["features"], stored["flags"]
        if features.shape == (len(audio), *spec.shape) and len(flags) == len(audio):
            return features, flags
    except (OSError, KeyError, IndexError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # not there, or half-written by a machine that lost power: computed again below
    features, flags = compute(audio, spec)
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = make_part(path)
        with os.fdopen(descriptor, "wb") as new:
            np.savez(new, features=features, flags=flags)
        Path(part).replace(path)
    except OSError:
        with suppress(OSError):
            Path(part).unlink()
    return features, flags


def unusable_note(flags: NDArray[np.uint8]) -> tuple[str, ...]:
    """A sentence about windows without sound, or nothing."""
    count = int(((flags & np.uint8(UNUSABLE)) != 0).sum())
    return (f"{count} windows are silent, constant or not finite; their features are zeros.",) if count else ()
