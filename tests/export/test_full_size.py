"""The study's full-size network, 13,905-4096-512-64-2: its graph gives the reference's numbers."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
BENCH = Path(__file__).resolve().parents[1] / "benchmarks" / "bench_export.py"


def test_a_few_windows_agree(tmp_path: Path) -> None:
    bench, model = runpy.run_path(str(BENCH)), tmp_path / "full.onnx"
    bench["write_full_size"](model)
    found = bench["run_child"](model, "--agreement")
    assert found == {"values": 2 * 8 * (4 + 2 + 1), "differ": 0, "silent": 0}
    assert model.stat().st_size <= 60_000_000
