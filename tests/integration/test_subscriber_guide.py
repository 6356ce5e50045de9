"""The subscriber's guide stays true: its documents fit the schemas, its commands and its rule do what it says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from edge_daemon.documents.compact import encode
from edge_daemon.mqtt.topics import Topics
from tests.integration.conftest import ROOT, free_port, wait_until

GUIDE = (ROOT / "docs/subscriber.md").read_text(encoding="utf-8")
HOST = "broker.example.org"


def blocks(language: str) -> list[str]:
    """Code blocks of the guide."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


DETECTION: dict[str, Any] = json.loads(blocks("json")[0])
COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if "|" not in line]
PIPES = [line for block in blocks("sh") for line in block.splitlines() if "|" in line]


def test_the_example_is_a_detection() -> None:
    schema = json.loads((ROOT / "edge_daemon/assets/detection.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(DETECTION, schema)


def test_topics_are_the_programs_own() -> None:
    topics = Topics("edge_daemon", "buoy-7")
    own = (topics.detections, topics.status, topics.health, topics.effort, topics.presence, topics.thumbnails)
    for topic in (*own, topics.excerpts, topics.lost_clips, topics.packed):
        assert f"`…/{topic.rsplit('/', 1)[1]}`" in GUIDE


def test_telegraf_reads_fields_that_exist() -> None:
    detections, health = tomllib.loads(blocks("toml")[0])["inputs"]["mqtt_consumer"]
    parser = detections["json_v2"][0]
    paths = [parser["timestamp_path"], *(entry["path"] for entry in parser["tag"] + parser["field"])]
    assert all(path in DETECTION for path in paths)
    schema = json.loads((ROOT / "edge_daemon/assets/health.schema.json").read_text(encoding="utf-8"))
    assert {*health["tag_keys"], health["json_time_key"]} <= schema["properties"].keys()
    assert {"windows", "outbox"} <= schema["properties"].keys()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """Port of an open broker on loopback."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or shutil.which("mosquitto_pub") is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: publish(port, "up", "1"))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def publish(port: int, topic: str, payload: str) -> bool:
    """Publish retained, so that a subscriber that comes later has it too."""
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-r", "-q", "1", "-t", topic, "-m", payload]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_prints_what_arrives(broker: int, command: str) -> None:
    assert publish(broker, "edge_daemon/buoy-7/detections", json.dumps(DETECTION))
    assert publish(broker, "edge_daemon/buoy-7/status", "online")
    words = shlex.split(command.replace(HOST, "127.0.0.1"))
    if words[0] == "edge-daemon":
        words = [sys.executable, "-m", "edge_daemon", *words[1:], "--port", str(broker), "--count", "1"]
    else:
        words += ["-p", str(broker), "-C", "1", "-W", "20"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "buoy-7" in done.stdout


@pytest.mark.slow
def test_packed_messages_become_documents(broker: int) -> None:
    document = json.dumps(DETECTION, separators=(",", ":"))
    packed = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker), "-r", "-t", "edge_daemon/buoy-7/packed", "-s"]
    subprocess.run(packed, input=encode([document]), check=True)
    [pipe] = PIPES
    program = f"{shlex.quote(sys.executable)} -m edge_daemon"
    command = pipe.replace(HOST, f"127.0.0.1 -p {broker} -C 1 -W 20").replace("edge-daemon", program)
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True, timeout=60)  # noqa: S602 ours
    assert done.stdout == f"edge_daemon/buoy-7/detections {document}\n"
    [snippet] = blocks("python")
    lines: list[str] = []
    scope: dict[str, Any] = {"print": lambda *words: lines.append(" ".join(words))}
    exec(snippet, scope)  # noqa: S102 our own guide
    scope["on_message"](None, None, SimpleNamespace(topic="edge_daemon/buoy-7/packed", payload=encode([document])))
    assert lines == [f"edge_daemon/buoy-7/detections {document}"]


RUNNER = """
const memory = {};
const flow = {get: key => memory[key], set: (key, value) => { memory[key] = value; }};
const rule = new Function('msg', 'flow', RULE);
const answers = MESSAGES.map(payload => rule({payload}, flow));
console.log(JSON.stringify(answers.map(answer => answer && answer.payload)));
"""


def test_the_node_red_rule_wants_two_fresh_calls(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    nodes = next(found for text in blocks("json") if isinstance(found := json.loads(text), list))
    assert nodes[0]["topic"] == "edge_daemon/+/detections"
    rule = next(entry["func"] for entry in nodes if entry["type"] == "function")
    now = time.time()

    def call(number: int, age_s: float, **changed: object) -> dict[str, object]:
        begin = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(now - age_s))
        return DETECTION | {"id": str(number), "begin_utc": begin, "peak_score": 0.95} | changed

    messages = [
        call(0, 7200),  # old
        call(1, 60, peak_score=0.8),  # weak
        call(2, 60, clock="unsynchronised"),
        call(3, 300),  # the first good one
        call(3, 300),  # again: a resend
        call(4, 20, device="buoy-8"),  # another device
        call(5, 10),  # the second good one
    ]
    program = RUNNER.replace("RULE", json.dumps(rule)).replace("MESSAGES", json.dumps(messages))
    path = tmp_path / "rule.js"
    path.write_text(program)
    answers = json.loads(subprocess.run([node, path], check=True, capture_output=True, text=True).stdout)
    assert answers[:-1] == [None] * 6
    assert answers[-1].startswith("2 right-whale calls at buoy-7")
