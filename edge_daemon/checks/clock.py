"""Is the system clock kept right by somebody?"""

from __future__ import annotations

from edge_daemon.checks.verdict import Verdict
from edge_daemon.clock.synchronisation import AdjtimexClock, KernelClock
from edge_daemon.config import Config


def check_clock(config: Config, kernel: KernelClock | None = None) -> Verdict:  # noqa: ARG001 - all checks take it
    """The kernel says that its clock is synchronised.

    Args:
        config: the configuration.
        kernel: whom to ask; this machine's if None.
    """
    reading = (kernel or AdjtimexClock()).read()
    if reading.synchronised:
        return Verdict("clock", "ok", f"synchronised, within {reading.max_error_ns / 1e9:.3g} s")
    return Verdict(
        "clock",
        "warning",
        "not synchronised; detections will say so",
        "Let chrony or systemd-timesyncd set it: timedatectl set-ntp true",
    )
