"""`edge-daemon page`: what the board hears, in a browser."""

from __future__ import annotations

import os
from pathlib import Path

import click

from edge_daemon.cli.say import say
from edge_daemon.errors import UsageError


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path), envvar="EDGE_DAEMON_CONFIG")
def page(config: Path | None) -> None:
    """Serve pages on the board: what it hears now, presence, health; as section `page` of CONFIG says.

    A process of its own beside the daemon, until SIGTERM or Ctrl-C. CONFIG is the daemon's (default:
    /etc/edge-daemon/config.yaml). Without a password only this machine can look; from another one use an SSH tunnel.
    """
    from edge_daemon.config import DEFAULT_PATH, load
    from edge_daemon.page.launch import become_the_page, page_settings
    from edge_daemon.system.credentials import environment_by_hand
    from edge_daemon.system.listening_socket import listening_socket

    file = config or DEFAULT_PATH
    environment = environment_by_hand(file.parent, os.environ)
    loaded = load(file, environment)
    section = loaded.config.page
    if not section.enabled:
        raise UsageError(f"page.enabled is false in {file}.", "Set it to true, and restart the daemon.")
    with loaded.locating_errors():
        settings = page_settings(loaded.config, environment)
        listener = listening_socket(section.address, section.port, "page")
    host = f"[{section.address}]" if ":" in section.address else section.address
    say(f"Serving http://{host}:{listener.getsockname()[1]}/")
    become_the_page(settings, listener)
