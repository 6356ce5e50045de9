"""What plug-in authors may import: all of it is there, and our own plug-ins keep to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from edge_daemon import backends
from edge_daemon.backends import registry

ROOT = Path(backends.__file__).parents[2]
PLUGINS = [*(path for path in (ROOT / "tests/plugins").iterdir() if path.is_dir()), ROOT / "edge_daemon/backends/loihi"]
GUIDE = ROOT / "edge_daemon/backends/GUIDE.md"


def imported(source: str) -> set[str]:
    """What a file imports of edge_daemon, as `module.name` or `module`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "edge_daemon"}


PROMISED = {f"edge_daemon.backends.{name}" for name in backends.__all__}


def test_what_is_promised_is_there_and_told() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)`", guide[guide.index("## What you may import") : guide.index("## Test it")]))
    for name in backends.__all__:
        assert hasattr(backends, name)
        assert name in told


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_nothing_else_of_ours(plugin: Path) -> None:
    files = list(plugin.rglob("*.py"))
    found = set().union(*(imported(path.read_text(encoding="utf-8")) for path in files))
    own = {name for name in found if name.startswith(f"edge_daemon.backends.{plugin.name}.")}
    assert found & PROMISED
    assert found - own <= PROMISED


def test_the_guides_listing_imports_nothing_else_of_ours() -> None:
    found = set().union(*(imported(text) for text in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)))
    assert found
    assert found <= PROMISED


def test_loihi_is_found_as_a_foreign_plugin_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "loihi" not in registry.BUILT_IN
    assert registry.installed()["loihi"].value == "edge_daemon.backends.loihi.backend:LoihiBackend"
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    assert list(registry.installed()) == ["onnx", "event", "compiled"]
