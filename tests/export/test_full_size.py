"""The study's full-size network, 13,905-4096-512-64-2: its graph gives the reference's numbers."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from edge_daemon.system import compiled_library

pytest.importorskip("torch")
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
BENCH = Path(__file__).resolve().parents[1] / "benchmarks" / "bench_export.py"


def test_a_few_windows_agree(tmp_path: Path) -> None:
    bench, model = runpy.run_path(str(BENCH)), tmp_path / "full.onnx"
    bench["write_full_size"](model)
    assert model.stat().st_size <= 60_000_000
    found = {"values": 2 * 8 * (4 + 2 + 1), "differ": 0, "silent": 0}
    assert bench["run_child"](model, "--agreement", "onnx") == found
    if shutil.which("cc") is None:
        pytest.skip("no C compiler, so nothing else that computes it in a second")
    there = compiled_library.is_built()
    library = compiled_library.library_path() if there else compiled_library.build()
    try:
        assert bench["run_child"](model, "--agreement", "compiled") == found
        computed = bench["run_child"](model)
    finally:
        if not there:
            library.unlink()
    assert computed["backend"] == "compiled"
    assert computed["peak_rss_mb"] <= 130
