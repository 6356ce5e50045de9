"""`edge-daemon` whose clock stands still at the moment of the pictures, so that made again they are the same.

python -m docs.pictures.fixed_clock shore run …
"""

from __future__ import annotations

import sys
import time

from edge_daemon.cli import main

MOMENT_NS = 1_774_786_500_000_000_000
"""2026-03-29T12:15:00Z."""

if __name__ == "__main__":
    time.time_ns = lambda: MOMENT_NS
    time.time = lambda: MOMENT_NS / 1e9
    sys.exit(main())
