"""Whether two revisions of the project hear, write and send the same, byte for byte: to be run after a restructuring.

    python tests/benchmarks/compare_revisions.py REVISION [RECORDING …]

Replays the sample inside the package and each recording with this working tree and with the revision, with and without
a calibrated hydrophone, and compares every table. Then a whole daemon hears the same sound in simulated time (the buoy
of tests/edge_daemon/live/conftest.py, each revision's own), and detections, effort, clips and health are compared; what
is new at every start (identities) and what tells of the machine (times, memory) is left out. Exit code 1 if anything
differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
version: 1
device: {id: buoy-7, latitude: 42.0, longitude: -70.0}
hydrophone: {sensitivity_db: -170.0, gain_db: 20.0, adc_full_scale_v: 1.0}
"""
LIVE = """
import hashlib, json, runpy, sys, tempfile
from pathlib import Path
import soundfile
buoy_class = runpy.run_path("tests/edge_daemon/live/conftest.py")["Buoy"]
sound, rate = soundfile.read(sys.argv[1], dtype="float32")
with tempfile.TemporaryDirectory() as folder:
    hydrophone = {"sensitivity_db": -170.0, "gain_db": 20.0, "adc_full_scale_v": 1.0}
    buoy = buoy_class(Path(folder), rate=rate, hydrophone=hydrophone, effort={"band_levels": True})
    buoy.play(sound)
    buoy.played()
    buoy.until(buoy.seconds + 10.0)
    buoy.finish()
    health = json.loads(buoy.daemon.newest_health.to_json())
    for part in ("version", "board", "latency", "delivery", "backend"):
        health.pop(part)
    detections = buoy.detections()
    assert detections, "nothing was found: the comparison would be empty"
    for one in detections:
        one.pop("id")
        one["clip"] = one["clip"].rpartition("_")[0]
    clips = {name.rpartition("_")[0]: len(content) for name, content in sorted(buoy.clip_files.contents.items())}
    effort = json.loads(buoy.effort().to_json())
    sys.stdout.write(json.dumps({"detections": detections, "effort": effort, "clips": clips, "health": health}))
"""


def python(tree: Path, *words: str) -> str:
    """Run this Python in a tree, on that tree's own packages; its standard output."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)[:80]} in {tree} failed:\n{done.stderr}")
    return done.stdout


def replayed(tree: Path, recordings: list[Path], folder: Path) -> dict[str, bytes]:
    """Every table of a replay without and with a configuration, by name."""
    config = folder / "config.yaml"
    folder.mkdir()
    config.write_text(CONFIG, encoding="utf-8")
    for name, words in {"plain": [], "as the daemon": ["--config", str(config)]}.items():
        output = ["--output", str(folder / name), "--scores"]
        python(tree, "-m", "edge_daemon", "replay", *map(str, recordings), *output, *words)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def heard(tree: Path, recording: Path) -> dict[str, Any]:
    """What a daemon makes of the sound of a recording."""
    document: dict[str, Any] = json.loads(python(tree, "-c", LIVE, str(recording)))
    return document


def main() -> int:
    """Compare; print a line a thing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("recordings", nargs="*", type=Path)
    arguments = parser.parse_args()
    recordings = [ROOT / "edge_daemon" / "assets" / "sample.flac", *(path.resolve() for path in arguments.recordings)]
    differs = 0
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        before.mkdir()
        archive = subprocess.run(["git", "archive", arguments.revision], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(before)], input=archive.stdout, check=True)
        old, new = (replayed(tree, recordings, Path(scratch) / name) for tree, name in ((before, "old"), (ROOT, "new")))
        for name in sorted(old.keys() | new.keys()):
            same = old.get(name) == new.get(name)
            differs += not same
            print(f"{'same' if same else 'DIFFERS'}  {name}  {len(new.get(name, b''))} bytes")
        for recording in recordings:
            was, now = heard(before, recording), heard(ROOT, recording)
            for part in was:
                same = json.dumps(was[part]) == json.dumps(now[part])  # with the order of the keys
                differs += not same
                print(f"{'same' if same else 'DIFFERS'}  live, {recording.name}: {part}, {len(was[part])} entries")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
