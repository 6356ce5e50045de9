"""Can the page on the board be served: its password, its address, the socket by which the daemon tells it?"""

from __future__ import annotations

from collections.abc import Mapping

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.config.page import PageSection
from edge_daemon.errors import ConfigValueError
from edge_daemon.system.credentials import read_credential, read_secret
from edge_daemon.system.listening_socket import listening_socket

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000


def page_password(section: PageSection, environment: Mapping[str, str]) -> str | None:
    """The page's password; None if it asks for none.

    Raises:
        ConfigValueError: it cannot be read, or will not do.
    """
    if section.password_file is not None:
        name, text = "page.password_file", read_secret(section.password_file, "page.password_file")
    elif section.password_credential is not None:
        name = "page.password_credential"
        text = read_credential(section.password_credential, environment, name)
    else:
        return None
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        wrong = f"holds a password of {len(text)} characters"
        raise ConfigValueError(name, wrong, f"It must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}.")
    return text


def try_page(config: Config, environment: Mapping[str, str]) -> Verdict:
    """Read the password, and take the address for a moment."""
    section = config.page
    if not section.enabled:
        return Verdict("page", "skipped", "page.enabled is false")
    page_password(section, environment)
    where = f"{section.address}:{section.port}"
    try:
        listening_socket(section.address, section.port, "page").close()
        text = f"{where} is free"
    except ConfigValueError as error:
        if error.key != "page.port":
            raise
        return Verdict("page", "warning", f"{where} is in use", "By the page, if it runs already.")
    if not section.socket.parent.is_dir():
        hint = "systemd makes /run/edge-daemon when the daemon starts; by hand choose another path."
        return Verdict("page", "warning", f"page.socket is in {section.socket.parent}, which does not exist", hint)
    asks = "asks for the password" if section.protected else "asks for no password, for it is on loopback"
    return Verdict("page", "ok", f"{text}; it {asks}")
