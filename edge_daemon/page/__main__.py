"""The page's process: `python -m edge_daemon.page SETTINGS LISTENER`, both open descriptors; see `launch`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

from edge_daemon.system.sd_notify import Notifier

_UNUSED = ("ssl", "_hashlib", "bz2", "lzma")
"""What the standard library's server would load if it is there, and this one never uses: OpenSSL and more, 6 MB."""


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]  # None: as if it were not there
    from edge_daemon.page.server import PageServer
    from edge_daemon.page.settings import PageSettings

    told, listener = (int(word) for word in sys.argv[1:3])
    with os.fdopen(told, "rb") as file:
        settings = PageSettings.from_json(file.read())
    threading.stack_size(256 * 1024)
    server = PageServer(settings, socket.socket(fileno=listener))
    notifier = Notifier.from_environment()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, _end)
    address, port = server.server_address[:2]
    notifier.ready(f"serving at {address!s}, port {port}")
    try:
        server.serve_forever(poll_interval=3600.0)
    except SystemExit:
        notifier.stopping("stopping")
        server.server_close()
    os._exit(0)  # open streams have threads that would be waited for


def _end(*_: object) -> None:
    """Out of the server's loop, which would not be left before its interval has passed."""
    raise SystemExit


if __name__ == "__main__":
    main()
