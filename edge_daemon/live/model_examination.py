"""The examination of a model that came from shore, in a process of its own, before the daemon takes it.

It is opened with the configured backend, must compute what the reference computes, score all of the sample inside the
package, and be fast enough. Whatever it does to the process that runs it, the daemon goes on listening.

    python -m edge_daemon.live.model_examination CONFIG < SETUP      prints one line of JSON
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_daemon.errors import EdgeDaemonError

if TYPE_CHECKING:
    from edge_daemon.orders.setup import Setup

TIMEOUT_S = 600.0
CPU_S = 300
NICE = 5
"""Sound goes first; but where others are busy, too, it must come to an end."""
SHARE = 0.5
"""Of the hop, that scoring one window may take."""


class ModelExamination:
    """One examination; the thread of the disk asks from time to time whether it has ended.

    Args:
        config: the configuration file.
        setup: what orders would set, the model among it.
    """

    def __init__(self, config: Path, setup: Setup) -> None:
        # files, not pipes: nobody reads while it runs
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 closed with the verdict
        with tempfile.TemporaryFile() as question:
            question.write(json.dumps(asdict(setup)).encode())
            question.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 our own program
                [sys.executable, "-P", "-m", __name__, str(config)],
                stdin=question,
                stdout=self._output,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        self._end_s = time.monotonic() + TIMEOUT_S

    def verdict(self) -> str | None:
        """None while it goes on; then empty if the model is good, else why not."""
        code = self._process.poll()
        if code is None:
            if time.monotonic() < self._end_s:
                return None
            self.close()
            return f"it was not examined within {TIMEOUT_S:g} s"
        self._output.seek(0)
        with self._output as file:
            try:
                told: dict[str, Any] = json.loads(file.read(10_000))
                return str(told["problem"])[:300]
            except (ValueError, KeyError, TypeError):
                return f"it ended the process that examined it (code {code})"

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Ours, with the place that this program runs from: `-P` leaves the current folder out."""
    home = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))}


def examine(config: Path, setup: Setup) -> str:
    """What is wrong with a model; empty if nothing is."""
    import numpy as np
    import soundfile

    from edge_daemon.audio.source import Block
    from edge_daemon.backends.conformance import check, reference, synthetic_features
    from edge_daemon.config import load
    from edge_daemon.detection.detector import DetectorSettings, open_detector
    from edge_daemon.model.model_file import default_model_path
    from edge_daemon.orders.overlay import laid_over

    chosen = laid_over(load(config), setup, os.environ).config
    detector = open_detector(DetectorSettings.from_config(chosen))
    with contextlib.closing(detector):
        name = chosen.backend.name or detector.backend.name
        if detector.problem:
            return detector.problem
        metadata = detector.model.metadata
        sound, rate = soundfile.read(default_model_path().with_name("sample.flac"), dtype="float32")
        pipeline = detector.pipeline(rate)
        began = time.process_time()
        output = pipeline.push(Block(np.asarray(sound, np.float32), 0))
        took_s = (time.process_time() - began) / max(1, len(output.windows))
        scores = np.array([window.score for window in output.windows])
        if not len(scores) or not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
            return "it gives no scores for the sample"
        hop_s = detector.hop / metadata.frontend.sample_rate
        if took_s > SHARE * hop_s:
            return f"a window takes {took_s:.3f} s of processor time, the hop is {hop_s:g} s"
    features = synthetic_features(metadata.frontend.shape, n=8)
    for outcome in check(name, detector.model, reference(detector.model, features), chosen.backend.options):
        if outcome.problem:
            return f"{name}: {outcome.check}: {outcome.problem}"
    return ""


def main() -> None:
    """Examine what is asked for, and print the verdict."""
    from edge_daemon.orders.state_file import setup_from

    with contextlib.suppress(OSError):  # where memory runs out, it is this process that goes, and not the daemon
        Path("/proc/self/oom_score_adj").write_text("1000")
    with contextlib.suppress(OSError, ValueError):  # the unit's filter may forbid them; the daemon ends us in any case
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        os.nice(NICE)
    setup = setup_from(json.loads(sys.stdin.read()))
    try:
        problem = examine(Path(sys.argv[1]), setup)
    except EdgeDaemonError as error:
        problem = str(error)
    sys.stdout.write(json.dumps({"problem": problem}) + "\n")


if __name__ == "__main__":
    main()
