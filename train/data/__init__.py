"""Data sets: labelled windows of sound from an archive, a download, folders, recordings, or a synthetic ocean.

>>> import train.data
>>> data = train.data.open("synthetic:n=100,seed=1")
>>> len(data), data.features.shape
(100, (100, 50, 101))
"""

from train.data.archive import write_archive
from train.data.dataset import DataError, Dataset
from train.data.opening import FRONT_ENDS, Options, open_fold
from train.data.opening import open_dataset as open  # noqa: A004 - train.data.open(…) says what it does

__all__ = ["FRONT_ENDS", "DataError", "Dataset", "Options", "open", "open_fold", "write_archive"]
