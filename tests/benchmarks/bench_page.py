"""What a page that is open on the board costs: the page's process, and the daemon that tells it. Nothing is asserted.

    python tests/benchmarks/bench_page.py [--minutes 10] [--turns 4]

The real daemon hears calls through a named pipe in real time, `edge-daemon page` runs beside it with the memory
settings of its unit, and a real Chromium shows the live page: its waterfall moves and cards appear. No process is
pinned.

- Page: processor time of its process while the page is open, over the time; memory at the end and at its highest. RSS
  counts pages of Python and the C library that the daemon has in memory anyway; PSS shares them out, so it is what the
  board has less.
- Daemon: processor time with the page open and without, in turns; the difference of two busy processes is noisy. So the
  work itself is measured, too: the daemon's end of the socket (`live/page_feed.py`) with one viewer in a process of its
  own that reads, fed with sound as the daemon feeds it: processor time of the thread per second of sound.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.source import Block
from edge_daemon.clock.time_source import SystemTime
from edge_daemon.live.page_feed import PageFeed
from tests.integration.browser import Browser, running
from tests.integration.page.conftest import ROOT, RealBoard

UNIT = ROOT / "systemd" / "edge-daemon-page.service"
READER = """
import socket, sys
viewer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
viewer.connect(sys.argv[1])
while viewer.recv(65536):
    pass
"""
TICK = os.sysconf("SC_CLK_TCK")


def spent_s(process: int) -> float:
    """Processor time of a process, seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(process: int) -> dict[str, float]:
    """Memory of a process, MB (10⁶ bytes)."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text() + Path(f"/proc/{process}/status").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024 / 1e6  # type: ignore[index]
            for name in ("Rss", "Pss", "Private_Dirty", "VmHWM")}  # fmt: skip


def feed_share(seconds: int = 600, block_s: float = 0.1, rate: int = 2000) -> float:
    """Processor time of the daemon's end of the socket, share of a core, with one viewer that reads."""

    class Times:
        def utc_ns(self, position: int) -> int:
            return position * 10**9 // rate

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.sock"
        time_ = SystemTime()
        feed = PageFeed(path, "buoy-07", rate, Times(), time_)  # type: ignore[arg-type]
        state = InputHealth(phase="listening", device="pipe")
        feed.tick(lambda: "", lambda: state, None)
        words = [sys.executable, "-c", READER, str(path)]
        viewer = subprocess.Popen(words)
        while not feed.watched:
            time.sleep(0.1)
            feed.tick(lambda: "", lambda: state, None)
        sound = np.random.default_rng(1).standard_normal(round(block_s * rate)).astype(np.float32) * 0.01
        began = time.thread_time()
        for second in range(seconds):
            for number in range(round(1 / block_s)):
                feed.sound(Block(sound, round((second + number * block_s) * rate)))
            feed._due_ns = 0
            feed.tick(lambda: "listening to 'pipe' at 2000 Hz; 0 detections", lambda: state, None)
        spent = time.thread_time() - began
        feed.close()
        viewer.wait(20)
    return spent / seconds


def measure(folder: Path, minutes: float, turns: int) -> None:
    board = RealBoard(folder)
    browser: Browser | None = None
    settings = re.findall(r"^Environment=((?:MALLOC|PYTHON)\w+)=(\d+)$", UNIT.read_text(), re.MULTILINE)
    try:
        daemon = board.start_daemon().pid
        os.environ.update(settings)
        page = board.start_page().pid
        idle = memory_mb(page)
        browser = running(folder)
        browser.begin()
        browser.screen(390, 844, phone=True)
        watched, alone, page_share = [], [], []
        span_s = 60 * minutes / turns
        for _ in range(turns):
            browser.open(f"{board.url}/live")
            browser.until("Number(document.getElementById('columns').dataset.drawn) > 0", 60)
            before, began = (spent_s(daemon), spent_s(page)), time.monotonic()
            drawn = browser.value("Number(document.getElementById('columns').dataset.drawn)")
            for part in range(1, 7):
                time.sleep(max(0.0, began + span_s * part / 6 - time.monotonic()))
                now = memory_mb(page)
                share = (spent_s(page) - before[1]) / (time.monotonic() - began)
                print(
                    f"    open for {time.monotonic() - began:5.0f} s: page {100 * share:.2f} % of a core,"
                    f" RSS {now['Rss']:.1f} MB, PSS {now['Pss']:.1f} MB",
                    flush=True,
                )
            took = time.monotonic() - began
            drawn = browser.value("Number(document.getElementById('columns').dataset.drawn)") - drawn
            cards = browser.value("document.querySelectorAll('#list .card').length")
            watched.append((spent_s(daemon) - before[0]) / took)
            page_share.append((spent_s(page) - before[1]) / took)
            browser.command("Page.navigate", url="about:blank")
            time.sleep(3)
            busy, began = spent_s(daemon), time.monotonic()
            time.sleep(min(span_s / 2, 120.0))
            alone.append((spent_s(daemon) - busy) / (time.monotonic() - began))
        memory = memory_mb(page)
        print(f"page open for {turns} × {span_s:.0f} s; at last {drawn} columns moved, {cards} cards shown")
        print(f"  page's process, open      {100 * statistics.mean(page_share):6.2f} % of a core")
        for what, found in (("before anybody looked", idle), ("at the end", memory)):
            print(
                f"  its memory {what}: RSS {found['Rss']:.1f} MB, PSS {found['Pss']:.1f} MB,"
                f" private {found['Private_Dirty']:.1f} MB"
            )
        print(f"    highest RSS {memory['VmHWM']:.1f} MB")
        more = [a - b for a, b in zip(watched, alone, strict=True)]
        print(f"  daemon, page open         {100 * statistics.mean(watched):6.2f} % of a core")
        print(f"  daemon, nobody looks      {100 * statistics.mean(alone):6.2f} % of a core")
        spread = statistics.stdev(more) if turns > 1 else float("nan")
        print(f"  difference, by turns      {100 * statistics.mean(more):6.2f} ± {100 * spread:.2f} %")
    finally:
        if browser is not None:
            browser.close()
        board.close()
    shares = [feed_share() for _ in range(5)]
    print(f"  the daemon's work for it  {100 * statistics.median(shares):6.3f} % of a core (10 min of sound, 5 times:"
          f" {100 * min(shares):.3f} to {100 * max(shares):.3f})")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="for which the page is open")
    parser.add_argument("--turns", type=int, default=4, help="in which it is open and closed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place), given.minutes, given.turns)
