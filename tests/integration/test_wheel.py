"""The wheel: whole, nothing beside the package in it, and at work in an environment that never saw the checkout."""

from __future__ import annotations

import json
import os
import platform
import runpy
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from edge_daemon.model.shipped import shipped_models

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMAS = {"detection", "effort", "excerpt", "health", "tally", "thumbnail"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "hatchling" in done.stderr and done.returncode:
        pytest.skip(f"hatchling cannot be had: {done.stderr.splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_everything_in_the_package_is_in_it_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(["git", "ls-files", "edge_daemon"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        assert "edge_daemon/__init__.py" in listed.stdout
        assert set(listed.stdout.splitlines()) - names == set()
    assert {name.split("/")[0] for name in names} == {"edge_daemon"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert {"edge_daemon/backends/GUIDE.md", "edge_daemon/py.typed"} <= names
    assert {f"edge_daemon/assets/{name}.schema.json" for name in SCHEMAS} <= names
    assert shipped_models()
    assert {f"edge_daemon/assets/{path.name}" for path in shipped_models().values()} <= names


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a release, with the compiled kernel for each processor."""
    make_wheel = runpy.run_path(str(ROOT / "systemd" / "make_wheel.py"))
    for machine, compiler in make_wheel["COMPILERS"].items():
        own = "cc" if machine == platform.machine() else compiler
        if shutil.which(own) is None:
            pytest.skip(f"needs the compiler {own}")
    made: Path = make_wheel["make"](tmp_path_factory.mktemp("release"))
    return made


def environment(folder: Path, wheel: Path) -> Path:
    """A new environment with a wheel and, seen where they are installed, the packages that it needs; its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # what it depends on is seen where it is installed; an editable install of ours there is not: its .pth is not read
    (packages / "seen.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    command = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, wheel], check=True)
    return packages


@pytest.mark.long
def test_a_release_scores_by_its_kernel_where_there_is_no_compiler(release: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(release) as archive:
        names = set(archive.namelist())
    kernels = {f"edge_daemon/backends/compiled/kernel.{machine}.so" for machine in ("aarch64", "x86_64")}
    assert {name for name in names if name.endswith(".so")} == kernels
    assert release.name.endswith("-py3-none-any.whl")
    environment(tmp_path / "environment", release)
    python = tmp_path / "environment" / "bin" / "python"
    done = subprocess.run(
        [python, "-P", "-m", "edge_daemon", "replay", "--output", "out", "--formats", "jsonl"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": "/nowhere"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert {one["backend"] for one in found} == {"compiled" if platform.machine() in {"aarch64", "x86_64"} else "onnx"}


@pytest.mark.long
def test_it_works_where_the_checkout_is_not(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    packages = environment(folder, wheel)

    away = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # it may lead to the checkout

    def call(*arguments: str) -> str:
        program = folder / "bin" / "edge-daemon"
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env=away
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert shipped_models()
    for name in shipped_models():
        assert str(packages) in call("model", "info", name)
        assert "detections in 1 recording" in call("replay", "--model", name)
    assert "runs the model" in call("backends", "--model", "right_whale_portable").split("\nloihi")[1].splitlines()[0]
