"""The guide's flow, imported in a real Node-RED from npm: every node has its place, and an alert comes of two calls."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.detection.document import Detection
from tests.integration.nasty_broker import NastyBroker

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "subscriber.md").read_text(encoding="utf-8")
SECTION = GUIDE[GUIDE.index("## Node-RED") :]
FLOW: list[dict[str, Any]] = json.loads(re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)[0])
EXAMPLE = json.loads(Detection.schema_text())["examples"][0]


def test_every_node_has_its_place_and_the_broker_all_that_it_needs() -> None:
    nodes = {node["id"]: node for node in FLOW}
    (tab,) = (node["id"] for node in FLOW if node["type"] == "tab")
    (broker,) = (node for node in FLOW if node["type"] == "mqtt-broker")
    assert int(broker["keepalive"]) > 0
    placed = [node for node in FLOW if node["type"] not in ("tab", "mqtt-broker")]
    assert len({(node["x"], node["y"]) for node in placed}) == len(placed) == 3
    assert {node["z"] for node in placed} == {tab}
    for node in placed:
        assert all(target in nodes for wires in node["wires"] for target in wires)


@pytest.fixture
def node_red(tmp_path: Path, nasty_broker: NastyBroker, until: Callable[..., None]) -> Iterator[tuple[str, Path]]:
    """Address of a Node-RED without flows, and its log."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm: apt-get install npm")
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), "node-red@4"]
    if subprocess.run(install, capture_output=True, check=False, timeout=1500).returncode != 0:
        pytest.skip("node-red cannot be installed from npm")
    from tests.integration.conftest import free_port

    port, log = free_port(), tmp_path / "log"
    settings = tmp_path / "settings.js"
    settings.write_text(
        f"module.exports = {{uiPort: {port}, uiHost: '127.0.0.1', flowFile: 'flows.json', "
        "telemetry: {enabled: false, updateNotification: false}, logging: {console: {level: 'info'}}}\n"
    )
    program = tmp_path / "node_modules" / "node-red" / "red.js"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["node", program, "--userDir", tmp_path / "user", "--settings", settings],
            stdout=out, stderr=out, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
    try:
        until(lambda: "Started flows" in log.read_text(), 120)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(20)


def post(url: str, document: object) -> int:
    """Send JSON; the HTTP status."""
    data = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", "Node-RED-API-Version": "v1"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=30) as response:  # noqa: S310 - loopback
        return int(response.status)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_flow_is_imported_and_alerts(
    node_red: tuple[str, Path], nasty_broker: NastyBroker, until: Callable[..., None]
) -> None:
    address, log = node_red
    own = {"broker": "127.0.0.1", "port": str(nasty_broker.port)}
    flow = [node | own if node["type"] == "mqtt-broker" else node for node in FLOW]
    flow = [node | {"console": True, "tosidebar": False} if node["type"] == "debug" else node for node in flow]
    assert post(f"{address}/flows", flow) == 204
    until(lambda: any(session.topics for session in nasty_broker.sessions), 60)
    until(lambda: "Connected to broker" in log.read_text(), 60)
    for number in range(2):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - 30 + number))
        call = EXAMPLE | {"id": str(number), "begin_utc": moment, "peak_score": 0.95}
        nasty_broker.deliver("edge_daemon/buoy-7/detections", json.dumps(call).encode())
    until(lambda: "2 right-whale calls at buoy-7" in log.read_text(), 60)
    assert "[error]" not in log.read_text()
