"""Writes the commented example file from the models themselves, so that it can never disagree with the program.

Keys that are set stand as they are; all others follow as comments with their defaults (`#key: value`), so that
removing the one sign `#` is all it takes to set one.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from edge_daemon.config.catalogue import ConfigKey, entries, number, range_text
from edge_daemon.config.root import Config
from edge_daemon.config.section import Section

WIDTH = 100


class Unquoted(str):
    """A reference (`${ENV:PORT}`) that is written without quotes, so that what it leads to may be a number."""

    __slots__ = ()


def template(
    values: Mapping[tuple[str, ...], Any],
    title: str = "",
    root: type[Section] = Config,
    check: str = "edge-daemon config check",
) -> str:
    """The whole file.

    Args:
        values: keys to set, by path; an unknown path is an error of the caller.
        title: a first comment line.
        root: the model of the whole file.
        check: the command that checks it.
    """
    known = {entry.path for entry in entries(root)}
    unknown = set(values) - known
    if unknown:
        raise KeyError(f"no such key: {sorted(unknown)}")
    lines = [f"# {title}".rstrip()] if title else []
    lines += [
        "# Lines that begin with #key show the default; remove the # to change it.",
        f"# Check this file with: {check}",
        "",
    ]
    for entry in entries(root):
        indent = "  " * (len(entry.path) - 1)
        if entry.section is not None:
            if len(entry.path) == 1:
                lines.append("")
            lines += _comment(entry.field.description or "", indent)
            lines.append(f"{indent}{entry.path[-1]}:")
            continue
        lines += _comment(_describe(entry), indent)
        is_set = entry.path in values or entry.path == ("version",)
        value = values.get(entry.path, entry.default)
        lines.append(f"{indent}{'' if is_set else '#'}{entry.path[-1]}: {yaml_value(value)}".rstrip())
    return "\n".join(lines) + "\n"


def _describe(entry: ConfigKey) -> str:
    details = []
    choices = [str(choice) for choice in get_args(entry.field.annotation) if isinstance(choice, str)]
    if choices:
        details.append(" | ".join(choices))
    limits = range_text(entry)
    if limits:
        details.append(limits)
    elif entry.unit:
        details.append(entry.unit)
    return f"{entry.field.description}" + (f" [{'; '.join(details)}]" if details else "")


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_long_words=False
    )


def yaml_value(value: Any) -> str:
    """A value in YAML's flow style; JSON is the subset that we need. None is written as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value) if "e" not in number(value) else repr(value)
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, Unquoted) or (isinstance(value, str) and _plain(value)):
        return value
    return json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> bool:
    allowed = text.replace("/", "").replace("_", "").replace(".", "").replace("-", "")
    return (
        allowed.isascii()
        and allowed.isalnum()
        and text[0].isalpha() | (text[0] in "./")
        and text
        not in (
            "true",
            "false",
            "null",
            "True",
            "False",
            "Null",
            "TRUE",
            "FALSE",
            "NULL",
        )
    )
