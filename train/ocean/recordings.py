"""Recordings of the synthetic ocean as files."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile as sf

from train.ocean.kinds import OTHER_SOUNDS, recording
from train.ocean.sound import RATE

FILE_S = 900.0
"""Length of a file."""


def write_recordings(folder: Path, kind: str, duration_s: float, seed: int) -> list[Path]:
    """Write recordings of one kind, `KIND-01.flac` and so on, each whole or not at all.

    Args:
        folder: where; made if it is not there.
        kind: one of `kinds.OTHER_SOUNDS`.
        duration_s: in all, seconds.
        seed: the same one gives the same recordings, whatever other kinds are made.

    Returns:
        their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    left_s = duration_s
    while left_s > 0:
        number = len(paths) + 1
        path = folder / f"{kind}-{number:02}.flac"
        rng = np.random.default_rng([seed, crc32(kind.encode()), number])
        audio = recording(rng, OTHER_SOUNDS[kind], min(left_s, FILE_S))
        part = path.with_name(path.name + ".part")
        sf.write(part, audio, RATE, format="FLAC", subtype="PCM_16")
        part.replace(path)
        paths.append(path)
        left_s -= FILE_S
    return paths
