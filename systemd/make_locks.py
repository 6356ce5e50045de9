"""Writes the locks of a release, `systemd/locks/`: each package in one version, with the digests of its wheels.

    python systemd/make_locks.py [NAME ...]

The installer hands them to `pip install --require-hashes`: what the index offers then must be what the release was made
with, byte for byte. A lock serves every target below. pip finds the newest versions for the first of them, and the same
versions' wheels for the others; where a package has no such wheel for one of them, the making fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent / "locks"
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
MACHINES = ("aarch64", "x86_64")
PYTHONS = ("3.11", "3.12", "3.13")
GLIBCS = (36, 35, 34, 31, 28, 27, 26, 24, 17)
"""Wheels for glibc 2.N run on Debian 12, which has 2.36."""

Pins = dict[tuple[str, str], set[str]]
"""Name and version → digests of wheels, SHA-256 in hex."""


def requirements() -> dict[str, list[str]]:
    """What each lock is made of, by its name."""
    document = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    project = document["project"]
    return {
        "daemon": project["dependencies"],
        "prometheus": project["optional-dependencies"]["prometheus"],
        "orders": project["optional-dependencies"]["orders"],
        "build": document["build-system"]["requires"],
    }


def tags(machine: str) -> list[str]:
    """pip's options for the wheels that a machine can run."""
    names = [f"manylinux_2_{glibc}_{machine}" for glibc in GLIBCS] + [f"manylinux2014_{machine}"]
    return [word for name in names for word in ("--platform", name)]


def resolve(wanted: list[str], machine: str, python: str, pins: Pins) -> Pins:
    """The wheels that pip would install on a machine, of the pinned versions where there are any."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder, "report.json"), Path(folder, "constraints.txt")
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins))
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--disable-pip-version-check"]
        command += ["--ignore-installed", "--target", folder, "--only-binary", ":all:", "--implementation", "cp"]
        command += [*tags(machine), "--python-version", python, "-c", str(constraints), "--report", str(report)]
        subprocess.run([*command, *wanted], check=True)  # noqa: S603 - our own words and pyproject.toml's
        found = json.loads(report.read_text())["install"]
    return {
        (one["metadata"]["name"].lower().replace("_", "-"), one["metadata"]["version"]): {
            one["download_info"]["archive_info"]["hashes"]["sha256"]
        }
        for one in found
    }


def lock(name: str, wanted: list[str]) -> str:
    """The text of a lock."""
    pins: Pins = defaultdict(set)
    for machine in MACHINES:
        for python in PYTHONS:
            for pin, digests in resolve(wanted, machine, python, pins).items():
                pins[pin] |= digests
    names = [package for package, _ in pins]
    twice = {package for package in names if names.count(package) > 1}
    if twice:
        raise SystemExit(f"More than one version of {', '.join(sorted(twice))}: raise or bound it in pyproject.toml.")
    lines = [f"# Lock `{name}` for {', '.join(MACHINES)}; Python {', '.join(PYTHONS)}. Made: systemd/make_locks.py"]
    for (package, version), digests in sorted(pins.items()):
        lines.append(" \\\n    ".join([f"{package}=={version}", *(f"--hash=sha256:{one}" for one in sorted(digests))]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, wanted in requirements().items():
        if name in sys.argv[1:] or not sys.argv[1:]:
            (FOLDER / f"{name}.txt").write_text(lock(name, wanted), encoding="utf-8")
