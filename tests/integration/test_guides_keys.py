"""The guides speak of keys, commands, options, reasons and causes that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import click
import pytest

from edge_daemon import cli
from edge_daemon.audio.source import GapCause
from edge_daemon.config.catalogue import entries
from edge_daemon.effort.spans import EntryCause
from edge_daemon.shore.settings import StationConfig

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "edge_daemon/backends/GUIDE.md"]
TROUBLES = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "edge_daemon").rglob("*.py")))
TEXT = re.compile(r"`([^`\n]+)`")


def by_name(path: Path) -> str:
    return path.name


ON_SHORE = {"shore.md", "fleet.md", "security.md"}
"""Guides that speak of the station's configuration beside the daemon's."""


def quoted_keys(text: str) -> list[str]:
    """What a guide quotes and what looks like a key of a configuration."""
    both = [*entries(), *entries(StationConfig)]
    sections = {entry.path[0] for entry in both if entry.section is not None}
    named = re.compile(rf"(?<![\w./-])((?:{'|'.join(sections)})(?:\.[a-z_]+)+)(?![\w./(-])")
    return [found for code in TEXT.findall(text) for found in named.findall(code)]


@pytest.mark.parametrize("guide", GUIDES, ids=by_name)
def test_keys_of_the_configuration_exist(guide: Path) -> None:
    station = entries(StationConfig) if guide.name in ON_SHORE else ()
    known = {".".join(entry.path) for entry in (*entries(), *station)}
    files = {"json", "yaml", "py", "md", "db", "onnx", "csv", "example"}
    quoted = quoted_keys(guide.read_text(encoding="utf-8"))
    unknown = [key for key in quoted if key not in known and key.rsplit(".", 1)[1] not in files]
    assert unknown == []


def command_lines(text: str) -> list[list[str]]:
    """Words after `edge-daemon` of each command in a guide, in blocks and in sentences."""
    blocks = re.findall(r"```(?:sh|text|console|yaml|ini)?\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + TEXT.findall(text)
    found = [re.search(r"^(?:\$ |sudo )?(?:\S*/)?edge-daemon((?: [^\s|>;&#]+)+)", line) for line in lines]
    return [match[1].split() for match in found if match is not None]


def test_guides_keys_and_commands_are_found() -> None:
    """Some guides have none of the one or the other; all together have many."""
    texts = [guide.read_text(encoding="utf-8") for guide in GUIDES]
    assert len(texts) > 8
    assert sum(len(quoted_keys(text)) for text in texts) > 20
    assert sum(len(command_lines(text)) for text in texts) > 20


@pytest.mark.parametrize("guide", GUIDES, ids=by_name)
def test_commands_and_options_exist(guide: Path) -> None:
    for words in command_lines(guide.read_text(encoding="utf-8")):
        command: click.Command = cli.cli
        while (
            isinstance(command, click.Group) and words and (words[0] in command.list_commands(click.Context(command)))
        ):
            inner = command.get_command(click.Context(command), words.pop(0))
            assert inner is not None
            command = inner
        if command is cli.cli:
            assert words[0].startswith("-") or not re.fullmatch(r"[a-z]+", words[0]), f"{guide.name}: {words}"
            continue
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        for word in words:
            if isinstance(command, click.Group) and word in command.list_commands(click.Context(command)):
                inner = command.get_command(click.Context(command), word)  # behind options of its group
                assert inner is not None
                command = inner
                options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            if word.startswith("--"):
                assert word.partition("=")[0] in options | {"--help"}, f"{guide.name}: {words}"


def test_reasons_in_the_troubleshooting_table_are_the_programs() -> None:
    table = TROUBLES[TROUBLES.index("## Health says") : TROUBLES.index("## The broker")]
    reasons = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert len(reasons) >= 10
    for reason in reasons:
        quoted = TEXT.search(reason)
        assert quoted is not None
        for piece in re.split(r"…", quoted[1]):
            words = piece.strip(" .:")
            # what the program puts into its sentences is not in its source: the beginning must be
            said = any(words[:length] in SOURCE for length in range(len(words), min(len(words), 9) - 1, -1))
            assert said, f"{reason}: the program says nowhere {words!r}"


def test_each_cause_of_a_gap_is_explained() -> None:
    told = set(TEXT.findall(TROUBLES[TROUBLES.index("## After an outage") :]))
    assert {*get_args(GapCause), *get_args(EntryCause)} <= told
