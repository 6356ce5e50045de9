"""Section `health`: how the daemon tells that it is well."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class HealthSection(Section):
    """Health reports, the watchdog and the optional Prometheus endpoint."""

    interval_s: float = key(60.0, "Time between two health reports", unit="s", ge=1, le=86_400, live=True)
    silence_limit_s: float = key(
        30.0,
        "Stop feeding the watchdog after this long without a scored window or a known cause",
        unit="s",
        ge=3,
        le=3600,
    )
    handling_limit_s: float = key(
        600.0,
        "A known cause of silence counts as handled only if the daemon has retried within this time; likewise the "
        "watchdog is no longer fed when a thread (disk, network) has not come round for so long",
        unit="s",
        ge=5,
        le=86_400,
    )
    disk_warning_mb: float = key(
        200.0, "Warn in health if less than this is free on the disk", unit="MB", ge=0, le=10_000_000, live=True
    )
    prometheus_port: int | None = key(
        None, "Port of the Prometheus endpoint on 127.0.0.1. Empty: none", ge=1, le=65_535
    )
