"""The README's desk trial without a sound card, word for word: broker, daemon, pipe, ffmpeg, somebody watching.

Only the broker's port is another one: 1883 may be in use here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT, free_port, wait_until

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## If you run a buoy") : README.index("## If you subscribe")]
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def environment() -> dict[str, str]:
    """This environment's programs first."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Port of an open broker on loopback."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or shutil.which("ffmpeg") is None:
        pytest.skip("mosquitto or ffmpeg is not installed")
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(10)


def test_each_call_of_the_sample_arrives(port: int, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "edge_daemon/assets", tmp_path / "edge_daemon/assets")
    (init,) = re.findall(r"^edge-daemon config init .*$", SECTION, re.MULTILINE)
    subprocess.run(init.split(), cwd=tmp_path, env=environment(), check=True, capture_output=True)
    file = tmp_path / "edge-daemon.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    (pipe,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
    document["audio"] = (document.get("audio") or {}) | yaml.safe_load(pipe)["audio"]
    document["mqtt"] = (document.get("mqtt") or {}) | {"port": port}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    (play,) = re.findall(r"```sh\n(mkfifo .*?)```", SECTION, re.DOTALL)
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        log = (tmp_path / f"{len(started)}.log").open("w")
        started.append(subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=log, stderr=log, text=True))
        log.close()
        return started[-1]

    def printed(number: int) -> str:
        return (tmp_path / f"{number}.log").read_text(encoding="utf-8")

    try:
        start("edge-daemon", "watch", "--port", str(port), "--count", "5")
        start("edge-daemon", "run", "edge-daemon.yaml")
        time.sleep(1)  # a person is slower
        begun = time.monotonic()
        start("bash", "-ec", play)
        # real time, so the sound lasts as long as it lasts, and the last call is told before its end
        assert started[2].wait(120) == 0, printed(2)
        assert time.monotonic() - begun > 40
        wait_until(lambda: started[0].poll() is not None, 20)
        calls = [line for line in printed(0).splitlines() if "right_whale_upcall" in line]
        assert started[0].returncode == 0, printed(0)
        assert len(calls) == 5, printed(0)
    finally:
        for process in started:
            process.terminate()
            process.wait(20)
    assert "Traceback" not in printed(1)
