"""`edge-daemon config`: write, check and show the configuration file."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.configuration_output import write_configuration
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.checks.verdict import Verdict
    from edge_daemon.config import Loaded
    from edge_daemon.errors import ConfigError

DEFAULT = Path("/etc/edge-daemon/config.yaml")
MARKS = {"ok": "ok     ", "warning": "WARNING", "failed": "FAILED ", "skipped": "skipped"}

file_argument = click.argument(
    "file", required=False, type=click.Path(path_type=Path), default=DEFAULT, envvar="EDGE_DAEMON_CONFIG"
)


@click.group()
def config() -> None:
    """Write, check and show the configuration file."""


@config.command()
@click.option("--profile", type=click.Choice(["buoy", "drone", "bench"]), help="Starting point (default: bench).")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; if missing or -, print.")
@click.option(
    "--force", is_flag=True, help="Replace an existing file; on a terminal, its values are the answers given."
)
@click.option("--no-input", is_flag=True, help="Ask nothing, even on a terminal.")
def init(profile: str | None, output: Path | None, force: bool, no_input: bool) -> None:
    """Write a commented configuration; asks questions on a terminal, else uses the profile's values."""
    from edge_daemon.config.loading import load_text
    from edge_daemon.config.profile import PROFILES, ProfileName
    from edge_daemon.config.root import Config
    from edge_daemon.config.template import template
    from edge_daemon.errors import UsageError

    asking = not no_input and sys.stdin.isatty()
    if output == Path("-"):
        output = None
    elif asking and output is None and sys.stdout.isatty():
        output = Path(click.prompt("File to write", default=_usual_place(), err=True)).expanduser()
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} already exists.", "Use --force to replace it.")
    former: dict[tuple[str, ...], object] = {}
    if asking and output is not None and output.exists():
        from edge_daemon.cli.former_answers import former_answers
        from edge_daemon.system.credentials import environment_by_hand

        former = former_answers(output, environment_by_hand(output.parent, os.environ))
    if asking and profile is None and not former:
        profile = click.prompt("Profile", type=click.Choice(["buoy", "drone", "bench"]), default="buoy", err=True)
    named: ProfileName = profile or "bench"  # type: ignore[assignment]
    values = former or dict(PROFILES[named])
    if former and profile is not None:
        values |= {key: value for key, value in PROFILES[named].items() if key != ("mqtt", "host")}
    values.setdefault(("device", "id"), Config().device.id)
    values.setdefault(("mqtt", "host"), Config().mqtt.host)
    if asking:
        from edge_daemon.cli.config_questions import Questionnaire

        questions = Questionnaire(values, Path() if output is None else output.parent)
        questions.ask_all()
        values = questions.values
    title = "Configuration of edge-daemon" + (f", profile {named}." if profile or not former else ".")
    text = template(values, title)
    load_text(text.encode(), path=output)  # a wrong answer is told here, not at sea
    write_configuration(text, output, "edge-daemon config check")


def _usual_place() -> str:
    """Where the service reads it, if we may write there; else the current folder."""
    folder = DEFAULT.parent
    return str(DEFAULT) if folder.is_dir() and os.access(folder, os.W_OK) else "edge-daemon.yaml"


