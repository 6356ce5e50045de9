"""Section `log`: what goes to the journal."""

from __future__ import annotations

from typing import Literal

from edge_daemon.config.section import Section, key


class LogSection(Section):
    """Verbosity of the log."""

    level: Literal["debug", "info", "warning", "error"] = key("info", "Lowest severity that is logged", live=True)
