"""Who scores where no backend is named: the kernel where it is there and right, else ONNX Runtime, to the same bits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.backends.compiled.backend import CompiledBackend
from edge_daemon.backends.compiled.trial import proven
from edge_daemon.backends.guarded import open_backend, unnamed_backend
from edge_daemon.checks.backend import try_backend
from edge_daemon.cli import invoke
from edge_daemon.config import Config
from edge_daemon.config.backend import BackendSection
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.system import compiled_library as library


@pytest.mark.slow
def test_the_kernel_scores_where_nothing_is_named(built: Path, tiny_model: Path) -> None:
    with closing(open_detector(DetectorSettings(tiny_model))) as detector:
        assert detector.backend.name == "compiled"
    with closing(open_detector(DetectorSettings(tiny_model, backend=BackendSection()))) as detector:
        assert (detector.backend.name, detector.problem) == ("compiled", "")
        assert detector.backend.health()["fallback_active"] == 0
    config = Config.model_validate({"model": {"path": tiny_model}})
    assert try_backend(config).text.startswith("compiled computes a window in ")


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"name": "onnx"}, {"threads": 2}, {"options": {"threads": 1}}, {"worker": True}])
def test_what_is_asked_for_is_done(built: Path, tiny_model: Path, asked: dict[str, object]) -> None:
    with closing(open_backend(ModelFile.read(tiny_model), BackendSection.model_validate(asked))) as backend:
        assert backend.name == "onnx"


def test_without_a_kernel_onnx_scores(without_kernel: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = ModelFile.read(tiny_model)
    assert unnamed_backend(model) is None
    with closing(open_backend(model, BackendSection())) as backend:
        assert (backend.name, backend.problem, backend.health()["fallback_active"]) == ("onnx", "", 0)
    with closing(open_detector(DetectorSettings(tiny_model))) as detector:
        assert detector.backend.name == "onnx"
    assert not caplog.records  # that is no fault


@pytest.mark.slow
@pytest.mark.usefixtures("wrong_source")
def test_a_kernel_that_computes_something_else_is_not_used(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    library.build()
    assert proven(ModelFile.read(tiny_model)) is None
    assert "does not compute what the model tiny says" in caplog.text


def test_a_file_that_is_no_library_is_not_used(
    without_kernel: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library.library_path().write_bytes(b"no library")
    assert proven(ModelFile.read(tiny_model)) is None
    assert "cannot be loaded" in caplog.text


@pytest.mark.slow
def test_onnx_takes_over_from_a_kernel_that_fails(
    built: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ModelFile.read(tiny_model)
    features = np.zeros((1, *model.metadata.frontend.shape), np.uint8)
    with closing(open_backend(model, BackendSection(retries=0))) as backend:
        expected = backend.infer(features)

        def fail(*_: object) -> None:
            raise BackendError("Inference failed: there is not enough memory.")

        monkeypatch.setattr(CompiledBackend, "infer", fail)
        np.testing.assert_array_equal(backend.infer(features).score, expected.score)
        assert (backend.name, backend.health()["fallback_active"]) == ("onnx", 1)
        assert "not enough memory" in backend.problem


@pytest.mark.slow
def test_tables_differ_in_the_name_alone(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tables(name: str) -> dict[str, bytes]:
        assert invoke(["replay", "--scores", "--output", str(tmp_path / name)]) == 0
        return {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }

    compiled = tables("one")
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    library.kernel.cache_clear()
    onnx = tables("two")
    library.kernel.cache_clear()
    lines = compiled["detections.jsonl"].splitlines()
    assert lines
    assert {json.loads(line)["backend"] for line in lines} == {"compiled"}
    named = {name: text.replace(b"compiled", b"onnx") for name, text in compiled.items()}
    assert named == onnx != compiled


@pytest.mark.slow
def test_a_daemon_that_the_kernel_serves_never_loads_onnx_runtime(built: Path) -> None:
    lines = (
        "import sys; from pathlib import Path",
        f"from edge_daemon.system import compiled_library; compiled_library.FOLDER = Path({str(built.parent)!r})",
        "from edge_daemon.checks.run import check_start; from edge_daemon.config import load_text",
        "from edge_daemon.detection.detector import DetectorSettings, open_detector",
        "loaded = load_text(b'version: 1\\n', {}); check_start(loaded, {})",
        "detector = open_detector(DetectorSettings.from_config(loaded.config))",
        "print(detector.backend.name, 'onnxruntime' in sys.modules)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["compiled", "False"], done.stderr
