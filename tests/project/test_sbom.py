"""The bill of materials of a release, and the audit of what is in it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.model.shipped import shipped_models

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "systemd" / "locks"


def bill(*locks: str) -> dict[str, Any]:
    command = [sys.executable, ROOT / "systemd/make_sbom.py", *locks]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def test_the_bill_names_every_package_with_all_its_digests_and_the_models() -> None:
    document = bill()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    lock = (LOCKS / "daemon.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    assert len(pinned) >= 15
    libraries = {part["name"]: part for part in document["components"] if part["type"] == "library"}
    assert {name: part["version"] for name, part in libraries.items()} == pinned
    digests = {wheel["hashes"][0]["content"] for part in libraries.values() for wheel in part["components"]}
    assert digests == set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    models = {part["name"]: part for part in document["components"] if part["type"] == "machine-learning-model"}
    assert set(models) == set(shipped_models())
    for name, path in shipped_models().items():
        assert models[name]["hashes"][0]["content"] == hashlib.sha256(path.read_bytes()).hexdigest()
    references = [part["bom-ref"] for part in document["components"]]
    assert len(set(references)) == len(references)
    assert document["dependencies"][0]["dependsOn"] == references


def test_the_bill_is_the_same_each_time_and_grows_with_the_locks() -> None:
    assert bill() == bill("daemon")
    names = {part["name"] for part in bill("daemon", "prometheus")["components"]}
    assert "prometheus-client" in names
    assert "hatchling" not in names


@pytest.mark.long
@pytest.mark.parametrize("lock", sorted(path.stem for path in LOCKS.glob("*.txt")))
def test_no_known_weakness_in_what_is_installed(lock: str) -> None:
    if subprocess.run([sys.executable, "-m", "pip_audit", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("needs pip-audit: pip install pip-audit")
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    ran = subprocess.run(
        [*command, "--format", "json", "-r", LOCKS / f"{lock}.txt"],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    if not ran.stdout.strip():
        pytest.skip(f"the audit's service cannot be reached: {ran.stderr.strip().splitlines()[-1:]}")
    audited = json.loads(ran.stdout)["dependencies"]
    assert audited
    found = {f"{one['name']} {one['version']}": [weak["id"] for weak in one.get("vulns", ())] for one in audited}
    assert {name: weak for name, weak in found.items() if weak} == {}
