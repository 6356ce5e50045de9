"""Starting points for `config init`: what differs from the defaults on a buoy, on a drone, on a desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

ProfileName = Literal["buoy", "drone", "bench"]

PROFILES: Mapping[ProfileName, Mapping[tuple[str, ...], Any]] = {
    # months alone, a slow and costly link, an SD card
    "buoy": {
        ("mqtt", "host"): "localhost",
        ("mqtt", "reconnect_longest_s"): 600.0,
        ("mqtt", "drain_rate"): 2.0,
        ("mqtt", "drain_order"): "newest",
        ("mqtt", "bytes_per_hour"): 500_000,
        ("outbox", "commit_interval_s"): 5.0,
        ("effort", "commit_interval_s"): 30.0,
        ("health", "interval_s"): 300.0,
    },
    # hours, a good link while it lasts, every second counts
    "drone": {
        ("mqtt", "host"): "localhost",
        ("mqtt", "reconnect_longest_s"): 10.0,
        ("audio", "block_ms"): 50,
        ("detection", "hop_s"): 0.25,
        ("audio", "retry_longest_s"): 5.0,
        ("health", "interval_s"): 10.0,
        ("effort", "publish_interval_s"): 300.0,
        ("outbox", "commit_interval_s"): 0.2,
    },
    # a laptop, no service manager, data beside the file
    "bench": {
        ("mqtt", "host"): "localhost",
        ("mqtt", "reconnect_longest_s"): 5.0,
        ("storage", "folder"): "./edge-daemon-data",
        ("health", "interval_s"): 10.0,
        ("clips", "max_total_mb"): 200.0,
        ("log", "level"): "debug",
    },
}
"""Keys that a profile sets, by path; the rest keeps its default."""
