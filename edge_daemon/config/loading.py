"""From a file to a checked configuration that knows where each of its values came from.

The steps: bytes → plain data with places → references replaced → old versions migrated → models. Whatever is wrong at
a step ends the loading with all the problems of that step, each with its line and column.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from edge_daemon.config.catalogue import entries
from edge_daemon.config.document import MAX_BYTES, YamlDocument, parse
from edge_daemon.config.explanation import explain, redact
from edge_daemon.config.migration import migrate
from edge_daemon.config.problem import ConfigFileError, Place, Problem, ProblemsFound
from edge_daemon.config.root import CURRENT_VERSION, Config
from edge_daemon.config.section import Section
from edge_daemon.config.substitution import Reference, substitute
from edge_daemon.errors import ConfigError, ConfigValueError, EdgeDaemonError, sentence
from edge_daemon.system import regular_file
from edge_daemon.system.credentials import environment_by_hand
from edge_daemon.system.redaction import Redaction

DEFAULT_PATH = Path("/etc/edge-daemon/config.yaml")


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """Where an effective value came from.

    Attributes:
        kind: the default, the file, from outside through a reference in the file, or an order from shore.
        line: line in the file, or None.
        column: column of the value in the file, or None.
        source: for references, where from ("environment variable BROKER"); for orders, which one; else empty.
        secret: True when the value must not be shown.
    """

    kind: Literal["default", "file", "reference", "order"]
    line: int | None = None
    source: str = ""
    secret: bool = False
    column: int | None = None

    def text(self, file: str) -> str:
        """For people: "default", "config.yaml:12", "config.yaml:12, environment variable BROKER", "order 17"."""
        if self.kind == "default":
            return "default"
        if self.kind == "order":
            return self.source
        return f"{file}:{self.line}" + (f", {self.source}" if self.source else "")


Overlay = Mapping[tuple[str, ...], tuple[Any, str]]
"""Values that stand in for the file's, by path; each with where it came from, for people."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration.

    Attributes:
        config: the values.
        path: the file, or None when only text was given.
        origins: of every key that is not a section, by path.
        migrated_from: version that the file had, when it was an older one; else None.
        redact: keeps what came from credentials and files out of a text.
        content: the bytes that it was made of; references in them stand as they were written.
    """

    config: Config
    path: Path | None
    origins: Mapping[tuple[str, ...], ValueOrigin]
    migrated_from: int | None = None
    redact: Redaction = field(default_factory=Redaction, repr=False)
    content: bytes = field(default=b"", repr=False)

    @contextmanager
    def locating_errors(self) -> Iterator[None]:
        """Errors inside that name a key are told as the loader tells its own: with the key's place in the file.

        Raises:
            ConfigError: in place of an EdgeDaemonError with a key; without a place where the file does not give it.
        """
        try:
            yield
        except EdgeDaemonError as error:
            self._redact(error)
            if not error.key:
                raise
            name, path = "-" if self.path is None else str(self.path), tuple(error.key.split("."))
            origin = self.origins.get(path)
            if origin is None or origin.line is None:
                raise ConfigError(f"{name}: {sentence(error.key, error.predicate)}", error.hint) from None
            place = Place(origin.line, origin.column or 1)
            raise ConfigFileError(name, [Problem(path, place, error.predicate, error.hint)]) from None

    def _redact(self, error: EdgeDaemonError) -> None:
        for name in ("message", "hint", "predicate"):
            setattr(error, name, self.redact(getattr(error, name)))


def load(path: Path, environment: Mapping[str, str] | None = None, *, without_mqtt: bool = False) -> Loaded:
    """Read and check a configuration file.

    Args:
        path: the YAML file.
        environment: variables for references; the process's own if None.
        without_mqtt: as `load_text`.

    Raises:
        ConfigError: the file cannot be read (exit code 2).
        ConfigFileError: the file has problems, each with key, line and column (exit code 2).
    """
    try:
        content = regular_file.content(path, MAX_BYTES + 1)
    except regular_file.NotRegularError:
        raise ConfigError(f"{path} is not a file.", "Name a YAML file; `edge-daemon config init` writes one.") from None
    except FileNotFoundError:
        raise ConfigError(
            f"The configuration {path} does not exist.", f"Create one: edge-daemon config init --output {path}"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The configuration {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    return load_text(content, environment, path, without_mqtt=without_mqtt)


def load_by_hand(path: Path) -> Loaded:
    """Read and check a configuration file for a command that a person runs: credentials are looked for next to it.

    Raises:
        ConfigError, ConfigFileError: as `load`.
    """
    return load(path, environment_by_hand(path.parent, os.environ))


def load_text(
    content: bytes,
    environment: Mapping[str, str] | None = None,
    path: Path | None = None,
    *,
    without_mqtt: bool = False,
    overlay: Overlay | None = None,
) -> Loaded:
    """Check a configuration given as bytes.

    Args:
        content: the YAML document.
        environment: variables for references; the process's own if None.
        path: the file it is from; relative paths in it count from its folder.
        without_mqtt: pass over section `mqtt`, whatever is in it: nothing is published. The prefix stays, since it is
            in the topics of messages that wait.
        overlay: values that orders have set.

    Raises:
        ConfigFileError: the text has problems, or the overlay does not suit it.
    """
    name = "-" if path is None else str(path)
    environment = os.environ if environment is None else environment
    try:
        document = parse(content)
        if without_mqtt:
            _silence(document)
        references = substitute(document, environment)
    except ProblemsFound as found:
        raise ConfigFileError(name, found.problems) from None
    try:
        data, version = migrate(document.data)
    except ConfigValueError as error:
        problem = Problem((error.key,), document.place((error.key,)), error.predicate, error.hint)
        raise ConfigFileError(name, [problem]) from None
    fill_sections(data, Config)
    overlay = overlay or {}
    for path_in, (value, _) in overlay.items():
        _lay(data, path_in, value)
    try:
        folder = None if path is None else str(path.absolute().parent)
        config = Config.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), document)
        raise ConfigFileError(name, [redact(problem, references) for problem in problems]) from None
    origins = _origins(data, document, references)
    origins.update({path_in: ValueOrigin("order", source=source) for path_in, (_, source) in overlay.items()})
    redaction = Redaction(value for used in references.values() for value in used.values)
    return Loaded(config, path, origins, version if version < CURRENT_VERSION else None, redaction, content)


def _silence(document: YamlDocument) -> None:
    section = document.data.get("mqtt")
    prefix = section.get("prefix") if isinstance(section, dict) else None
    document.data["mqtt"] = {"enabled": False}
    if isinstance(prefix, str) and "${" not in prefix:
        document.data["mqtt"]["prefix"] = prefix


def fill_sections(data: dict[str, Any], root: type[Section]) -> None:
    """Make all sections that were written without keys (`mqtt:` alone) empty ones."""
    for entry in entries(root):
        if entry.section is not None:
            _fill(data, entry.path)


def _fill(data: dict[str, Any], path: tuple[str, ...]) -> None:
    """Make a section that was written without keys (`mqtt:` alone) an empty one."""
    for name in path[:-1]:
        inner = data.get(name)
        if not isinstance(inner, dict):
            return
        data = inner
    if path[-1] in data and data[path[-1]] is None:
        data[path[-1]] = {}


def _lay(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value over the file's; a section that is none is left for the check to find."""
    for name in path[:-1]:
        inner = data.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data[path[-1]] = value


def _origins(
    data: dict[str, Any], document: YamlDocument, references: Mapping[tuple[str | int, ...], Reference]
) -> dict[tuple[str, ...], ValueOrigin]:
    origins: dict[tuple[str, ...], ValueOrigin] = {}
    for entry in entries():
        if entry.section is not None:
            continue
        if not _present(data, entry.path):
            origins[entry.path] = ValueOrigin("default")
            continue
        line = document.place(entry.path, of_key=True).line
        column = document.place(entry.path).column
        inside = [used for where, used in references.items() if where[: len(entry.path)] == entry.path]
        if inside:
            source = ", ".join(dict.fromkeys(used.source for used in inside))
            origins[entry.path] = ValueOrigin("reference", line, source, any(used.secret for used in inside), column)
        else:
            origins[entry.path] = ValueOrigin("file", line, column=column)
    return origins


def _present(data: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return False
        data = data[name]
    return True


def value_at(config: Section, path: tuple[str, ...]) -> Any:
    """The value of the key at `path`."""
    value: Any = config
    for name in path:
        value = getattr(value, name)
    return value
