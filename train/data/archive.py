"""The log-mel archive: one .npz file of ready-made features.

Arrays (numpy's format, never pickled):

* `X` uint8 [N, bands, frames]: features, row 0 the lowest band, each window scaled by its own minimum and maximum;
* `y` uint8 [N]: 1 where there is an up-call;
* `clip` int64 [N]: a number that follows the time of recording;
* `group` int64 [N], optional: windows that must not be torn apart;
* `weight` float32 [N] and `kind` [N] (text), optional: what each window counts in the loss, and what sounds in it;
* `kin` int64 [N], optional: windows with one number hold the same sound;
* `frontend`, `name`, `credit` strings, optional: the front end as JSON, what it is, whom to name.

An archive without `frontend` whose windows are 50 × 101 is taken for the images published from the 2013 challenge,
which the `logmel` front end's defaults describe exactly. `python -m train prepare` writes such an archive from audio.
"""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from edge_daemon.model.frontend import FrontEndSpec, LogMelSpec
from train.data.dataset import DataError, Dataset, Spec

CHALLENGE_CREDIT = "Data courtesy of and copyrighted by Cornell University and the Cornell Research Foundation."
"""The notice that the licence of the challenge's recordings asks for."""
CHALLENGE_SPEC = LogMelSpec.model_validate({})
"""The front end that made the published images: all of logmel's defaults."""
_SPEC: TypeAdapter[Spec] = TypeAdapter(FrontEndSpec)


def read_archive(path: Path) -> Dataset:
    """Reads an archive.

    Raises:
        DataError: not such a file, damaged, or arrays that do not fit each other.
    """
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise ValueError("it contains one array without a name")
            with stored:
                arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a readable .npz archive: {error}", "Make it again or copy it again.") from error
    missing = [key for key in ("X", "y") if key not in arrays]
    if missing:
        raise DataError(f"{path} has no {' and '.join(missing)}.", "An archive holds X (features) and y (labels).")
    features, labels = arrays["X"], arrays["y"]
    if features.dtype != np.uint8 or features.ndim != 3 or labels.shape != features.shape[:1]:
        raise DataError(
            f"{path}: X must be uint8 [N, bands, frames] and y [N]; "
            f"they are {features.dtype} {features.shape} and {labels.shape}.",
            "Make it with `python -m train prepare`.",
        )
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"{path}: y contains labels other than 0 and 1.", "Use 1 for an up-call and 0 for no up-call.")
    spec = _frontend(path, arrays, features.shape[1:])
    order = arrays.get("clip", np.arange(len(labels)))
    group, weight, kind, kin = (arrays.get(name) for name in ("group", "weight", "kind", "kin"))
    if any(array is not None and array.shape != labels.shape for array in (order, group, weight, kind, kin)):
        raise DataError(
            f"{path}: clip, group, weight, kind and kin must be [N].", "Make it with `python -m train prepare`."
        )
    return Dataset(
        name=str(arrays["name"]) if "name" in arrays else path.stem,
        labels=labels.astype(np.uint8),
        order=order.astype(np.int64),
        group=None if group is None else group.astype(np.int64),
        features=features,
        audio=None,
        frontend=spec,
        sample_rate=spec.sample_rate,
        credit=str(arrays["credit"]) if "credit" in arrays else CHALLENGE_CREDIT,
        weights=None if weight is None else weight.astype(np.float32),
        kinds=None if kind is None else tuple(map(str, kind.tolist())),
        kin=None if kin is None else kin.astype(np.int64),
    )


def _frontend(path: Path, arrays: dict[str, NDArray[np.generic]], shape: tuple[int, ...]) -> Spec:
    if "frontend" not in arrays:
        if shape == CHALLENGE_SPEC.shape:
            return CHALLENGE_SPEC
        raise DataError(
            f"{path} does not say which front end made its {shape[0]} × {shape[1]} features.",
            "Make it with `python -m train prepare`, which writes the front end into it.",
        )
    try:
        spec = _SPEC.validate_json(str(arrays["frontend"]))
    except ValidationError as error:
        raise DataError(f"{path}: its front end cannot be read: {error}", "Make it again.") from error
    if spec.shape != shape:
        raise DataError(f"{path}: its front end gives {spec.shape}, its features are {shape}.", "Make it again.")
    return spec


def write_archive(path: Path, dataset: Dataset) -> None:
    """Writes a data set's features as an archive, compressed; under a temporary name first.

    Raises:
        DataError: the data set has no features, or the file cannot be written.
    """
    if dataset.features is None or dataset.frontend is None:
        raise DataError(f"{dataset.name} has no features to write.", "Open it with a front end.")
    arrays: dict[str, NDArray[np.generic]] = {
        "X": dataset.features,
        "y": dataset.labels,
        "clip": dataset.order,
        "frontend": np.array(dataset.frontend.model_dump_json()),
        "name": np.array(dataset.name),
        "credit": np.array(dataset.credit),
    }
    if dataset.group is not None:
        arrays["group"] = dataset.group
    if dataset.weights is not None:
        arrays["weight"] = dataset.weights
    if dataset.kin is not None:
        arrays["kin"] = dataset.kin
    if dataset.kinds is not None:
        arrays["kind"] = np.array(dataset.kinds)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise DataError(f"{path} cannot be written: {error}", "Choose another place with --output.") from error
