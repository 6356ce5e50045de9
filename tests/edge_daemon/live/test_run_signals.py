"""Signals that come while the program starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

CONFIG = """\
version: 1
device: {id: buoy-7}
audio: {source: pipe, pipe: hydrophone, rate: 2000, sample_format: float32}
mqtt: {enabled: false}
storage: {folder: state}
log: {level: debug}
"""
# The whole program; it says when it has begun to run the command, and then takes its time.
PROGRAM = """
import sys, time
from edge_daemon.checks import run
check = run.check_start
def slowly(*arguments):
    print("starting", flush=True)
    time.sleep(1.0)
    return check(*arguments)
run.check_start = slowly
from edge_daemon.cli import main
main()
"""


@pytest.mark.slow
def test_hang_up_during_the_start_is_a_reload_and_no_end(tmp_path: Path) -> None:
    config, log = tmp_path / "config.yaml", tmp_path / "log"
    config.write_text(CONFIG)
    os.mkfifo(tmp_path / "hydrophone")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", str(config)], stdout=subprocess.PIPE, stderr=output
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"starting\n"
        config.write_text(CONFIG + "health: {interval_s: 7}\n")
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while "health.interval_s changed old=60 new=7" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.slow
def test_a_log_that_nobody_reads_holds_up_neither_the_ear_nor_the_end(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    os.mkfifo(tmp_path / "hydrophone")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n" * 4096)  # full, for ever
    os.set_blocking(writing, True)
    process = subprocess.Popen([sys.executable, "-m", "edge_daemon", "run", str(config)], stderr=writing)
    sound = b"\0" * 8000 * 60  # a minute; more than the pipe and the ring hold
    feeder = threading.Thread(target=(tmp_path / "hydrophone").write_bytes, args=(sound,), daemon=True)
    try:
        feeder.start()
        feeder.join(60)
        assert not feeder.is_alive()  # it has been heard
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(20)
        for descriptor in (reading, writing):
            os.close(descriptor)
