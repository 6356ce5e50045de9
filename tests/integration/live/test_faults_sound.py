"""The sound server is absent, dies, hangs: what is played while it is there is found, delivered once, and the rest is a
gap in the effort with its cause."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CARD_RATE = 16_000
CALLS = 4


@pytest.fixture
def recording(tmp_path: Path, rig: Any) -> Path:
    """Four calls with silence around them, at the sound card's rate."""
    quiet = np.zeros(2 * CARD_RATE, np.int16)
    sound: NDArray[np.int16] = soxr.resample(rig.calls(CALLS), 2000, CARD_RATE)
    path = tmp_path / "recording.wav"
    soundfile.write(path, np.concatenate([quiet, sound, quiet]), CARD_RATE, subtype="PCM_16")
    assert len(rig.replayed(path)) == CALLS
    return path


@pytest.fixture
def listening(rig: Any, microphone: Any) -> Any:
    """The rig set to listen to the microphone; neither is started."""
    rig.settings["audio"] = {
        "device": "vmic",
        "rate": CARD_RATE,
        "sample_format": "int16",
        "dead_input_s": 3600.0,
        "stall_s": 1.0,
        "retry_first_s": 0.2,
        "retry_longest_s": 1.0,
    }
    rig.environment |= microphone.environment
    rig.broker.start()
    return rig


def phase(rig: Any) -> str:
    documents = rig.shore.health()
    return documents[-1]["input"]["phase"] if documents else ""


def opened(rig: Any) -> int:
    documents = rig.shore.health()
    return documents[-1]["input"]["opened"] if documents else 0


def hear(rig: Any, microphone: Any, recording: Path, in_all: int) -> None:
    """Play the recording, and wait until its calls have arrived on shore."""
    microphone.play(recording)
    rig.until(lambda: len(rig.shore.ids()) >= in_all, 20)


def test_absent_at_start(listening: Any, microphone: Any, recording: Path) -> None:
    listening.start()
    listening.until(lambda: phase(listening) == "waiting")
    assert listening.shore.health()[-1]["state"] == "failing"
    assert listening.shore.health()[-1]["input"]["last_error"]
    time.sleep(3.0)
    microphone.start()
    listening.until(lambda: phase(listening) == "listening")
    hear(listening, microphone, recording, CALLS)
    listening.ends_clean()
    assert len(listening.shore.detections()) == CALLS
    lost = listening.lost_s()
    assert lost["device_absent"] + lost.get("device_error", 0.0) >= 3.0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=["killed", "ended", "hung"])
def test_server_dies_and_comes_back(listening: Any, microphone: Any, recording: Path, how: signal.Signals) -> None:
    microphone.start()
    listening.start()
    listening.until(lambda: phase(listening) == "listening")
    hear(listening, microphone, recording, CALLS)
    if how == signal.SIGSTOP:
        microphone.server.send_signal(how)
    else:
        microphone.stop(how)
    listening.until(lambda: phase(listening) == "waiting")
    time.sleep(4.0)
    if how == signal.SIGSTOP:
        microphone.server.send_signal(signal.SIGCONT)
    else:
        microphone.start()
    listening.until(lambda: opened(listening) == 2 and phase(listening) == "listening")
    hear(listening, microphone, recording, 2 * CALLS)
    listening.ends_clean()
    assert len(listening.shore.detections()) == 2 * CALLS
    scores = sorted(one["peak_score"] for one in listening.shore.detections())
    assert scores[0] > 0.8
    lost = listening.lost_s()
    assert sum(lost.get(cause, 0.0) for cause in ("device_absent", "device_error", "stall")) >= 4.0
