"""`python -m train prepare`: from sound with labels to an archive of features.

Training reads an archive in a second where the clips take minutes, and an archive is what one may hand on where the
sound itself must stay. Its format is documented in `train.data.archive`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from train.data.archive import write_archive
from train.data.dataset import Dataset
from train.data.opening import FRONT_ENDS, Options, open_dataset


def prepare(
    spec: str,
    output: Path,
    frontend: str = "logmel",
    *,
    cache: Path | None = None,
    options: Options | None = None,
    report: Callable[[str], object] = print,
) -> Dataset:
    """Opens a data set, makes its features and writes them as an archive.

    Args:
        spec: as for `train.data.open`.
        output: the .npz file to write.
        frontend: "logmel", "stft" or "waveform", with its defaults.
        cache: folder of cached features; None is the user's.
        options: labels, channel and the like.
        report: takes sentences for a person.

    Returns:
        the data set that was written, without its audio.

    Raises:
        DataError: the data set cannot be opened, or the archive cannot be written.
    """
    data = open_dataset(spec, FRONT_ENDS[frontend], keep_audio=False, cache=cache, options=options)
    write_archive(output, data)
    report(data.summary())
    for note in data.notes:
        report(f"  {note}")
    report(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    if data.credit:
        report(data.credit)
    return data
