"""`edge-daemon config`: write, check and show the configuration file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_daemon.checkup import Verdict

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
@click.option("--output", type=click.Path(path_type=Path), help="File to write; without it, print.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--no-input", is_flag=True, help="Ask nothing, even on a terminal.")
def init(profile: str | None, output: Path | None, force: bool, no_input: bool) -> None:
    """Write a commented configuration: asking on a terminal, else with the profile's values."""
    from edge_daemon.config.loading import load_text
    from edge_daemon.config.profile import PROFILES
    from edge_daemon.config.root import Config
    from edge_daemon.config.template import template
    from edge_daemon.errors import StorageError, UsageError
    from edge_daemon.tables.atomic import whole_file

    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} exists already.", "Use --force to replace it.")
    asking = not no_input and sys.stdin.isatty() and output is not None
    if asking and profile is None:
        profile = click.prompt("Profile", type=click.Choice(["buoy", "drone", "bench"]), default="buoy")
    values = dict(PROFILES[profile or "bench"])  # type: ignore[index]
    values["device", "id"] = Config().device.id
    if asking:
        values |= _ask(values)
    text = template(values, f"Configuration of edge-daemon, profile {profile or 'bench'}.")
    load_text(text.encode(), path=output)  # a wrong answer is told here, not at sea
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(output) as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(f"Written: {output}")
    click.echo(f"Next: edge-daemon config check {output}")


def _ask(values: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], Any]:
    """The few questions whose answers nobody can guess."""
    answers: dict[tuple[str, ...], Any] = {}
    answers["device", "id"] = click.prompt("Name of this device", default=values["device", "id"])
    device = click.prompt("Sound card (name, part of it, or index; empty: default)", default="", show_default=False)
    if device:
        answers["audio", "device"] = int(device) if device.isdecimal() else device
    rate = click.prompt("Sampling rate in Hz (0: the sound card's own)", type=int, default=0)
    if rate:
        answers["audio", "rate"] = rate
    answers["mqtt", "host"] = click.prompt("Broker (name or address)", default=values["mqtt", "host"])
    if click.confirm("Encrypted connection (TLS)?", default=False):
        answers["mqtt", "tls", "enabled"] = True
        authority = click.prompt("File with its authority (empty: the system's)", default="", show_default=False)
        if authority:
            answers["mqtt", "tls", "ca_file"] = authority
    user = click.prompt("User name at the broker (empty: none)", default="", show_default=False)
    if user:
        answers["mqtt", "username"] = user
        default = "/etc/edge-daemon/mqtt-password"
        answers["mqtt", "password_file"] = click.prompt("File with the password (chmod 600)", default=default)
    return answers


@config.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Verdicts as JSON.")
@click.option("--syntax", is_flag=True, help="Only the file itself: try no model, device, broker, folder or clock.")
def check(file: Path, as_json: bool, syntax: bool) -> int:
    """Check FILE, and whether what it names works; exit code 0 good, 1 something fails, 2 the file is wrong."""
    from edge_daemon.checkup import Verdict, checkup
    from edge_daemon.config import ConfigFileError, load

    try:
        loaded = load(file)
    except ConfigFileError as error:
        if not as_json:
            raise
        problems = [
            {"key": p.key, "line": p.place.line, "column": p.place.column, "text": p.sentence, "hint": p.hint}
            for p in error.problems
        ]
        click.echo(json.dumps({"file": str(file), "good": False, "problems": problems, "verdicts": []}, indent=2))
        return error.exit_code
    note = f", version {loaded.migrated_from}, migrated" if loaded.migrated_from is not None else ""
    verdicts = [Verdict("file", "ok", f"{file} is well-formed{note}")]
    _print(verdicts[0], as_json)
    if not syntax:
        for verdict in checkup(loaded.config):
            verdicts.append(verdict)
            _print(verdict, as_json)
    good = all(verdict.state != "failed" for verdict in verdicts)
    if as_json:
        rows = [{"name": v.name, "state": v.state, "text": v.text} for v in verdicts]
        click.echo(json.dumps({"file": str(file), "good": good, "problems": [], "verdicts": rows}, indent=2))
    return 0 if good else 1


def _print(verdict: Verdict, as_json: bool) -> None:
    if not as_json:
        click.echo(f"{MARKS[verdict.state]}  {verdict.name:<8} {verdict.text}")


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors that check while one types."""
    from edge_daemon.config import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@config.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--changed", is_flag=True, help="Only what is not the default.")
def show(file: Path, as_json: bool, changed: bool) -> None:
    """Print all effective values of FILE and where each came from."""
    from edge_daemon.config import load
    from edge_daemon.config.loading import value_at
    from edge_daemon.config.template import yaml_value

    loaded = load(file)
    rows = []
    for path, origin in loaded.origins.items():
        if changed and origin.kind == "default":
            continue
        value = "(secret)" if origin.secret else yaml_value(value_at(loaded.config, path))
        rows.append({"key": ".".join(path), "value": value, "origin": origin.text(str(file))})
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max((len(row["key"]) for row in rows), default=0)
    wide = max((len(row["value"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['key']:<{width}}  {row['value']:<{min(wide, 40)}}  {row['origin']}")
