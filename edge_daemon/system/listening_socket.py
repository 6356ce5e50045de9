"""A bound TCP socket for a page: whoever cannot have it is told which key of the configuration to change."""

from __future__ import annotations

import errno
import socket

from edge_daemon.errors import ConfigValueError

BACKLOG = 64
_PORT_IS_WRONG = (errno.EADDRINUSE, errno.EACCES)


def listening_socket(address: str, port: int, section: str) -> socket.socket:
    """Take an address and a port, and listen there.

    Args:
        address: IPv4 or IPv6 address, or a host name.
        port: 0 takes any that is free.
        section: of the configuration, for errors.

    Raises:
        ConfigValueError: one of them cannot be had.
    """
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        key = f"{section}.port" if error.errno in _PORT_IS_WRONG else f"{section}.address"
        hint = "Does the page run already, or another program there?" if error.errno == errno.EADDRINUSE else ""
        raise ConfigValueError(key, f"cannot be used at {address}:{port}: {error.strerror}", hint) from None
    return made
