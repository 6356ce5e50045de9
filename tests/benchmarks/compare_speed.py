"""What a whole replay costs beside another revision: processor time and peak memory of `edge-daemon replay FILE`.

    python tests/benchmarks/compare_speed.py REVISION [--minutes 60] [--turns 3] [--core N] [CASE …]

Recordings are made for it (noise, a call every half minute): 2 kHz WAV of 16 bits, 48 kHz WAV and FLAC and 96 kHz WAV
of 24 bits. Each is replayed by whole processes, start included, pinned to one core: by the revision and by this working
tree in turns, one process at a time, tables written to a folder. Time is user and system time together. Printed are
each tree's median, the median of the turns' ratios, and the least and the largest of them. Bytecode is there, as where
the program is installed.

The compiled kernel scores where it is built in this tree (`python -m edge_daemon.backends.compiled`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = {
    "2 kHz WAV": ("2000.wav", 2000, "PCM_16"),
    "48 kHz WAV": ("48000.wav", 48_000, "PCM_24"),
    "48 kHz FLAC": ("48000.flac", 48_000, "PCM_24"),
    "96 kHz WAV": ("96000.wav", 96_000, "PCM_24"),
}


def write_sound(path: Path, rate: int, subtype: str, minutes: int) -> None:
    """Noise, and a sweep of a second from 100 to 200 Hz every half minute."""
    import numpy as np
    import soundfile

    rng, time = np.random.default_rng(1), np.arange(30 * rate) / rate
    call = np.where(time % 30 < 1, np.sin(2 * np.pi * (100 * time + 50 * time**2)), 0.0).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, 1, subtype) as file:
        for _ in range(2 * minutes):
            file.write(np.float32(0.02) * (rng.standard_normal(len(time), np.float32) + call))


def cost(tree: Path, recording: Path, scratch: Path, core: int) -> tuple[float, float]:
    """Seconds of processor time, and peak memory in MB, of a replay."""
    words = [sys.executable, "-m", "edge_daemon", "replay", str(recording), "--output", str(scratch / "found")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment |= {"PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    process = subprocess.Popen(words, cwd=tree, env=environment, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {core})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} in {tree} failed")
    shutil.rmtree(scratch / "found")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Print a line a recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="Where to keep the recordings, and find them [default: nowhere].")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sounds = options.folder or Path(scratch)
        before = Path(scratch) / "before"
        before.mkdir()
        archive = subprocess.run(["git", "archive", options.revision], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(before)], input=archive.stdout, check=True)
        for tree in (before, ROOT):  # writes bytecode
            cost(tree, ROOT / "edge_daemon" / "assets" / "sample.flac", Path(scratch), options.core)
        print(f"{'':12}  {'before':>8}  {'now':>8}  {'speed':>12} (least, most)   peak memory, MB")
        for case in options.cases or CASES:
            name, rate, subtype = CASES[case]
            recording = sounds / f"{options.minutes}_{name}"
            if not recording.exists():
                # in a process of its own: a program's peak memory counts that of the one that starts it
                words = f"import compare_speed as c; from pathlib import Path; c.write_sound(Path({str(recording)!r})"
                words += f", {rate}, {subtype!r}, {options.minutes})"
                subprocess.run([sys.executable, "-c", words], cwd=Path(__file__).parent, check=True)
            taken: dict[Path, list[tuple[float, float]]] = {before: [], ROOT: []}
            for turn in range(options.turns):
                for tree in (before, ROOT) if turn % 2 == 0 else (ROOT, before):
                    taken[tree].append(cost(tree, recording, Path(scratch), options.core))
            ratios = [was[0] / now[0] for was, now in zip(*taken.values(), strict=True)]
            (was_s, was_mb), (now_s, now_mb) = (
                tuple(statistics.median(column) for column in zip(*costs, strict=True)) for costs in taken.values()
            )
            spread = f"({min(ratios):.2f}, {max(ratios):.2f})"
            print(
                f"{case:12}  {was_s:6.2f} s  {now_s:6.2f} s  {statistics.median(ratios):6.2f} × {spread:16}"
                f"  {was_mb:6.1f}, {now_mb:.1f}",
                flush=True,
            )
            if options.folder is None:
                recording.unlink()


if __name__ == "__main__":
    main()
