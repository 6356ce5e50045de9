"""Turns what pydantic found into sentences for a technician, each with the key's path, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from edge_daemon.config.catalogue import ConfigKey, find, range_text, suggestion
from edge_daemon.config.document import Path, YamlDocument
from edge_daemon.config.problem import Problem
from edge_daemon.config.root import Config
from edge_daemon.config.section import Section
from edge_daemon.config.substitution import Reference

_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "dict": "a group of `key: value` lines",
    "model": "a group of `key: value` lines",
    "path": "a path",
    "finite": "a number",
}


def explain(errors: list[ErrorDetails], document: YamlDocument, root: type[Section] = Config) -> list[Problem]:
    """One problem for each key that pydantic refused, in file order.

    Args:
        errors: `ValidationError.errors()`.
        document: the file, for places.
        root: the model of the whole file.
    """
    problems: dict[Path, Problem] = {}
    for error in errors:
        problem = _problem(error, document, root)
        problems.setdefault(problem.path, problem)
    return sorted(problems.values(), key=lambda problem: (problem.place.line, problem.place.column))


def redact(problem: Problem, references: Mapping[Path, Reference]) -> Problem:
    """The problem without the value, if that came from a credential or a file: messages end up in logs."""
    path = problem.path
    secret = next(
        (used for where, used in references.items() if used.secret and _share_a_branch(where, path)),
        None,
    )
    if secret is None:
        return problem
    entry = find(path)
    hint = "" if entry is None or not range_text(entry) else f"It must be {range_text(entry)}."
    return Problem(path, problem.place, f"does not accept the value in {secret.source} (not shown: a secret)", hint)


def _share_a_branch(one: Path, other: Path) -> bool:
    """True if one path leads to the other or to something inside it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _problem(error: ErrorDetails, document: YamlDocument, root: type[Section]) -> Problem:
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    path: Path = tuple(error["loc"])
    if kind == "extra_forbidden":
        return Problem(path, document.place(path, of_key=True), "is not a known key", suggestion(path, root))
    if kind == "edge_daemon":
        if context["key"]:
            path = (*path, *(int(part) if part.isdigit() else part for part in str(context["key"]).split(".")))
        return Problem(path, document.place(path), str(context["sentence"]), str(context["hint"]))
    if kind == "invalid_key":
        return Problem(path, document.place(path, of_key=True), "has a key that is not text")
    entry = find(path, root)
    sentence, hint = _sentence(kind, context, error["input"], entry)
    return Problem(path, document.place(path), sentence, hint)


def _sentence(kind: str, context: Mapping[str, Any], value: Any, entry: ConfigKey | None) -> tuple[str, str]:
    shown = show(value)
    if kind in ("greater_than_equal", "greater_than", "less_than_equal") and entry is not None:
        return f"must be {range_text(entry)}, not {shown}", ""
    if kind == "literal_error":
        from difflib import get_close_matches

        wanted = [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]
        near = get_close_matches(str(value).lower(), wanted, n=1)
        listed = wanted[0] if len(wanted) == 1 else f"one of {', '.join(wanted)}"
        return f"must be {listed}, not {shown}", f"Did you mean `{near[0]}`?" if near else ""
    if kind == "string_too_short":
        return "must not be empty", ""
    if kind in ("string_too_long", "too_long"):
        most = context["max_length"]
        what = "characters" if kind == "string_too_long" else "entries"
        return f"has more than {most} {what}", ""
    prefix = kind.split("_", maxsplit=1)[0]
    if prefix in _WANTED:
        hint = ""
        if prefix == "string" and isinstance(value, (int, float)):
            hint = f'Put it in quotes: "{value}".'
        if prefix == "bool" and str(value).lower() in ("yes", "no", "on", "off"):
            hint = f"Write {'true' if str(value).lower() in ('yes', 'on') else 'false'}."
        wanted_text = _WANTED[prefix]
        if entry is not None and range_text(entry):
            wanted_text += f", {range_text(entry)}"
        return f"must be {wanted_text}, not {shown}", hint
    return f"is not acceptable: {shown}", ""


def show(value: Any) -> str:
    """A value in a message: short, on one line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
