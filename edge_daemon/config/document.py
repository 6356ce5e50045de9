"""A YAML document with the place of every key and value, so that an error can point at its line and column.

Only the part of YAML that a settings file needs is read: mappings, lists and scalars by the rules of YAML 1.2's core
schema (so `on` and `12:30` stay text). Anchors, aliases and tags are refused, which also leaves no way to write a
document that grows when read; size, depth and number of values are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from edge_daemon.config.problem import Place, Problem, ProblemsFound

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_VALUES = 5000

Path = tuple[str | int, ...]
"""Keys and list indices from the root to a value."""

_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]{1,30}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,5})?")


@dataclass(slots=True)
class YamlDocument:
    """A document's plain data and where each part stands.

    Attributes:
        data: mappings, lists and scalars.
        keys: place of each key (or list item).
        values: place of each value.
        plain: paths of scalars written without quotes.
    """

    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    plain: set[Path] = field(default_factory=set)

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where `path`, or its nearest ancestor in the file, is."""
        first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
        while path:
            if path in first:
                return first[path]
            if path in second:
                return second[path]
            path = path[:-1]
        return Place(1, 1)


def scalar(text: str) -> Any:
    """Value of an unquoted scalar by YAML 1.2's core schema, without octal, infinities and NaN."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def parse(content: bytes) -> YamlDocument:
    """Read a YAML document.

    Args:
        content: the file's bytes, UTF-8.

    Raises:
        ProblemsFound: with one problem and its place.
    """
    text = _decode(content)
    try:
        return _Builder().build(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise _found(place, "contains a character that YAML does not allow", "Remove it.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        line = text.splitlines()[place.line - 1 : place.line]
        raise _found(place, *_explain(str(error.problem or error.context or "cannot be read"), "".join(line))) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _found(Place(1, 1), f"is not valid YAML: {' '.join(str(error).split())[:200]}") from None


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _found(
            Place(1, 1),
            f"is {len(content)} bytes long; the limit is {MAX_BYTES}",
            "Is it the right file?",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1)
        raise _found(place, "is not UTF-8 text", "Save the file as UTF-8.") from None


def _found(place: Place, sentence: str, hint: str = "", path: Path = ()) -> ProblemsFound:
    return ProblemsFound([Problem(path, place, sentence, hint)])


_EXPLANATIONS = (
    ("'\\t'", "has a tab where YAML needs spaces", "Replace the tab with spaces."),
    (
        "mapping values are not allowed",
        "has a misplaced colon",
        "Check the indentation, or put the text in quotes.",
    ),
    ("expected ',' or", "has a bracket that is not closed", "Close it."),
    ("quoted scalar", "has a quote that is not closed", "Close it."),
    ("end of stream", "has a quote or bracket that is not closed", "Close it."),
    ("could not find expected ':'", "has a key without a colon", "Write `key: value`."),
    (
        "expected <block end>",
        "has a line whose indentation does not fit the lines above",
        "Line it up with its neighbours.",
    ),
)
"""Part of the parser's message, and what to say instead."""


def _explain(problem: str, line: str) -> tuple[str, str]:
    if "${" in line and "expected ',' or" in problem:
        return "has a reference that YAML mistakes for brackets", 'Put it in quotes: "${ENV:NAME}".'
    for part, sentence, hint in _EXPLANATIONS:
        if part in problem:
            return sentence, hint
    return f"is not valid YAML: {problem[:200]}", ""


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled."""

    path: Path
    data: dict[str, Any] | list[Any]
    key: str | None = None  # of a mapping: the key that waits for its value


class _Builder:
    """Builds a document from the parser's events, without recursion."""

    def __init__(self) -> None:
        self._document = YamlDocument()
        self._stack: list[_Open] = []
        self._roots = 0
        self._values = 0

    def build(self, text: str) -> YamlDocument:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            self._take(event)
        if self._roots == 0:
            raise _found(Place(1, 1), "is empty", "Start with `edge-daemon config init`.")
        return self._document

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        mark = event.start_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        anchor, tag = event.anchor, getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent) or anchor is not None:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise _found(
                place,
                f"starts with {sign}, which YAML reads as an anchor or alias; these are not supported",
                "Write the value out, or put it in quotes.",
            )
        if tag is not None:
            raise _found(
                place, f"has the tag {tag[:60]!r}; tags are not supported", "Remove it, or put the value in quotes."
            )
        if self._is_key():
            self._open_key(event, place)
            return
        path = self._next_path(place)
        self._document.values[path] = place
        if isinstance(event, yaml.ScalarEvent):
            quoted = event.style in ("'", '"', "|", ">")
            if not quoted:
                self._document.plain.add(path)
            self._store(event.value if quoted else scalar(event.value), place)
            return
        if len(self._stack) >= MAX_DEPTH:
            raise _found(place, f"is nested deeper than {MAX_DEPTH} levels", path=path)
        opened: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._store(opened, place)
        self._stack.append(_Open(path, opened))

    def _is_key(self) -> bool:
        top = self._stack[-1] if self._stack else None
        return top is not None and isinstance(top.data, dict) and top.key is None

    def _open_key(self, event: yaml.NodeEvent, place: Place) -> None:
        top = self._stack[-1]
        if not isinstance(event, yaml.ScalarEvent):
            raise _found(place, "has a list or mapping as a key", "Keys must be plain text.", top.path)
        name = event.value
        path = (*top.path, name)
        if path in self._document.keys:
            first = self._document.keys[path].line
            raise _found(place, f"is given twice, first on line {first}", "Keep one of the two.", path)
        self._document.keys[path] = place
        top.key = name

    def _next_path(self, place: Place) -> Path:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _found(place, f"contains more than {MAX_VALUES} values", "Is it the right file?")
        if not self._stack:
            return ()
        top = self._stack[-1]
        return (*top.path, len(top.data) if top.key is None else top.key)

    def _store(self, value: Any, place: Place) -> None:
        if self._stack:
            top = self._stack[-1]
            if isinstance(top.data, dict):
                assert top.key is not None  # noqa: S101 - a key was opened before its value
                top.data[top.key] = value
                top.key = None
            else:
                self._document.keys.setdefault((*top.path, len(top.data)), place)
                top.data.append(value)
            return
        self._roots += 1
        if self._roots > 1:
            raise _found(place, "contains a second document after `---`", "Keep only one.")
        if value is None:
            raise _found(Place(1, 1), "is empty", "Start with `edge-daemon config init`.")
        if not isinstance(value, dict):
            raise _found(place, "is not a list of `key: value` lines", "Start with `edge-daemon config init`.")
        self._document.data = value
