"""Divergence: a training whose numbers left the range of floats learns nothing any more, and nothing can be rounded."""

from __future__ import annotations

from edge_daemon.errors import EdgeDaemonError

HINT = "Try a lower schedule.rate, or a flatter surrogate (--set slope=2)."


class DivergedError(EdgeDaemonError):
    """Training gave numbers that are not finite; `fit` ends with it, a fold is recorded as not converged."""
