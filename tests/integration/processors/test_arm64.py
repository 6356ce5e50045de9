"""The shipped model and a wide one on arm64 wheels under emulation, as Raspberry Pi 4 and 5 run them: the same bits.

Debian's arm64 Python in a folder, the manylinux wheels for aarch64, and QEMU's user emulation with the boards'
processors named: with its default processor ONNX Runtime crashed or, worse, gave wrong numbers without an error.
The compiled kernel is built for them here, where there is a compiler that can. Needs root (binfmt_misc, chroot) and
Debian's mirrors and PyPI; emulated timings say nothing about a Pi.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.network import Stem
from edge_daemon.system import compiled_library as library

ROOT = Path(__file__).resolve().parents[3]
BINFMT = Path("/proc/sys/fs/binfmt_misc")
INTERPRETER = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
CROSS_COMPILER = "aarch64-linux-gnu-gcc"
PROCESSORS = {"Raspberry Pi 4": "cortex-a72", "Raspberry Pi 5": "cortex-a76"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, check=False, text=True, capture_output=True, timeout=600, env=os.environ | environment
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def emulator() -> Iterator[None]:
    """arm64 programs run on this machine; what was registered here is taken away afterwards."""
    if platform.machine() != "x86_64":
        pytest.skip("this compares x86-64 with arm64")
    if os.geteuid() != 0:
        pytest.skip("needs root, for binfmt_misc and chroot")
    for tool in ("mmdebstrap", "arch-test"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs the Debian package {tool}")
    if not INTERPRETER.exists():
        pytest.skip("needs the Debian package qemu-user-static")
    mounted = (BINFMT / "register").exists()
    if not mounted:
        run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
    registered = (BINFMT / "qemu-aarch64").exists()
    if not registered:
        (BINFMT / "register").write_text(INTERPRETER.read_text().strip())
    yield
    if not registered:
        (BINFMT / "qemu-aarch64").write_text("-1")
    if not mounted:
        run("umount", str(BINFMT))


@pytest.fixture(scope="module")
def board(
    emulator: None, tmp_path_factory: pytest.TempPathFactory, write_wide_model: Callable[[Path, Stem], ModelFile]
) -> Path:
    """Root folder of an arm64 Debian with the device's wheels and our code."""
    root = tmp_path_factory.mktemp("arm64") / "root"
    packages = "python3,libc-bin,libstdc++6,libsndfile1,ca-certificates,bash,coreutils"
    run(
        "mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", f"--include={packages}", "bookworm", str(root),
    )  # fmt: skip
    for folder in ("proc", "dev", "opt/packages", "opt/test"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    run("chroot", str(root), "/sbin/ldconfig")
    platforms = [f"--platform=manylinux_2_{n}_aarch64" for n in (28, 27, 17)] + ["--platform=manylinux2014_aarch64"]
    run(
        sys.executable, "-m", "pip", "install", "--quiet", *platforms, "--python-version=3.11", "--implementation=cp",
        "--only-binary=:all:", f"--target={root}/opt/packages", "numpy", "onnxruntime>=1.27", "pydantic>=2.7",
    )  # fmt: skip
    shutil.copytree(ROOT / "edge_daemon", root / "opt/packages/edge_daemon")
    shutil.copy(ROOT / "tests/integration/processors/arm64_outputs.py", root / "opt/test")
    shutil.copy(default_model_path(), root / "opt/test/shipped.onnx")
    write_wide_model(root / "opt/test/wide.onnx", "band_median")
    return root


def windows() -> np.ndarray:
    """Two-second windows of the package's own sample and of noise at several levels, float32 [N, 4000]."""
    sample, rate = soundfile.read(ROOT / "edge_daemon/assets/sample.flac", dtype="float32")
    assert rate == 2000
    rng = np.random.default_rng(0)
    cut = np.stack([sample[i : i + 4000] for i in range(0, len(sample) - 4000, 1000)])
    noise = [rng.standard_normal((8, 4000)) * 10.0**-level for level in range(1, 5)]
    return np.concatenate([cut, *noise, np.zeros((1, 4000))]).astype(np.float32)


@pytest.fixture(scope="module")
def kernel(board: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The compiled backend's name, if its kernel could be built for the board."""
    if shutil.which(CROSS_COMPILER) is None:
        return ()
    target = board / "opt/packages/edge_daemon/backends/compiled"
    shutil.copy(library.build(CROSS_COMPILER, "aarch64", tmp_path_factory.mktemp("kernel")), target)
    return ("compiled",)


@pytest.mark.parametrize("model_name", ["shipped", "wide"])
@pytest.mark.parametrize("name", PROCESSORS)
def test_every_output_is_the_same_bit_for_bit(
    board: Path, kernel: tuple[str, ...], tmp_path: Path, name: str, model_name: str
) -> None:
    np.save(board / "opt/test/windows.npy", windows())
    script = str(board / "opt/test/arm64_outputs.py")
    model, samples = str(board / f"opt/test/{model_name}.onnx"), str(board / "opt/test/windows.npy")
    run(sys.executable, script, model, samples, str(tmp_path / "here.npz"), PYTHONPATH=str(ROOT))
    done = run(
        "chroot", str(board), "/usr/bin/python3", "/opt/test/arm64_outputs.py",
        f"/opt/test/{model_name}.onnx", "/opt/test/windows.npy", "/opt/test/board.npz", *kernel,
        PYTHONPATH="/opt/packages", QEMU_CPU=PROCESSORS[name], OMP_NUM_THREADS="2",
    )  # fmt: skip
    assert done.stdout.startswith("aarch64")
    here, there = np.load(tmp_path / "here.npz"), np.load(board / "opt/test/board.npz")
    # what is compiled for the board is held against ONNX Runtime here
    expected = {key: here[key] for key in here.files}
    for key in kernel and here.files:
        if key.startswith("threads1_"):
            expected["compiled_" + key.removeprefix("threads1_")] = here[key]
    assert set(expected) == set(there.files) != set()
    for key, value in expected.items():
        np.testing.assert_array_equal(there[key], value, err_msg=f"{name}: {key}")
