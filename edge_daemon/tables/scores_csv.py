"""The score of every window, for curves and for choosing thresholds.

`begin_s` and `end_s` are the window's own (2 s), not its cell's. The score is written with the fewest digits that give
the same float32 back.
"""

from __future__ import annotations

from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from edge_daemon.clock.utc import utc_text
from edge_daemon.system.printable import CsvRows
from edge_daemon.tables.cells import seconds_text

COLUMNS = ("file", "begin_s", "end_s", "utc", "score")


class ScoresCsv:
    """Writes rows as the recordings are done.

    Args:
        file: open for text, without translation of line ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._rows = CsvRows(file)
        self._rows.writerow(COLUMNS)

    def add(
        self,
        name: str,
        starts: NDArray[np.int64],
        scores: NDArray[np.float32],
        *,
        window: int,
        rate: int,
        start_utc_ns: int | None = None,
    ) -> None:
        """Append the windows of one recording.

        Args:
            name: the recording.
            starts: int64 [N], first sample of each window, at `rate`.
            scores: float32 [N], 0…1.
            window: samples in a window.
            rate: samples per second.
            start_utc_ns: when sample 0 was, nanoseconds since 1970 UTC; None leaves `utc` empty.
        """
        for start, score in zip(starts.tolist(), scores, strict=True):
            utc = "" if start_utc_ns is None else utc_text(start_utc_ns + start * 10**9 // rate)
            text = np.format_float_positional(score, trim="0")
            self._rows.writerow((name, seconds_text(start, rate), seconds_text(start + window, rate), utc, text))
