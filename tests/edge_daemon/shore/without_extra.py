"""What conftest of the station's tests does where the extra `shore` is not installed: skips each file, and says why.

A skip while conftest itself is imported would end the whole run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = [
    name
    for name in ("sqlalchemy", "alembic", "starlette", "uvicorn", "jinja2", "argon2")
    if importlib.util.find_spec(name) is None
]


class SkippedModule(pytest.Module):
    """A file of tests that is not even imported."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Skip."""
        pytest.skip(f"needs {MISSING[0]}: pip install 'edge-daemon[shore]'", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Take a file of tests for one that is skipped, if something is missing."""
    return SkippedModule.from_parent(parent, path=module_path) if MISSING else None  # type: ignore[no-any-return]
