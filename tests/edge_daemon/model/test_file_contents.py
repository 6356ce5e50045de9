"""Small files are read, large ones mapped; a mapped file that was exchanged is noticed, and its memory given back."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edge_daemon.backends import create
from edge_daemon.errors import BackendError
from edge_daemon.model.file_contents import LARGE_BYTES, FileContents
from edge_daemon.model.model_file import ModelFile


def resident_mb() -> float:
    fields = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").split()
    return int(fields[fields.index("Rss:") + 1]) / 1024


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(LARGE_BYTES + 1))
    return path


def test_a_small_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(bytes(LARGE_BYTES))
    found = FileContents.read(path)
    assert found.data == bytes(LARGE_BYTES)
    assert found.mapped is None
    path.unlink()
    assert found.unchanged()  # its bytes are in memory, whatever becomes of the file


def test_a_large_file_is_mapped(large: Path) -> None:
    found = FileContents.read(large)
    assert isinstance(found.data, mmap.mmap)
    assert found.mapped == large
    assert found.data[:] == large.read_bytes()


@pytest.mark.parametrize("change", ["replaced", "written to", "gone"])
def test_a_mapped_file_that_changes_is_noticed(large: Path, change: str) -> None:
    found = FileContents.read(large)
    assert found.unchanged()
    if change == "replaced":
        other = large.with_name("other")
        other.write_bytes(large.read_bytes())
        other.replace(large)
    elif change == "written to":
        with large.open("ab") as opened:
            opened.write(b"more")
    else:
        large.unlink()
    assert not found.unchanged()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_memory_is_given_back_and_the_bytes_are_still_there(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1 << 20) * 40)
    found = FileContents.read(path)
    assert sum(found.data[::4096]) > 0
    full = resident_mb()
    found.release()
    assert full - resident_mb() > 30
    assert found.data[: 1 << 20] == found.data[39 << 20 :]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_copy_never_has_the_whole_file_in_memory_twice(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1 << 20) * 40)
    found = FileContents.read(path)
    before = resident_mb()
    copy = found.copied(np.frombuffer(found.data, np.uint8).reshape(40, 1 << 20))
    assert 35 < resident_mb() - before < 50
    path.write_bytes(b"another file")
    assert (copy == copy[:1]).all()


def test_a_large_model_runs_from_its_file(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = ModelFile.read(tiny_model)
    monkeypatch.setattr("edge_daemon.model.file_contents.LARGE_BYTES", 1000)
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_model.read_bytes())
    model = ModelFile.read(path)
    assert model.contents.mapped == path
    assert model.digest == in_memory.digest
    assert (model.network().layers[0].weight == in_memory.network().layers[0].weight).all()
    steps: list[str] = []
    release, session = FileContents.release, onnxruntime.InferenceSession
    monkeypatch.setattr(FileContents, "release", lambda contents: (steps.append("release"), release(contents)))
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: (steps.append("load"), session(*a, **k))[1])
    create(model).close()
    assert steps == ["release", "load"], "what looked at the weights before still holds their memory"
    path.write_bytes(tiny_model.read_bytes() + b"")
    os.utime(path, ns=(1, 1))
    with pytest.raises(BackendError, match="changed while it was being loaded"):
        create(model)
