"""How late, how busy and how large the daemon is while it listens in real time. Figures are printed, never asserted.

    python tests/benchmarks/bench_daemon.py [--minutes 5] [--rate 2000] [--piece-ms 10] [--block-ms N]

The real program in a process of its own, sound through a named pipe in small pieces, a real mosquitto with TLS on
loopback, `mosquitto_sub` as the shore. Sea with one call every three seconds, hop 0.5 s, the shipped model.

- Latency: from the moment at which the last sample of the window that completes an event was written into the pipe, to
  the moment at which the subscriber has the detection; the broker acknowledges and forwards in the same turn. Beside it
  what the daemon says itself, to the acknowledgement. An event is complete when it is known that no window belongs to
  it any more: two hops after its last one (merge gap 0.5 s); that wait is the rule's, and is printed too.
- Processor: time used by the process, over the time of the measurement, start-up left out.
- Memory: resident, at the end and at its highest.
"""

from __future__ import annotations

import argparse
import json
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soxr

from edge_daemon.audio.source import Block
from edge_daemon.config.audio import AudioSection
from edge_daemon.detection.detector import DetectorSettings, open_detector

TESTS = Path(__file__).resolve().parents[1]
HOP_S = 0.5


def completions(sound: np.ndarray, rate: int, piece_s: float) -> list[tuple[float, float]]:
    """For each event the seconds of sound after which it is complete, and after which its last window was."""
    detector = open_detector(DetectorSettings(hop_s=HOP_S))
    spec, hop, pipeline = detector.model.metadata.frontend, detector.hop, detector.pipeline(rate)
    piece = round(piece_s * rate)
    told = []
    for start in range(0, len(sound) - piece, piece):
        block = Block(sound[start : start + piece].astype(np.float32) / 32768, start)
        for found in pipeline.push(block).found:
            last_window_end = (found.event.end - (spec.window + hop) // 2 + spec.window) / spec.sample_rate
            told.append((block.end / rate, last_window_end))
    detector.close()
    return told


class Piper:
    """Writes sound into a pipe in real time and remembers when each piece was written."""

    def __init__(self, pipe: Path, sound: np.ndarray, rate: int, piece_s: float) -> None:
        self._pipe, self._sound, self._rate, self._piece_s = pipe, sound, rate, piece_s
        self.written: list[float] = []  # UTC in seconds at which piece n was in the pipe

    def play(self) -> None:
        """Until the end of the sound."""
        piece = round(self._piece_s * self._rate)
        with self._pipe.open("wb", buffering=0) as out:
            began = time.monotonic()
            for number, start in enumerate(range(0, len(self._sound), piece)):
                time.sleep(max(0.0, began + (number + 1) * self._piece_s - time.monotonic()))
                out.write(self._sound[start : start + piece].tobytes())
                self.written.append(time.time())

    def when(self, seconds: float) -> float:
        """UTC at which the sample at this place of the sound was written."""
        return self.written[max(0, min(len(self.written) - 1, round(np.ceil(seconds / self._piece_s - 1e-9)) - 1))]


def arrivals(output: Path) -> list[tuple[float, dict[str, Any]]]:
    """When each detection arrived (UTC in seconds), and the detection, once by id."""
    seen: dict[str, tuple[float, dict[str, Any]]] = {}
    for line in output.read_text().splitlines():
        moment, payload = line.split(" ", 1)
        document = json.loads(payload)
        seen.setdefault(document["id"], (float(moment), document))
    return sorted(seen.values(), key=lambda arrival: arrival[1]["begin_s"])


def measure(folder: Path, minutes: float, rate: int, piece_s: float, block_ms: int) -> None:
    parts = runpy.run_path(str(TESTS / "integration" / "conftest.py"))
    live = runpy.run_path(str(TESTS / "integration" / "live" / "conftest.py"))
    (folder / "broker").mkdir()
    broker = parts["Mosquitto"](folder / "broker")
    rig = live["Rig"](folder, broker)
    rig.settings["audio"] |= {"rate": rate, "ring_s": 10.0, "block_ms": block_ms}
    for section in ("outbox", "effort", "health", "log"):
        rig.settings.pop(section)  # as shipped
    rig.settings["health"] = {"interval_s": 5.0}
    sound = live["calls"](round(minutes * 20))
    if rate != 2000:
        sound = soxr.resample(sound, 2000, rate)
    output = folder / "arrivals"
    subscriber = None
    try:
        broker.start()
        with output.open("wb") as out:
            subscriber = subprocess.Popen(
                ["mosquitto_sub", "-h", "localhost", "-p", str(broker.port), "--cafile", str(broker.folder / "ca.crt"),
                 "-u", "shore", "-P", "ashore", "-t", "edge_daemon/+/detections", "-q", "1", "-F", "%U %p"],
                stdout=out,
            )  # fmt: skip
        process = psutil.Process(rig.start().pid)
        rig.until(lambda: any(one["mqtt"]["state"] == "online" for one in rig.shore.health()), 30)
        time.sleep(3.0)
        piper = Piper(rig.pipe, sound, rate, piece_s)
        busy, began = process.cpu_times(), time.monotonic()
        piper.play()
        used, took = process.cpu_times(), time.monotonic() - began
        memory = process.memory_info().rss
        time.sleep(6.0)
        health = rig.shore.health()[-1]
        highest = Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        rig.terminate()
    finally:
        rig.close()
        if subscriber is not None:
            subscriber.kill()
            subscriber.wait()
        broker.close()
    told, came = completions(sound, rate, piece_s), arrivals(output)
    late = [moment - piper.when(complete) for (moment, _), (complete, _) in zip(came, told, strict=False)]
    rule = [complete - last for complete, last in told]
    spent = used.user + used.system - busy.user - busy.system
    print(f"{minutes:g} min at {rate} Hz in pieces of {1e3 * piece_s:g} ms, hop {HOP_S:g} s, {len(came)} detections")
    print(f"  latency, completing window → shore    p50 {1e3 * statistics.median(late):7.1f} ms")
    print(f"                                        p99 {1e3 * float(np.quantile(late, 0.99)):7.1f} ms")
    print(f"                                    largest {1e3 * max(late):7.1f} ms")
    print(f"  before it, last window → completing window {1e3 * statistics.median(rule):6.0f} ms (the event rule)")
    for name, what in (("latency", "score"), ("delivery", "acknowledgement")):
        told = health[name]
        print(f"  window → {what} (health)  p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms, of {told['count']}")
    print(f"  load average of this machine {health['board']['load_1min']}")
    print(f"  processor  {100 * spent / took:.2f} % of a core (user {used.user - busy.user:.1f} s,"
          f" system {used.system - busy.system:.1f} s in {took:.0f} s)")  # fmt: skip
    print(f"  memory     {memory / 1e6:.1f} MB resident at the end, {int(highest) * 1024 / 1e6:.1f} MB at its highest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--piece-ms", type=int, default=10, help="a sound card hands over whole blocks")
    parser.add_argument("--block-ms", type=int, default=AudioSection().block_ms, help="as shipped if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.minutes, options.rate, options.piece_ms / 1000, options.block_ms)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
