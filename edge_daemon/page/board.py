"""What all requests to the page have in common."""

from __future__ import annotations

from pathlib import Path

from edge_daemon.page.daemon_link import DaemonLink
from edge_daemon.page.pages import PAGES, page_html
from edge_daemon.page.sessions import PageSessions
from edge_daemon.page.settings import PageSettings
from edge_daemon.web.gate import RequestGate


class BoardSide:
    """The board, as the page's process knows it.

    Args:
        settings: what the page is told.

    Attributes:
        settings: as above.
        folder: the daemon's.
        link: to the daemon.
        sessions: who may look.
        gate: which requests are let through.
        pages: by their address.
    """

    def __init__(self, settings: PageSettings) -> None:
        self.settings, self.folder = settings, Path(settings.folder)
        self.link = DaemonLink(settings.socket)
        self.sessions = PageSessions(settings.secret, settings.session_s)
        self.gate = RequestGate(frozenset(settings.hosts), "page.hosts", addresses=True)
        self.pages = {path: page_html(path, settings.device, asks=self.sessions.asks) for path in PAGES}
