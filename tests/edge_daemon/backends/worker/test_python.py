"""Workers in another Python: the plug-in is installed there and nowhere else, and may be a program of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import edge_daemon
from edge_daemon.backends import create
from edge_daemon.backends.guarded import open_backend
from edge_daemon.backends.registry import installed
from edge_daemon.backends.worker import wire
from edge_daemon.backends.worker.client import worker_command
from edge_daemon.checks.backend import try_backend
from edge_daemon.checks.run import check_start
from edge_daemon.config import Loaded, load_text
from edge_daemon.errors import BackendError, ConfigError
from edge_daemon.model.model_file import ModelFile

FEATURES = np.random.default_rng(4).integers(0, 256, (5, 50, 101)).astype(np.uint8)

PLUGIN = """
import sys
from edge_daemon.backends.onnx import OnnxBackend

class VendorBackend(OnnxBackend):
    name = "vendor"

    def health(self):
        return {**super().health(), "elsewhere": float(sys.prefix == %r)}
"""

OLD_WORKER = """
import socket
import sys
import numpy as np
import wire

assert "edge_daemon" not in sys.modules
with socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1])) as connection:
    fields, arrays = wire.receive(connection, None)
    assert fields["kind"] == "start" and fields["options"] == {"gain": 2} and arrays["model"].size == %d
    wire.send(connection, wire.encode({"kind": "ready"}), None)
    while True:
        try:
            fields, arrays = wire.receive(connection, None)
        except wire.WireError:
            break
        n = len(arrays["features"])
        mean = arrays["features"].mean(axis=(1, 2)) / 255
        results = {"score": mean.astype(np.float32), "spike_counts": np.zeros((n, 2), np.int32),
                   "layer_spikes": np.zeros((n, 3), np.int64)}
        wire.send(connection, wire.encode({"kind": "inference", "id": fields["id"], "health": {}}, results), None)
"""


def environment(folder: Path, *paths: str) -> tuple[Path, Path]:
    """A virtual environment that sees packages of ours by their folders; its interpreter and its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "seen.pth").write_text("\n".join(paths) + "\n")
    return folder / "bin" / "python", packages


@pytest.fixture
def vendor_python(tmp_path: Path) -> Path:
    """An interpreter where, unlike here, the backend `vendor` is installed."""
    root = str(Path(edge_daemon.__file__).parent.parent)
    python, packages = environment(tmp_path / "vendor", sysconfig.get_paths()["purelib"], root)
    (packages / "vendor_backend.py").write_text(PLUGIN % str(tmp_path / "vendor"))
    (packages / "vendor-1.0.dist-info").mkdir()
    (packages / "vendor-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (packages / "vendor-1.0.dist-info" / "entry_points.txt").write_text(
        "[edge_daemon.backends]\nvendor = vendor_backend:VendorBackend\n"
    )
    return python


