"""The program speaks to its broker and to what is configured, and to nobody else: seen from the kernel's side.

ONNX Runtime 1.32 brought a telemetry client that looks up its maker's host as soon as it is imported. A library's
sockets do not pass through Python, so the calls themselves are looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = resources.files("edge_daemon") / "assets" / "sample.flac"
NAME_SERVICE = "/var/run/nscd/socket"
"""The C library asks there for names, on this machine."""

pytestmark = pytest.mark.slow


def traced(folder: Path, command: list[str], environment: dict[str, str]) -> tuple[list[str], Path]:
    """The command line that writes the program's calls to connect, bind and send into a file; its HOME is empty."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace: apt-get install strace")
    home = folder / "home"
    home.mkdir()
    trace = folder / "trace"
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    for name in ("ORT_DISABLE_TELEMETRY", "XDG_STATE_HOME", "XDG_CACHE_HOME", "CI", "GITHUB_ACTIONS"):
        environment.pop(name, None)
    calls = "trace=connect,bind,sendto,sendmsg,sendmmsg"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this machine does not let strace look")
    return ["strace", "-f", "-qq", "-e", calls, "-s", "200", "-o", str(trace), *command], trace


def peers(trace: Path) -> set[str]:
    """Addresses in the calls, as family and address and port or path."""
    found = set()
    for line in trace.read_text(errors="replace").splitlines():
        for family, rest in re.findall(r"sa_family=(AF_\w+)([^}]*)", line):
            if family == "AF_UNIX":
                found.add("unix " + "".join(re.findall(r'sun_path=@?"([^"]*)"', rest)))
            elif family in ("AF_INET", "AF_INET6"):
                port = re.search(r"port=htons\((\d+)\)", rest)
                address = re.search(r'inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"', rest)
                found.add(f"{address and address[1]}:{port and port[1]}")
    return found


def written(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", str(SAMPLE)],
        ["backends"],
        ["model", "info"],
        ["replay", str(SAMPLE), "--backend", "onnx", "--jobs", "2"],
    ],
    ids=["replay", "backends", "model", "processes"],
)
def test_a_command_opens_no_socket_and_leaves_nothing_at_home(tmp_path: Path, arguments: list[str]) -> None:
    environment = dict(os.environ)
    command, trace = traced(tmp_path, [sys.executable, "-m", "edge_daemon", *arguments], environment)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {peer for peer in peers(trace) if not peer.startswith("unix ")} == set()
    assert written(tmp_path / "home") == []


def test_the_daemon_speaks_to_its_broker_and_opens_the_port_that_is_configured(
    tmp_path: Path, make_mosquitto: Callable[..., Any], until: Callable[..., None]
) -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra `prometheus`")
    broker = make_mosquitto()
    broker.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    secret.chmod(0o600)
    os.mkfifo(tmp_path / "hydrophone")
    config = tmp_path / "config.yaml"
    config.write_text(
        "version: 1\ndevice: {id: buoy-7}\n"
        "audio: {source: pipe, pipe: hydrophone, rate: 2000, sample_format: int16}\n"
        f"mqtt: {{host: 127.0.0.1, port: {broker.port}, username: buoy, password_file: secret,"
        f" tls: {{enabled: true, ca_file: {broker.folder}/ca.crt}}}}\n"
        "storage: {folder: state}\nbackend: {worker: true}\n"
        f"health: {{prometheus_port: {port}}}\n"
    )
    environment = dict(os.environ)
    command, trace = traced(tmp_path, [sys.executable, "-m", "edge_daemon", "run", str(config)], environment)
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: "connected to the broker" in log.read_text(), 60)
        time.sleep(3.0)  # what a library does in the background, it does in the first seconds
    finally:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), 15)
        process.wait(30)
    reached = peers(trace)
    assert f"127.0.0.1:{broker.port}" in reached
    configured = {f"127.0.0.1:{broker.port}", f"127.0.0.1:{port}"}
    # paho binds its end of the connection to any address and port before it connects
    assert {peer for peer in reached if not peer.startswith("unix ")} - {"0.0.0.0:0"} == configured
    assert {peer for peer in reached if peer.startswith("unix ")} <= {"unix ", f"unix {NAME_SERVICE}"}
    assert [name for name in written(tmp_path / "home") if "kept-config-" not in name] == []
