"""The event rules that are tried: thresholds, numbers of windows, with and without a rise, with and without context."""

from __future__ import annotations

from itertools import product

import numpy as np

from edge_daemon.detection.event_rules import EventRules

THRESHOLDS = tuple(np.append(np.arange(0.04, 0.99, 0.02), 0.99).round(2).tolist())
LOW_SHARES = (0.25, 1 / 3, 0.5, 2 / 3, 1.0)
"""`threshold_low` as a share of `threshold`."""
MIN_WINDOWS = (1, 2, 3, 4, 5)

RISES_HZ = (0.0, 30.0)
"""How far a call must rise; where the rule helps, anything from 24 to 36 Hz did equally well."""

CONTEXTS_S = (0.0, 300.0)
"""How far back calls make others likelier; where it helps, anything from one to ten minutes did equally well."""


def rule_grid(own: EventRules) -> list[EventRules]:
    """All rules that are tried; what they do not vary is the model's own.

    Args:
        own: the model's rules.
    """
    return [
        own.model_copy(
            update={
                "threshold": threshold,
                "threshold_low": round(threshold * share, 4),
                "min_windows": windows,
                "min_rise_hz": rise_hz,
                "context_s": context_s,
            }
        )
        for rise_hz, context_s, threshold, share, windows in product(
            RISES_HZ, CONTEXTS_S, THRESHOLDS, LOW_SHARES, MIN_WINDOWS
        )
    ]
