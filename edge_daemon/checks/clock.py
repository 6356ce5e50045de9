"""Is the system clock synchronised?"""

from __future__ import annotations

from edge_daemon.checks.verdict import Verdict
from edge_daemon.clock.synchronisation import AdjtimexClock, KernelClock
from edge_daemon.config import Config


def try_clock(config: Config, kernel: KernelClock | None = None) -> Verdict:  # noqa: ARG001 - all checks take it
    """See whether the kernel calls its clock synchronised.

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
        "not synchronised, and detections will say so",
        "Let chrony or systemd-timesyncd set it: timedatectl set-ntp true",
    )
