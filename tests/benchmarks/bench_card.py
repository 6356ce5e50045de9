"""How late, how busy and how large the daemon is on a sound card. Figures are printed, never asserted.

    python tests/benchmarks/bench_card.py [--seconds 120] [--rate 16000] [--block-ms N]

The chain is real: paplay → PulseAudio → ALSA → PortAudio → `edge-daemon run` → TLS → mosquitto; sea with one call every
three seconds, hop 0.5 s, the shipped model. Latencies are those of the daemon's own health document: from the end of
the window's sound (its arrival, block and resampler included) to its score, and, of the window that closed an event,
to the broker's acknowledgement. ALSA's plug-ins for PulseAudio and codecs take memory that a board with a bare sound
card does not.
"""

from __future__ import annotations

import argparse
import runpy
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import soundfile
import soxr

from edge_daemon.config.audio import AudioSection

TESTS = Path(__file__).resolve().parents[1]
CARD_RATE = 16_000


def measure(folder: Path, seconds: float, rate: int, block_ms: int) -> None:
    parts = runpy.run_path(str(TESTS / "integration" / "conftest.py"))
    live = runpy.run_path(str(TESTS / "integration" / "live" / "conftest.py"))
    for name in ("broker", "microphone", "rig"):
        (folder / name).mkdir()
    broker, microphone = parts["Mosquitto"](folder / "broker"), parts["Microphone"](folder / "microphone")
    rig = live["Rig"](folder / "rig", broker)
    rig.settings["audio"] = {"device": "vmic", "rate": rate, "block_ms": block_ms, "dead_input_s": 3600.0}
    for section in ("outbox", "effort", "log"):
        rig.settings.pop(section)  # as shipped
    rig.settings["health"] = {"interval_s": 10.0}
    rig.environment |= microphone.environment
    sound = folder / "sound.wav"
    soundfile.write(sound, soxr.resample(live["calls"](round(seconds / 3) + 3), 2000, CARD_RATE), CARD_RATE)
    player: subprocess.Popen[bytes] | None = None
    try:
        microphone.start()
        broker.start()
        process = psutil.Process(rig.start().pid)
        rig.until(lambda: any(one["input"]["phase"] == "listening" for one in rig.shore.health()), 60)
        player = subprocess.Popen(["paplay", "--device=vmic", str(sound)], env=microphone.environment)
        time.sleep(5.0)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, elapsed = process.cpu_times(), time.monotonic() - began
        busy = after.user + after.system - before.user - before.system
        memory = process.memory_full_info()
        rig.terminate()
        health = rig.shore.health()[-1]
    finally:
        if player is not None:
            player.kill()
            player.wait()
        rig.close()
        microphone.stop(signal.SIGKILL)
        broker.close()
    print(f"rate {rate} Hz, blocks of {block_ms} ms, {elapsed:.0f} s, load {health['board']['load_1min']}")
    print(f"processor    {100 * busy / elapsed:.2f} % of one core")
    print(f"memory       {memory.rss / 1e6:.1f} MB resident, {memory.uss / 1e6:.1f} MB of them nobody else's")
    for name, what in (("latency", "to the score"), ("delivery", "to the acknowledgement")):
        told = health[name]
        print(f"{what:<24} p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms, of {told['count']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=int, default=CARD_RATE)
    parser.add_argument("--block-ms", type=int, default=AudioSection().block_ms, help="as shipped if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.seconds, options.rate, options.block_ms)


if __name__ == "__main__":
    main()
