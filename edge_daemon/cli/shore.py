"""`edge-daemon shore`: the station on shore, its users, its configuration."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.configuration_output import write_configuration
from edge_daemon.cli.say import say
from edge_daemon.errors import UsageError

if TYPE_CHECKING:
    from edge_daemon.shore.accounts import Accounts
    from edge_daemon.shore.config_file import StationFile

DEFAULT = Path("/etc/edge-daemon/shore.yaml")
_NEEDED = ("starlette", "uvicorn", "jinja2", "sqlalchemy", "alembic", "argon2")

config_option = click.option(
    "--config", "file", type=click.Path(path_type=Path), default=DEFAULT, envvar="EDGE_DAEMON_SHORE",
    help=f"The station's configuration (default: {DEFAULT}).",
)  # fmt: skip


@click.group()
def shore() -> None:
    """Run the station on shore: it takes in what devices publish, shows it, and warns.

    First steps: `init`, `check`, `user put`, `run`.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise UsageError(f"The station needs {', '.join(missing)}.", "Run: pip install 'edge-daemon[shore]'")


@shore.command()
@click.option("--output", type=click.Path(path_type=Path), help="File to write; if missing or -, print.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def init(output: Path | None, force: bool) -> None:
    """Write a commented configuration with all keys."""
    from edge_daemon.shore.config_file import station_template

    place = None if output == Path("-") else output
    if place is not None and place.exists() and not force:
        raise UsageError(f"{place} already exists.", "Use --force to replace it.")
    write_configuration(station_template(), place, "edge-daemon shore check --config")


@shore.command()
@config_option
@click.option("--offline", is_flag=True, help="Do not try the broker.")
def check(file: Path, offline: bool) -> int:
    """Check the configuration and what it refers to; exit code 0: good, 1: something fails, 2: the file is wrong."""
    from edge_daemon.shore.checks import station_checks

    loaded = _loaded(file)
    say(f"ok       {file}")
    good = True
    for verdict, name, text in station_checks(loaded.config, _environment(file), offline=offline):
        good &= verdict != "FAILED"
        say(loaded.redact(f"{verdict:<8} {name}: {text}"))
    return 0 if good else 1


@shore.command()
@config_option
def run(file: Path) -> int:
    """Listen to the broker and serve the pages, until SIGTERM or Ctrl-C."""
    from edge_daemon.shore.server import StationServer
    from edge_daemon.shore.station import Station
    from edge_daemon.system import journal
    from edge_daemon.system.listening_socket import listening_socket

    loaded = _loaded(file)
    journal.set_up("info")
    journal.hide(loaded.redact)
    web = loaded.config.web
    with listening_socket(web.address, web.port, "web") as socket:
        station = Station(loaded.config, _environment(file))
        scheme = "http" if web.certificate_file is None else "https"
        say(f"Serving {scheme}://{web.address}:{socket.getsockname()[1]}/")
        if not station.accounts.all():
            say(f"  Nobody can log in yet. Make a user: edge-daemon shore user put NAME --config {file}")
        try:
            StationServer(station).run(sockets=[socket])
        finally:
            station.stop()
    return 0


@shore.command()
@config_option
@click.option("--to", "target", default="head", help="Version, or base for none (removes everything).  [default: head]")
@click.confirmation_option("--yes", prompt="Change the form of the database? Back it up first.")
def migrate(file: Path, target: str) -> None:
    """Bring the database's form up or down to a version; `run` brings it up by itself."""
    from edge_daemon.shore.database import StationDatabase

    if target not in ("head", "base") and not target.isdecimal():
        raise UsageError(f"{target!r} is no version.", "Give a number, head or base.")
    database = StationDatabase(_loaded(file).config.database.address)
    try:
        database.migrate(target)
    finally:
        database.close()
    say(f"The database has version {target} now.")


@shore.group()
def user() -> None:
    """Make, list and remove users."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["look", "judge", "order"]), default="judge", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@config_option
def put(name: str, role: str, password_stdin: bool, file: Path) -> None:
    """Make a user, or change one: asks for the password.

    Roles: `look` sees and hears everything, `judge` also gives verdicts, `order` also tries alerts and sends signed
    orders.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    with _accounts(file) as accounts:
        accounts.put(name, role, password)  # type: ignore[arg-type]
    say(f"{name} may {role}.")


@user.command(name="list")
@config_option
def list_(file: Path) -> None:
    """List users and their roles."""
    with _accounts(file) as accounts:
        for name, role in accounts.all():
            say(f"{role:<6} {name}")


@user.command()
@click.argument("name")
@config_option
def remove(name: str, file: Path) -> None:
    """Remove a user; the verdicts stay."""
    with _accounts(file) as accounts:
        if not accounts.remove(name):
            raise UsageError(f"There is no user {name}.")
    say(f"{name} is removed.")


def _environment(file: Path) -> dict[str, str]:
    from edge_daemon.system.credentials import environment_by_hand

    return dict(environment_by_hand(file.parent, os.environ))


def _loaded(file: Path) -> StationFile:
    from edge_daemon.shore.config_file import load_station

    return load_station(file, _environment(file))


@contextlib.contextmanager
def _accounts(file: Path) -> Iterator[Accounts]:
    """The users of a station, opened for one command."""
    from edge_daemon.shore.accounts import Accounts
    from edge_daemon.shore.database import StationDatabase

    config = _loaded(file).config
    database = StationDatabase(config.database.address)
    try:
        database.migrate()
        yield Accounts(database, config.web.session_hours * 3600)
    finally:
        database.close()