@pytest.mark.slow
def test_a_plugin_of_another_python(
    vendor_python: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # meant for us; the other interpreter would not start with it
    text = (
        f"version: 1\nmodel: {{path: {tiny_model}}}\nbackend: {{name: vendor, worker: true, python: {vendor_python}}}"
    )
    config = load_text(text.encode()).config
    assert "vendor" not in installed()
    model = ModelFile.read(tiny_model)
    backend = open_backend(model, config.backend)
    try:
        found = backend.infer(FEATURES)
        assert (backend.problem, backend.name) == ("", "vendor")
        assert backend.health()["elsewhere"] == 1.0
    finally:
        backend.close()
    np.testing.assert_array_equal(found.score, create(model).infer(FEATURES).score)
    assert try_backend(config).text.startswith("vendor computes a window in ")


def test_an_interpreter_without_edge_daemon_brings_its_own_worker(tmp_path: Path, tiny_model: Path) -> None:
    python, packages = environment(tmp_path / "old", str(Path(np.__file__).parent.parent))
    shutil.copy(wire.__file__, packages / "wire.py")
    (packages / "old_worker.py").write_text(OLD_WORKER % tiny_model.stat().st_size)
    text = f"""
version: 1
backend:
  name: chip
  worker: true
  python: {python}
  worker_module: old_worker
  options: {{gain: 2}}
"""
    backend = open_backend(ModelFile.read(tiny_model), load_text(text.encode()).config.backend)
    try:
        score = backend.infer(FEATURES).score
        assert (backend.problem, backend.name) == ("", "chip")
    finally:
        backend.close()
    np.testing.assert_array_equal(score, (FEATURES.mean(axis=(1, 2)) / 255).astype(np.float32))


def test_interpreters_that_cannot_be(tmp_path: Path, tiny_model: Path) -> None:
    missing, locked = tmp_path / "none", tmp_path / "locked"
    locked.write_text("#!/bin/sh\n")
    for python, problem in ((missing, "does not exist"), (tmp_path, "is not a program"), (locked, "cannot be run")):
        with pytest.raises(BackendError, match=problem) as caught:
            worker_command(python)
        assert "backend.python" in caught.value.hint
    text = f"version: 1\nmodel: {{path: {tiny_model}}}\nbackend: {{name: onnx, worker: true, python: {missing}}}"
    config = load_text(text.encode()).config
    backend = open_backend(ModelFile.read(tiny_model), config.backend.model_copy(update={"fallback": "event"}))
    assert (backend.name, len(backend.infer(FEATURES).score)) == ("event", 5)
    assert backend.problem == (
        f"The backend onnx does not start: The worker's interpreter {missing} does not exist."
        " Set backend.python to a Python like /opt/vendor/bin/python3."
    )
    backend.close()
    wish = config.model_copy(update={"backend": config.backend.model_copy(update={"fallback": "event"})})
    verdict = try_backend(wish)
    assert verdict.state == "failed"
    assert f"{missing} does not exist." in verdict.text
    assert verdict.hint.startswith("The daemon would run on event.")


def test_one_without_edge_daemon_says_where_to_look(tmp_path: Path, tiny_model: Path) -> None:
    python, _ = environment(tmp_path / "bare")
    text = f"version: 1\nbackend: {{worker: true, python: {python}, fallback: }}"
    with pytest.raises(BackendError, match=r"backend 'onnx' does not start: .*on standard error"):
        open_backend(ModelFile.read(tiny_model), load_text(text.encode()).config.backend)


def test_a_worker_falls_back_on_its_own_backend_in_this_process(tmp_path: Path, tiny_model: Path) -> None:
    """`fallback: onnx` is the default; it is no less of one where the worker is to run `onnx` itself."""
    text = f"version: 1\nbackend: {{name: onnx, worker: true, python: {tmp_path / 'none'}}}"
    section = load_text(text.encode()).config.backend
    assert section.fallback == "onnx"
    backend = open_backend(ModelFile.read(tiny_model), section)
    np.testing.assert_array_equal(
        backend.infer(FEATURES).score, create(ModelFile.read(tiny_model)).infer(FEATURES).score
    )
    assert "does not exist" in backend.problem
    assert (backend.health()["fallback_active"], backend.health()["windows_by_fallback"]) == (1.0, 5.0)
    backend.close()
    # without a worker there is nothing to fall back on
    with pytest.raises(BackendError, match="vendor"):
        open_backend(
            ModelFile.read(tiny_model),
            section.model_copy(update={"name": "vendor", "fallback": "vendor", "worker": False}),
        )


def test_the_daemon_refuses_what_it_can_know_of_another_python(vendor_python: Path, tmp_path: Path) -> None:
    """A plug-in that is installed there alone is no reason; an interpreter that is not there is."""
    text = "version: 1\nstorage: {folder: %s}\nbackend:\n  name: %s\n  worker: true\n"

    def loaded(name: str, more: str) -> Loaded:
        return load_text((text % (tmp_path, name) + more).encode())

    check_start(loaded("vendor", f"  python: {vendor_python}\n"), {})
    with pytest.raises(ConfigError, match=r"^-:4:\d+: backend\.name"):
        check_start(loaded("vendor", ""), {})
    with pytest.raises(ConfigError, match=r"^-:6:\d+: backend\.python .*does not exist"):
        check_start(loaded("vendor", f"  python: {tmp_path / 'none'}\n"), {})
    # the library stays out of this process: its options are for the worker to check
    check_start(loaded("onnx", "  options: {speed: 1}\n"), {})


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["-P"], ["-I"]])
def test_a_worker_takes_no_module_from_the_current_folder_where_the_daemon_takes_none(
    tmp_path: Path, flags: list[str]
) -> None:
    """The unit's current folder is the state folder, which the daemon may write."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(edge_daemon.__file__).parents[1])!r})\n"
        "from edge_daemon.backends.worker.client import COMMAND, worker_command; print(COMMAND, worker_command())"
    )
    command = [sys.executable, *flags, "-c", program]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.count(f"'{flags[0]}', '-m'") == 2
