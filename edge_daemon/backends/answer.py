"""What comes back from foreign code, checked where it comes in: a plug-in's inferences, its counters, its name.

A plug-in, a worker in another Python, a chip's driver may return anything: a list for an array, text for a number, a
number that is none. What cannot be a result is refused there and then, so that nothing behind must reckon with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_daemon.backends.base import Inference
from edge_daemon.errors import BackendError

MOST_COUNTERS = 64
"""Counters of a backend that are told; a health document is to stay a small message."""
_LONGEST_NAME = 64


def checked(inference: Any, windows: int, labels: int, layers: int) -> Inference:
    """An inference that can be one.

    Args:
        inference: what a backend has returned for so many windows.
        windows: their number.
        labels: of the model.
        layers: of the model.

    Raises:
        BackendError: it is no inference on so many windows.
    """
    score: Any = getattr(inference, "score", None)
    counts: Any = getattr(inference, "spike_counts", None)
    spikes: Any = getattr(inference, "layer_spikes", None)
    if not (
        _is_array(score, (windows,), np.floating)
        and bool(((score >= 0) & (score <= 1)).all())  # false for NaN, too
        and _is_array(counts, (windows, labels), np.integer)
        and _is_array(spikes, (windows, layers), np.integer)
    ):
        raise BackendError(f"it did not return scores of 0…1 and spikes for {windows} windows")
    return Inference(score, counts, spikes)


def counters(given: Any) -> tuple[dict[str, float], str]:
    """A backend's counters that are numbers with a name, and a sentence on what else there was, empty for nothing."""
    if not isinstance(given, Mapping):
        return {}, f"its counters are no mapping, but {type(given).__name__}"
    found: dict[str, float] = {}
    wrong = ""
    for name, value in given.items():
        number = _number(value)
        if number is None or not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
            wrong = wrong or repr(name)[:_LONGEST_NAME]
        elif len(found) < MOST_COUNTERS:
            found[name] = number
        else:
            return found, f"it has more than {MOST_COUNTERS} counters"
    return found, f"its counter {wrong} is no number with a name" if wrong else ""


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float | np.number | np.bool_):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_array(value: Any, shape: tuple[int, ...], kind: type) -> bool:
    return isinstance(value, np.ndarray) and value.shape == shape and np.issubdtype(value.dtype, kind)
