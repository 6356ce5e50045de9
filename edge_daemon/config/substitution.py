"""References in the configuration file to what must not, or cannot, stand in it.

`${ENV:NAME}` is an environment variable, `${ENV:NAME:-text}` with a default; `${CREDENTIAL:NAME}` is a systemd
credential (a file in $CREDENTIALS_DIRECTORY); `${FILE:/path}` is the content of a file. A final line end is cut off.
`$${` stands for `${` itself. A value that is one reference alone, without quotes, may be a number or true/false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_daemon.config.document import YamlDocument, scalar
from edge_daemon.config.problem import Problem, ProblemsFound, key_text
from edge_daemon.errors import ConfigValueError
from edge_daemon.system.credentials import read_credential, read_secret

_REFERENCE = re.compile(
    r"\$(?P<escaped>\$\{)|\$\{(?P<kind>[A-Za-z]*)(?P<colon>:?)(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that came from outside the file.

    Attributes:
        source: where from, for people: "environment variable BROKER".
        secret: True for credentials and files: never shown.
        values: what was put in for secret references.
    """

    source: str
    secret: bool
    values: tuple[str, ...] = field(default=(), repr=False)


def substitute(document: YamlDocument, environment: Mapping[str, str]) -> dict[tuple[str | int, ...], Reference]:
    """Replace all references in `document.data`, in place.

    Returns:
        The reference of each value that has one.

    Raises:
        ProblemsFound: for references that cannot be resolved, all of them.
    """
    used: dict[tuple[str | int, ...], Reference] = {}
    problems: list[Problem] = []

    def walk(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {name: walk(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, (*path, number)) for number, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            text, references = _expand(value, environment, key_text(path))
        except ConfigValueError as error:
            problems.append(Problem(path, document.place(path), error.predicate, error.hint))
            return value
        if references:
            secret = any(reference.secret for reference in references)
            values = tuple(value for reference in references for value in reference.values)
            used[path] = Reference(", ".join(reference.source for reference in references), secret, values)
        whole = _REFERENCE.fullmatch(value) is not None and references
        return scalar(text) if whole and path in document.plain else text

    document.data = walk(document.data, ())
    if problems:
        raise ProblemsFound(problems)
    return used


def _expand(text: str, environment: Mapping[str, str], key: str) -> tuple[str, list[Reference]]:
    references: list[Reference] = []

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        kind, name, default = match["kind"], match["name"], match["default"]
        if kind == "ENV" and name:
            if name not in environment and default is None:
                raise ConfigValueError(
                    key,
                    f"refers to the environment variable {name}, which is not set",
                    f"Set it, or write ${{ENV:{name}:-default}}.",
                )
            references.append(Reference(f"environment variable {name}", secret=False))
            return environment.get(name, default or "")
        if kind == "CREDENTIAL" and name:
            value = read_credential(name, environment, key)
            references.append(Reference(f"credential {name}", secret=True, values=(value,)))
            return value
        if kind == "FILE" and name:
            value = read_secret(Path(name), key)
            references.append(Reference(f"file {name}", secret=True, values=(value,)))
            return value
        raise ConfigValueError(
            key,
            f"contains a reference that is not valid: {match[0]!r}",
            "Write ${ENV:NAME}, ${CREDENTIAL:NAME} or ${FILE:/path}; $${ for a literal ${.",
        )

    return _REFERENCE.sub(replace, text), references
