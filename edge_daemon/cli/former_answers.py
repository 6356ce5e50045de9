"""What a configuration file says already, for a wizard that writes it anew: nobody answers the same questions twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_daemon.cli.say import say
from edge_daemon.config.catalogue import entries
from edge_daemon.config.document import MAX_BYTES, YamlDocument, parse
from edge_daemon.config.loading import load_text
from edge_daemon.config.problem import ConfigFileError, ProblemsFound
from edge_daemon.config.template import Unquoted, template

Key = tuple[str, ...]


def former_answers(path: Path, environment: Mapping[str, str]) -> dict[Key, Any]:
    """The keys that a file sets, by path, with references as they stand; what cannot be used is told and left out.

    Args:
        path: the file.
        environment: for references.
    """
    try:
        with path.open("rb") as file:
            document = parse(file.read(MAX_BYTES + 1))
    except (OSError, ProblemsFound) as error:
        say(f"  Nothing can be taken over from {path}: {error}", err=True)
        return {}
    values = {entry.path: _value(document, entry.path) for entry in entries() if entry.section is None}
    values = {key: value for key, value in values.items() if value is not None and key != ("version",)}
    while True:
        try:
            load_text(template(values).encode(), environment, path)
        except ConfigFileError as error:
            wrong = {key for key in values for problem in error.problems if problem.path[: len(key)] == key}
            for key in sorted(wrong):
                say(f"  {'.'.join(key)} is not taken over from {path}.", err=True)
                del values[key]
            if not wrong:
                say(f"  Nothing can be taken over from {path}.", err=True)
                return {}
        else:
            return values


def _value(document: YamlDocument, path: Key) -> Any:
    value: Any = document.data
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return Unquoted(value) if isinstance(value, str) and "${" in value and path in document.plain else value
