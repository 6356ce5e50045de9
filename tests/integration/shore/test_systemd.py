"""The station under a real systemd, set up as the guide says: it takes in, serves, and comes back after a kill."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_daemon.shore.buoy_documents import detection
from tests.integration.booted_machine import Machine, booted, put, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[3]
PORT = 18_884
NEEDED = "numpy, paho.mqtt, yaml, pydantic, click, rich, sqlalchemy, alembic, starlette, uvicorn, jinja2, argon2"
PROGRAM = """\
#!/bin/sh
PYTHONPATH=/opt/edge-daemon-shore/lib:/opt/edge-daemon-shore/site exec /usr/bin/python3 {words}"$@"
"""
SETTINGS = f"""\
version: 1
mqtt: {{host: localhost, port: {PORT}, username: shore, password_credential: mqtt-password}}
"""
BROKER = {
    "etc/broker/broker.conf": f"user root\nlistener {PORT} 127.0.0.1\nallow_anonymous false\n"
    "password_file /etc/broker/passwords\n",
    "etc/systemd/system/broker.service": "[Service]\nExecStart=mosquitto -c /etc/broker/broker.conf\n"
    "[Install]\nWantedBy=multi-user.target\n",
}
VISIT = """\
import http.cookiejar, sys, urllib.parse, urllib.request
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
browser = urllib.request.build_opener(jar)
fields = urllib.parse.urlencode({"name": "ann", "password": "password of ann"}).encode()
browser.open("http://127.0.0.1:8765/login", fields, timeout=30).read()
print(browser.open("http://127.0.0.1:8765" + sys.argv[1], timeout=30).read().decode())
"""


def prepare(root: Path) -> None:
    """The program where the guide has it, the broker, and a visitor."""
    library = root / "opt/edge-daemon-shore/lib"
    library.mkdir(parents=True)
    (root / "opt/edge-daemon-shore/site").mkdir()  # the packages it needs are bound there
    for folder in (library.parent, library):
        folder.chmod(0o755)
    shutil.copytree(ROOT / "edge_daemon", library / "edge_daemon", ignore=shutil.ignore_patterns("__pycache__"))
    put(root / "opt/edge-daemon-shore/venv/bin/python", PROGRAM.format(words=""), 0o755)
    put(root / "opt/edge-daemon-shore/venv/bin/edge-daemon", PROGRAM.format(words="-P -m edge_daemon "), 0o755)
    for path in ("opt/edge-daemon-shore/venv", "opt/edge-daemon-shore/venv/bin"):
        (root / path).chmod(0o755)
    put(root / "etc/systemd/system/edge-daemon-shore.service", (ROOT / "systemd/edge-daemon-shore.service").read_text())
    put(root / "etc/edge-daemon/shore.yaml", SETTINGS)
    put(root / "etc/edge-daemon/mqtt-password", "ashore\n", 0o600)
    for path, text in BROKER.items():
        put(root / path, text)
    put(root / "etc/broker/passwords", "", 0o600)
    for user, password in (("buoy", "s3cret"), ("shore", "ashore")):
        command = ["mosquitto_passwd", "-b", str(root / "etc/broker/passwords"), user, password]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    put(root / "srv/visit.py", VISIT)
    for command in (["enable", "broker"], ["mask", "mosquitto", "nginx"], ["set-default", "multi-user.target"]):
        subprocess.run(["systemctl", f"--root={root}", *command], check=True, capture_output=True, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with booted(tmp_path, "edge-daemon-shore", prepare, "/opt/edge-daemon-shore/site", NEEDED) as made:
        yield made


def test_the_station_lives_and_heals(machine: Machine) -> None:
    home = "/var/lib/edge-daemon-shore"
    user = ["--home-dir", home, "--shell", "/usr/sbin/nologin", "edge-daemon-shore"]
    machine.run("useradd", "--system", *user)
    machine.run("install", "-d", "-o", "edge-daemon-shore", "-g", "edge-daemon-shore", "-m", "0700", home)
    put_ann = "edge-daemon shore user put ann --role judge --password-stdin"
    machine.run(
        "sh", "-c",
        f"echo 'password of ann' | runuser -u edge-daemon-shore -- /opt/edge-daemon-shore/venv/bin/{put_ann}",
    )  # fmt: skip
    machine.run("systemctl", "enable", "--now", "edge-daemon-shore")
    until(lambda: machine.show("ActiveState") == "active", 120, machine.log)
    until(lambda: "Watching" in machine.journal(), 60, machine.log)

    def publish(number: int) -> None:
        put(machine.root / "srv/found.json", json.dumps(detection("buoy-7", number, time.time_ns())))
        machine.run(
            "mosquitto_pub", "-h", "localhost", "-p", str(PORT), "-u", "buoy", "-P", "s3cret", "-q", "1",
            "-t", "edge_daemon/buoy-7/detections", "-f", "/srv/found.json",
        )  # fmt: skip

    def listed() -> int:
        return len(json.loads(machine.run("/usr/bin/python3", "/srv/visit.py", "/api/detections"))["detections"])

    publish(1)
    until(lambda: listed() == 1, 60, machine.log)
    main = machine.show("MainPID")
    assert machine.run("ps", "-o", "user:20", "--no-headers", "-p", main) == "edge-daemon-shore"
    assert machine.run("stat", "-c", "%U %a", f"{home}/shore.db") == "edge-daemon-shore 600"
    for place in ("/etc/edge-daemon", "/opt/edge-daemon-shore", "/usr", "/srv"):
        machine.run("nsenter", "-t", main, "-m", "--", "sh", "-c", f"! touch {place}/x")
    machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "edge-daemon-shore")
    publish(2)  # while it is away
    until(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", 120, machine.log)
    until(lambda: listed() == 2, 60, machine.log)
    began = time.monotonic()
    machine.run("systemctl", "stop", "edge-daemon-shore")
    assert time.monotonic() - began < 30.0
    assert (machine.show("ActiveState"), machine.show("Result")) == ("inactive", "success")
    assert "Traceback" not in machine.journal()
