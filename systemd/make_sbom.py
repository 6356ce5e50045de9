"""Prints what a release consists of, as a CycloneDX 1.5 document: `python systemd/make_sbom.py [LOCK ...]`.

The program, its model files, and each package of the locks (`daemon` if none is named) with the digests of its wheels.
The same checkout gives the same document, byte for byte; it has no time and no random number in it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = Path(__file__).parent / "locks"


def packages(lock: str) -> list[dict[str, Any]]:
    """The components of a lock."""
    text = (LOCKS / f"{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        match = re.match(r"([\w.-]+)==(\S+)", line)
        if match is None:
            continue
        name, version = match.groups()
        # a CycloneDX component has one artefact; the wheels of one version are listed as its parts
        wheels = [
            {"type": "file", "name": f"wheel {number}", "hashes": [{"alg": "SHA-256", "content": digest}]}
            for number, digest in enumerate(re.findall(r"--hash=sha256:([0-9a-f]{64})", line), 1)
        ]
        purl = f"pkg:pypi/{name}@{version}"
        found.append(
            {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "components": wheels}
        )
    return found


def models() -> list[dict[str, Any]]:
    """The model files inside the package."""
    folder = ROOT / "edge_daemon" / "assets"
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model:{path.stem}",
            "name": path.stem,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in sorted(folder.glob("right_whale*.onnx"))
    ]


def document(locks: list[str]) -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    purl = f"pkg:pypi/{project['name']}@{project['version']}"
    parts = [*models(), *(part for lock in locks for part in packages(lock))]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": project["name"],
                "version": project["version"],
                "purl": purl,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


if __name__ == "__main__":
    print(json.dumps(document(sys.argv[1:] or ["daemon"]), indent=2))  # noqa: T201 - that is what it is for
