"""`edge-daemon devices` and the device check on a real PortAudio input: a virtual microphone, fed with a known tone."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow

RATE = 16_000
CONFIGURATION = """
version: 1
audio: {device: vmic, rate: 16000}
mqtt: {enabled: false}
hydrophone: {sensitivity_db: -170, gain_db: 20, adc_full_scale_v: 1}  # full scale is 150 dB re 1 µPa
"""
OPEN_EACH = """
import sys, threading
import sounddevice
for rate in map(int, sys.argv[1:]):
    heard = threading.Event()
    with sounddevice.InputStream(device="vmic", channels=1, samplerate=rate, callback=lambda *_: heard.set()):
        assert heard.wait(5), rate
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "edge_daemon", *map(str, arguments)]


def ran(microphone: Any, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=microphone.environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIGURATION)
    return path


@pytest.fixture
def tone(microphone: Any, tmp_path: Path) -> Any:
    """Plays 250 Hz with an amplitude of a quarter of full scale until the test ends."""
    microphone.start()
    t = np.arange(60 * RATE) / RATE
    soundfile.write(tmp_path / "tone.wav", 0.25 * np.sin(2 * np.pi * 250 * t), RATE, "PCM_16")
    player = subprocess.Popen(["paplay", "--device=vmic", str(tmp_path / "tone.wav")], env=microphone.environment)
    yield player
    player.kill()
    player.wait()


def test_lists_what_opens_and_marks_what_the_configuration_chooses(microphone: Any, configuration: Path) -> None:
    microphone.start()
    listed = ran(microphone, "devices", "--config", configuration)
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"^\* \d+  vmic  \(ALSA\)$", listed.stdout, re.MULTILINE)
    assert listed.stdout.splitlines()[-1] == "* the configuration's choice: channel 1 at 16000 Hz"
    rows = json.loads(ran(microphone, "devices", "--json", "--config", configuration).stdout)
    (vmic,) = [row for row in rows if row["name"] == "vmic"]
    assert vmic["works"]
    assert vmic["chosen"]
    assert 16_000 in vmic["rates_hz"]
    opened = subprocess.run(
        [sys.executable, "-c", OPEN_EACH, *map(str, vmic["rates_hz"])],
        env=microphone.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert opened.returncode == 0, opened.stderr


def test_without_any_input_it_says_so_and_what_to_do(microphone: Any, configuration: Path) -> None:
    listed = ran(microphone, "devices", "--config", configuration)  # the sound server was never started
    assert not re.search(r"vmic.*\n +works", listed.stdout)
    assert "There is no sound input" in listed.stdout
    monitored = ran(microphone, "devices", "--monitor", "vmic", "--seconds", 1)
    assert monitored.returncode == 1
    assert monitored.stderr.startswith("edge-daemon: There is no sound input")
    assert "Traceback" not in monitored.stderr


def test_the_monitor_prints_the_tones_level(tone: Any, microphone: Any, configuration: Path) -> None:
    time.sleep(1)
    watched = ran(microphone, "devices", "--config", configuration, "--monitor", "--seconds", 3)
    assert watched.returncode == 0, watched.stderr
    lines = watched.stdout.splitlines()
    assert lines[0] == "vmic, channel 1, 16000 Hz; levels in dBFS; spectrum from 0 to 1 kHz"
    # 20·log10(0.25) = −12.04, its root mean square 3.01 below (so it prints as −15.0 or −15.1), and 150 above that in
    # the water
    values = [re.sub(r"\|.*", "", text).split() for text in lines if "|" in text]
    assert len(values) == 3
    assert values[-1][0] == "0:00:03"
    for _, peak, rms, band, pressure, clipped in values[1:]:
        assert float(peak) == pytest.approx(-12.04, abs=0.06)
        assert float(rms) == pytest.approx(-15.05, abs=0.06)
        assert float(band) == pytest.approx(-15.05, abs=0.06)
        assert float(pressure) == pytest.approx(150 - 15.05, abs=0.06)
        assert clipped == "0"
    assert "sound comes" in watched.stdout
    assert re.fullmatch(r"0:00:03: highest peak -12\.[01] dBFS, 0 samples clipped, nothing missing\.", lines[-1])


def test_the_monitor_draws_on_a_terminal_of_80_columns_until_ctrl_c(tone: Any, microphone: Any) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    watching = subprocess.Popen(
        command("devices", "--monitor", "vmic", "--rate", RATE),
        env={**microphone.environment, "TERM": "vt100"}, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    written = b""
    end = time.monotonic() + 30
    while written.count(b"sound comes") < 4 and time.monotonic() < end:
        written += os.read(master, 65_536)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 0
    with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
        while piece := os.read(master, 65_536):
            written += piece
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    assert re.search(r"rms   -15\.[01] dBFS", text)
    assert "250 Hz |" in text or "200 Hz |" in text
    assert max(len(part) for part in re.split(r"[\r\n]+", text)) <= 80
    assert re.search(r"highest peak -12\.[01] dBFS", text)
    assert "Traceback" not in text


def test_the_check_opens_the_device(microphone: Any, configuration: Path, tmp_path: Path) -> None:
    def verdict(path: Path) -> dict[str, str]:
        checked = ran(microphone, "config", "check", "--json", path)
        assert "Traceback" not in checked.stderr
        found: dict[str, str] = next(v for v in json.loads(checked.stdout)["verdicts"] if v["name"] == "device")
        return found

    absent = verdict(configuration)
    assert absent["state"] == "failed"
    assert absent["hint"]
    microphone.start()
    works = verdict(configuration)
    assert works["state"] in ("ok", "warning"), works
    assert "'vmic'" in works["text"]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONFIGURATION.replace("rate: 16000", "rate: 16000, channel: 64"))
    refused = verdict(wrong)
    assert refused["state"] == "failed"
    assert "input channels" in refused["text"]
