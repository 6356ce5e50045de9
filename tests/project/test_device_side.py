"""The extra `test` is enough to test the device side: tests/edge_daemon needs nothing of what only training needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEVICE_TESTS = ROOT / "tests" / "edge_daemon"
TRAINING_ONLY = {"torch", "snntorch", "nir", "safetensors", "dask", "distributed", "norse", "spikingjelly"}
COLLECT = """
import sys, pytest
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", {folder!r}]))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)  # a second collection, beside other workers
def test_the_device_sides_tests_are_found_without_torch() -> None:
    program = COLLECT.format(absent=TRAINING_ONLY, folder=str(DEVICE_TESTS))
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    found = {line.partition("::")[0] for line in ran.stdout.splitlines() if "::" in line}
    # those that need a cluster's packages skip themselves
    assert len(found) >= len(list(DEVICE_TESTS.rglob("test_*.py"))) - 1 > 50


def test_no_test_of_the_device_side_imports_training_without_skipping() -> None:
    """Imports inside functions too; `pytest.importorskip` names what may be absent, and why."""
    imported = {}
    for file in DEVICE_TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            else:
                continue
            imported |= {name.partition(".")[0]: file for name in names}
    assert "edge_daemon" in imported
    assert not {name: str(file) for name, file in imported.items() if name in TRAINING_ONLY | {"train"}}
