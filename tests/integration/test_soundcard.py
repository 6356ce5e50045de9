"""The real chain: PulseAudio's null sink → its monitor → ALSA → PortAudio → the source. No sound card needed.

Skipped, with the reason, where PulseAudio, its ALSA plug-in or PortAudio is not installed.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow

RATE = 16_000
# PortAudio reads ALSA's configuration once per process, so the source runs in a child: it says what happens, one line
# an event, and keeps the sound in a file.
LISTENER = """
import random, sys, time
import numpy as np
from edge_daemon.audio.capture.device import StreamRequest
from edge_daemon.audio.capture.portaudio import PortAudioDriver
from edge_daemon.audio.capture.sound_card import SoundCardSource
from edge_daemon.audio.source import Block
from edge_daemon.system.backoff import Backoff

source = SoundCardSource(
    StreamRequest("vmic", rate=16000, block=640, sample_format=sys.argv[2]),
    PortAudioDriver(timeout_s=3.0),
    backoff=Backoff(first_s=0.2, limit_s=0.5),
    dead_s=1e6,
    stall_s=1.0,
)
began, phase, at = time.monotonic(), None, 0
with open(sys.argv[1], "wb", buffering=0) as out:
    while True:
        item = source.read()
        assert item.start == at, (item.start, at)
        at = item.end
        out.write((item.samples if isinstance(item, Block) else np.zeros(item.length, np.float32)).tobytes())
        if not isinstance(item, Block):
            print("gap", item.cause, item.length, flush=True)
        if source.state.phase != phase:
            phase = source.state.phase
            print("phase", phase, source.state.opened, flush=True)
        print("at", at, round((time.monotonic() - began) * 16000), source.state.overflows, flush=True)
"""


class Listener:
    """The child that reads the source."""

    def __init__(self, microphone: Any, sample_format: str = "float32") -> None:
        self.sound_path = microphone.folder / "heard.f32"
        self.said_path = microphone.folder / "said.txt"
        with self.said_path.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LISTENER, str(self.sound_path), sample_format],
                env=microphone.environment,
                stdout=said,
                stderr=subprocess.PIPE,
            )

    def said(self) -> list[list[str]]:
        return [line.split() for line in self.said_path.read_text().splitlines()]

    def opened(self) -> int:
        """How often sound began."""
        return max((int(words[2]) for words in self.said() if words[:2] == ["phase", "listening"]), default=0)

    def gaps(self) -> list[str]:
        return [words[1] for words in self.said() if words[0] == "gap"]

    def end(self) -> np.ndarray:
        assert self.process.poll() is None, self.process.stderr and self.process.stderr.read().decode()[-2000:]
        self.process.terminate()
        self.process.communicate()
        return np.fromfile(self.sound_path, np.float32)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def recording(path: Path, count: int) -> np.ndarray:
    """Noise in 16 bits without a zero, so that it is found again in the silence around it."""
    rng = np.random.default_rng(14)
    samples = (rng.integers(1, 8000, count) * rng.choice([-1, 1], count)).astype(np.int16)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return samples.astype(np.float32) / 32768


def plug_ins(process: int) -> set[str]:
    """ALSA's plug-ins that a process has loaded."""
    return set(re.findall(r"libasound_module_\w+", Path(f"/proc/{process}/maps").read_text()))


def test_plug_ins_that_only_the_listing_needed_are_unloaded(microphone: Any) -> None:
    microphone.start()
    lister = subprocess.Popen(
        [sys.executable, "-c", "import sounddevice, sys; print(flush=True); sys.stdin.read()"],
        env=microphone.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert lister.stdout is not None
    lister.stdout.readline()
    loaded = plug_ins(lister.pid)
    lister.communicate()
    if len(loaded) < 2:
        pytest.skip("ALSA has no plug-ins but PulseAudio's here: apt-get install libasound2-plugins")
    listener = Listener(microphone)
    try:
        until(lambda: listener.opened() == 1)
        assert plug_ins(listener.process.pid) == {"libasound_module_pcm_pulse"}
        at = len(listener.said())
        until(lambda: len(listener.said()) > at + 10)  # and it goes on hearing
        listener.end()
    finally:
        listener.process.kill()
    assert listener.gaps() == []


def test_where_alsa_is_not_in_use_there_is_nothing_to_forget() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edge_daemon.audio.capture import portaudio as p; print(p.unload_alsa_plugins())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"


@pytest.mark.parametrize("sample_format", ["float32", "int16"])
def test_every_sample_played_is_heard_bit_for_bit(microphone: Any, tmp_path: Path, sample_format: str) -> None:
    played = recording(tmp_path / "in.wav", 96_000)
    microphone.start()
    listener = Listener(microphone, sample_format)
    try:
        until(lambda: listener.opened() == 1)
        microphone.play(tmp_path / "in.wav")
        time.sleep(0.5)
        heard = listener.end()
    finally:
        listener.process.kill()
    sounding = np.flatnonzero(heard)
    np.testing.assert_array_equal(heard[sounding[0] : sounding[-1] + 1], played)
    assert listener.gaps() == []


def test_server_killed_and_restarted_is_a_gap_and_sound_resumes(microphone: Any, tmp_path: Path) -> None:
    played = recording(tmp_path / "in.wav", 16_000)
    microphone.start()
    listener = Listener(microphone)
    try:
        until(lambda: listener.opened() == 1)
        for times in (2, 3):
            microphone.stop(signal.SIGKILL if times == 2 else signal.SIGTERM)
            time.sleep(1.5)
            microphone.start()
            until(lambda times=times: listener.opened() == times)
        microphone.play(tmp_path / "in.wav")
        time.sleep(0.5)
        heard = listener.end()
    finally:
        listener.process.kill()
    sounding = np.flatnonzero(heard)
    np.testing.assert_array_equal(heard[sounding[0] : sounding[-1] + 1], played)
    assert len(listener.gaps()) >= 2
    assert set(listener.gaps()) <= {"device_absent", "device_error", "stall"}
    # indices are time: the last one agrees with the listener's clock to the blocks and starts of the stream
    _, at, clock, _ = [words for words in listener.said() if words[0] == "at"][-1]
    assert abs(int(at) - int(clock)) < RATE


def test_absent_at_start_is_waited_for(microphone: Any) -> None:
    listener = Listener(microphone)
    try:
        until(lambda: len(listener.gaps()) >= 2)
        microphone.start()
        until(lambda: listener.opened() == 1)
        listener.end()
    finally:
        listener.process.kill()
    assert set(listener.gaps()) <= {"device_absent", "device_error"}


def test_server_that_hangs_is_a_stall_and_does_not_hang_the_source(microphone: Any) -> None:
    microphone.start()
    listener = Listener(microphone)
    try:
        until(lambda: listener.opened() == 1)
        assert microphone.server is not None
        microphone.server.send_signal(signal.SIGSTOP)
        until(lambda: len(listener.gaps()) >= 5)
        microphone.server.send_signal(signal.SIGCONT)
        until(lambda: listener.opened() == 2)
        listener.end()
    finally:
        listener.process.kill()
    assert listener.gaps()[0] == "stall"
