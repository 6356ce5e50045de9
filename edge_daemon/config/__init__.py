"""The one configuration file: what can be set, how it is read, what is said when something is wrong in it.

May import: `model`, `system`, `clock`, `errors`.
"""

from __future__ import annotations

from edge_daemon.config.change import Change, changes, merge_live
from edge_daemon.config.loading import DEFAULT_PATH, Loaded, ValueOrigin, load, load_by_hand, load_text
from edge_daemon.config.problem import ConfigFileError, Place, Problem
from edge_daemon.config.root import Config, json_schema

__all__ = [
    "DEFAULT_PATH",
    "Change",
    "Config",
    "ConfigFileError",
    "Loaded",
    "Place",
    "Problem",
    "ValueOrigin",
    "changes",
    "json_schema",
    "load",
    "load_by_hand",
    "load_text",
    "merge_live",
]