@config.command(short_help="Check FILE and everything it refers to.")
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
@click.option("--syntax", is_flag=True, help="Check only the file itself, not what it refers to.")
@click.option("--offline", is_flag=True, help="Do not try what needs a network or a sound card.")
def check(file: Path, as_json: bool, syntax: bool, offline: bool) -> int:
    """Check FILE and everything it refers to; exit code 0: good, 1: something fails, 2: the file is wrong."""
    from edge_daemon.checks.verdict import Verdict
    from edge_daemon.config import load
    from edge_daemon.errors import ConfigError
    from edge_daemon.system.credentials import environment_by_hand

    # what goes wrong in a check is its verdict; the parts' own logs would say it again, between the lines
    if not (logger := logging.getLogger("edge_daemon")).handlers:
        logger.addHandler(logging.NullHandler())
    environment = environment_by_hand(file.parent, os.environ)
    try:
        loaded = load(file, environment)
    except ConfigError as error:
        if not as_json:
            raise
        document = {"file": str(file), "good": False, "problems": _problems(error), "verdicts": []}
        say(json.dumps(document, indent=2, ensure_ascii=False))
        return error.exit_code
    note = f", version {loaded.migrated_from}, migrated" if loaded.migrated_from is not None else ""
    verdicts = [Verdict("file", "ok", f"{file} is well-formed{note}")]
    _print(verdicts[0], as_json)
    if not syntax:
        from edge_daemon.checks import run

        wanted = run.checks(environment)
        for found in run.checkup(loaded.config, run.offline(wanted) if offline else wanted):
            verdict = replace(found, text=loaded.redact(found.text), hint=loaded.redact(found.hint))
            verdicts.append(verdict)
            _print(verdict, as_json)
    good = all(verdict.state != "failed" for verdict in verdicts)
    if as_json:
        rows = [{"name": v.name, "state": v.state, "text": v.text, "hint": v.hint} for v in verdicts]
        document = {"file": str(file), "good": good, "problems": [], "verdicts": rows}
        say(json.dumps(document, indent=2, ensure_ascii=False))
    return 0 if good else 1


def _problems(error: ConfigError) -> list[dict[str, object]]:
    from edge_daemon.config import ConfigFileError

    if not isinstance(error, ConfigFileError):
        return [{"key": "", "line": None, "column": None, "text": error.message, "hint": error.hint}]
    return [
        {"key": p.key, "line": p.place.line, "column": p.place.column, "text": p.sentence, "hint": p.hint}
        for p in error.problems
    ]


def _print(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        return
    indent = " " * 18
    width = shutil.get_terminal_size().columns - 1 if sys.stdout.isatty() else 10_000  # a log keeps its lines whole
    for start, words in ((f"{MARKS[verdict.state]}  {verdict.name:<8} ", verdict.text), (indent, verdict.hint)):
        for text in textwrap.wrap(words, max(40, width), initial_indent=start, subsequent_indent=indent):
            say(text)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors that check as you type."""
    from edge_daemon.config import json_schema

    say(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _with_orders(loaded: Loaded, file: Path) -> Loaded:
    """With what orders from shore have set, as the daemon has it, too."""
    if not loaded.config.orders.enabled:
        return loaded
    from edge_daemon.errors import EdgeDaemonError
    from edge_daemon.orders.overlay import laid_over
    from edge_daemon.orders.state_file import StateFile
    from edge_daemon.system.credentials import environment_by_hand

    try:
        setup = StateFile(loaded.config.storage.orders_path).read().setup
        return laid_over(loaded, setup, environment_by_hand(file.parent, os.environ))
    except EdgeDaemonError as error:
        say(f"What orders have set is not shown: {error}", err=True)
        return loaded


@config.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--changed", is_flag=True, help="Show only values that differ from the default.")
def show(file: Path, as_json: bool, changed: bool) -> None:
    """Print all effective values of FILE and where each came from."""
    from edge_daemon.config import load_by_hand
    from edge_daemon.config.loading import value_at
    from edge_daemon.config.template import yaml_value

    loaded = _with_orders(load_by_hand(file), file)
    rows = []
    for path, origin in loaded.origins.items():
        if changed and origin.kind == "default":
            continue
        value = "(secret)" if origin.secret else yaml_value(value_at(loaded.config, path))
        rows.append({"key": ".".join(path), "value": value, "origin": origin.text(str(file))})
    if as_json:
        say(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max((len(row["key"]) for row in rows), default=0)
    wide = max((len(row["value"]) for row in rows), default=0)
    for row in rows:
        say(f"{row['key']:<{width}}  {row['value']:<{min(wide, 40)}}  {row['origin']}")
