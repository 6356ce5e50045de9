"""From a configuration to the page's process: checked here, then this program gives its place to a smaller one."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from edge_daemon.checks.page import page_password
from edge_daemon.config import Config
from edge_daemon.page.sessions import PageSecret
from edge_daemon.page.settings import PageSettings
from edge_daemon.presence.periods import PresenceRule


def page_settings(config: Config, environment: Mapping[str, str]) -> PageSettings:
    """What the page is told.

    Raises:
        ConfigValueError: the password cannot be read, or will not do.
    """
    password = page_password(config.page, environment)
    own_name = socket.gethostname().lower()
    return PageSettings(
        device=config.device.id,
        folder=str(config.storage.folder.absolute()),
        socket=str(config.page.socket.absolute()),
        hosts=(*(host.strip("[]").lower() for host in config.page.hosts), own_name, f"{own_name}.local"),
        secret=None if password is None else PageSecret.of(password),
        session_s=config.page.session_hours * 3600,
        rule=PresenceRule.from_config(config.presence),
    )


def become_the_page(settings: PageSettings, listener: socket.socket) -> NoReturn:
    """Run the page in this process's place; settings, with the secret, go through memory that only we can open.

    What has read the configuration (pydantic, PyYAML, click) would take as much memory as the whole page.
    """
    told = os.memfd_create("page", 0)  # no MFD_CLOEXEC: it is for the program that comes
    os.write(told, settings.to_json().encode())
    os.lseek(told, 0, os.SEEK_SET)
    os.set_inheritable(listener.fileno(), True)
    words = [sys.executable, *_flags(), "-m", "edge_daemon.page", str(told), str(listener.fileno())]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, words)  # noqa: S606 our own interpreter


def _flags() -> list[str]:
    """Where to look for modules: as this interpreter does; in the folder we are called from only if it does so, too."""
    flags = {"-I": sys.flags.isolated, "-E": sys.flags.ignore_environment}
    here = not sys.flags.safe_path and sys.path[:1] == [str(Path.cwd())]
    return [*(flag for flag, given in flags.items() if given), *([] if here else ["-P"])]
