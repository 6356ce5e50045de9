"""What listening costs beside another revision: processor time of `edge-daemon run` in real time.

    python tests/benchmarks/compare_live.py REVISION [--source pipe|soundcard] [--rate 48000] [--minutes 3] [--calls]

Both revisions' daemons run side by side and hear the same sound, 16 bits, through named pipes in pieces of 10 ms, or
from a virtual sound card (PulseAudio, ALSA, PortAudio). It is noise; with `--calls`, one call every three seconds,
which is many times what a busy day has. No broker answers. Measured is the time of all threads (`schedstat`), the
start left out, over the time that passes. All else is as shipped.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr

ROOT = Path(__file__).resolve().parents[2]
PIECE_S = 0.01
WARM_UP_S = 12.0


class Listener:
    """A revision's daemon with its own folder, and the pipe that it may hear."""

    def __init__(self, tree: Path, folder: Path, rate: int, source: str) -> None:
        self.folder, self.pipe = folder, folder / "sound"
        folder.mkdir()
        os.mkfifo(self.pipe)
        audio = f"{{source: pipe, pipe: {self.pipe}, rate: {rate}, sample_format: int16}}"
        if source == "soundcard":
            audio = f"{{device: vmic, rate: {rate}, sample_format: int16}}"
        (folder / "config.yaml").write_text(
            f"version: 1\ndevice: {{id: {folder.name}}}\naudio: {audio}\nmqtt: {{host: localhost, port: 9}}\n"
            f"storage: {{folder: {folder / 'state'}}}\n",
            encoding="utf-8",
        )
        self._tree = tree
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str]) -> None:
        """Start the daemon."""
        environment = environment | {
            "PYTHONPATH": str(self._tree),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }
        environment |= {"STATE_DIRECTORY": str(self.folder), "RUNTIME_DIRECTORY": str(self.folder)}
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        words = [sys.executable, "-m", "edge_daemon", "run", str(self.folder / "config.yaml")]
        log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(words, cwd=self._tree, env=environment, stdout=log, stderr=log)

    def used_s(self) -> float:
        """Processor time of all its threads so far, seconds."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise SystemExit(f"a daemon has ended:\n{(self.folder / 'log').read_text()[-3000:]}")
        files = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def end(self) -> None:
        """End the daemon."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)


def sound(rate: int, seconds: float, calls: bool) -> np.ndarray:
    """Noise, or sea with one call every three seconds: int16."""
    if not calls:
        return (650 * np.random.default_rng(1).standard_normal(round(seconds * rate))).astype(np.int16)
    live = runpy.run_path(str(ROOT / "tests" / "integration" / "live" / "conftest.py"))
    made = live["calls"](round(seconds / 3))
    return made if rate == 2000 else soxr.resample(made, 2000, rate)


def write(pipes: list[Path], samples: np.ndarray, rate: int, stop: threading.Event) -> None:
    """Write samples into pipes in real time, piece by piece, again and again."""
    piece, files = round(PIECE_S * rate), [pipe.open("wb", buffering=0) for pipe in pipes]
    began, number = time.monotonic(), 0
    with contextlib.suppress(BrokenPipeError):
        while not stop.is_set():
            number += 1
            time.sleep(max(0.0, began + number * PIECE_S - time.monotonic()))
            begin = (number - 1) * piece % (len(samples) - piece)
            for file in files:
                file.write(samples[begin : begin + piece].tobytes())


def measure(trees: list[Path], folder: Path, options: argparse.Namespace) -> list[float]:
    """Share of a core that each tree's daemon takes."""
    listeners = [Listener(tree, folder / f"n{n}", options.rate, options.source) for n, tree in enumerate(trees)]
    samples = sound(options.rate, 60.0, options.calls)
    stop, environment, microphone = threading.Event(), dict(os.environ), None
    if options.source == "soundcard":
        parts = runpy.run_path(str(ROOT / "tests" / "integration" / "conftest.py"))
        (folder / "card").mkdir()
        microphone = parts["Microphone"](folder / "card")
        pulse = folder / "card" / "pulse.pa"
        pulse.write_text(pulse.read_text().replace("rate=16000", f"rate={options.rate}"))
        microphone.start()
        environment |= microphone.environment
        played = folder / "played.wav"
        soundfile.write(played, np.tile(samples, 1 + round(options.minutes) + 1), options.rate, subtype="PCM_16")

        def play_until_the_end() -> None:
            with contextlib.suppress(subprocess.CalledProcessError):  # the sound server ends before the sound
                microphone.play(played)

        play = threading.Thread(target=play_until_the_end, daemon=True)
    else:
        play = threading.Thread(
            target=write, args=([one.pipe for one in listeners], samples, options.rate, stop), daemon=True
        )
    try:
        play.start()
        for one in listeners:
            one.start(environment)
        time.sleep(WARM_UP_S)
        before, began = [one.used_s() for one in listeners], time.monotonic()
        time.sleep(60 * options.minutes)
        after, took = [one.used_s() for one in listeners], time.monotonic() - began
    finally:
        stop.set()
        for one in listeners:
            one.end()
        if microphone is not None:
            microphone.stop()
    return [(b - a) / took for a, b in zip(before, after, strict=True)]


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("--source", choices=("pipe", "soundcard"), default="pipe")
    parser.add_argument("--rate", type=int, default=48_000)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--calls", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(folder / "tree"), options.revision],
            cwd=ROOT,
            check=True,
        )
        try:
            other, ours = measure([folder / "tree", ROOT], folder, options)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(folder / "tree")], cwd=ROOT, check=False)
    what = "calls" if options.calls else "noise"
    print(f"{options.source}, {options.rate} Hz, {what}, {options.minutes:g} min: {options.revision}")
    print(f"{100 * other:.2f} % of a core, this tree {100 * ours:.2f} %: {ours / other:.2f} times")


if __name__ == "__main__":
    main()
