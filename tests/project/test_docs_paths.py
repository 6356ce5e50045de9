"""README, guides and the pages for contributors name files, modules and pages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "edge_daemon/backends/GUIDE.md"]
ARCHITECTURE = ROOT / "docs/architecture.md"
FOLDERS = {path.name for path in [*ROOT.iterdir(), *(ROOT / "edge_daemon").iterdir()] if path.is_dir()}
FOLDERS -= {"runs"}  # what the guides' commands make; not part of the project
PLACEHOLDER = re.compile(r"NAME|SECTION")
"""Stands for any name in a path."""


def by_name(path: Path) -> str:
    return path.name


def quoted(page: Path) -> list[str]:
    """What stands between backticks, and the words of shell blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", text), *(word for block in blocks for word in block.split())]


def paths(page: Path) -> list[str]:
    """Paths of this project that a page names: those that begin with one of its folders."""
    words = [word for text in quoted(page) for word in text.split()]
    found = [re.match(r"((?:[\w.-]+/)+[\w.-]*)(?=#|::|$)", word) for word in words]
    return [match[1] for match in found if match is not None and match[1].split("/")[0] in FOLDERS]


def exists(path: str, page: Path) -> bool:
    """Whether a file or folder is there: from the root, below edge_daemon, or beside the page."""
    pattern = PLACEHOLDER.sub("*", path).rstrip("/")
    return any(list(folder.glob(pattern)) for folder in (ROOT, ROOT / "edge_daemon", page.parent))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_files_exist(page: Path) -> None:
    assert [path for path in paths(page) if not exists(path, page)] == []


def test_the_architecture_names_the_files_of_a_windows_life() -> None:
    named = paths(ARCHITECTURE)
    assert len(set(named)) >= 60
    assert {"live/scoring_loop.py", "detection/pipeline.py", "outbox/outbox.py", "replay/task.py"} <= set(named)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_modules_exist(page: Path) -> None:
    """`python -m a.b` and `edge_daemon.a.b`, where `b` may be a name in the module."""
    texts = "\n".join(quoted(page)) + "\n" + page.read_text(encoding="utf-8")
    run = set(re.findall(r"python -m ((?:edge_daemon|train|export|docs)[\w.]*)", texts))
    named = {name for text in quoted(page) for name in re.findall(r"^edge_daemon(?:\.[a-z]\w*)+$", text)}
    absent = [module for module in sorted(run) if not runs(ROOT / module.replace(".", "/"))]
    absent += [name for name in sorted(named) if not (imports(name) or imports(name.rpartition(".")[0]))]
    assert absent == []


def runs(place: Path) -> bool:
    return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


def imports(module: str) -> bool:
    place = ROOT / module.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def links(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)


def test_links_are_found() -> None:
    assert sum(len(links(page)) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, heading = link.partition("#")
        if target.startswith("https://"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link


def test_contributors_are_told_options_that_the_test_command_has() -> None:
    script = (ROOT / "tests/run").read_text(encoding="utf-8")
    options = set(re.findall(r"`tests/run (--\w+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert options == {"--quick", "--all"}
    assert [option for option in sorted(options) if f"{option})" not in script] == []
