"""The station's configuration file, read by the same steps as the daemon's: places, references, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge_daemon.config.document import MAX_BYTES, parse
from edge_daemon.config.explanation import explain, redact
from edge_daemon.config.loading import fill_sections
from edge_daemon.config.problem import ConfigFileError, ProblemsFound
from edge_daemon.config.substitution import substitute
from edge_daemon.config.template import template
from edge_daemon.errors import ConfigError
from edge_daemon.shore.settings import StationConfig
from edge_daemon.system import regular_file
from edge_daemon.system.redaction import Redaction


@dataclass(frozen=True, slots=True)
class StationFile:
    """A checked configuration, and what keeps its secrets out of a text."""

    config: StationConfig
    redact: Redaction


def load_station(path: Path, environment: Mapping[str, str]) -> StationFile:
    """Read and check a station's configuration.

    Args:
        path: the YAML file.
        environment: variables and credentials for references.

    Raises:
        ConfigError: it cannot be read.
        ConfigFileError: it has problems, each with key, line and column.
    """
    try:
        content = regular_file.content(path, MAX_BYTES + 1)
    except regular_file.NotRegularError:
        raise ConfigError(f"{path} is not a file.", "Name a YAML file; `edge-daemon shore init` writes one.") from None
    except FileNotFoundError:
        hint = f"Create one: edge-daemon shore init --output {path}"
        raise ConfigError(f"The configuration {path} does not exist.", hint) from None
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror or error}.") from None
    try:
        document = parse(content)
        references = substitute(document, environment)
    except ProblemsFound as found:
        raise ConfigFileError(str(path), found.problems) from None
    fill_sections(document.data, StationConfig)
    try:
        config = StationConfig.model_validate(document.data, context={"folder": str(path.absolute().parent)})
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), document, StationConfig)
        raise ConfigFileError(str(path), [redact(problem, references) for problem in problems]) from None
    return StationFile(config, Redaction(value for used in references.values() for value in used.values))


def station_template() -> str:
    """A commented file with all keys and their defaults."""
    check = "edge-daemon shore check"
    return template({}, "Configuration of edge-daemon's shore station.", StationConfig, check)
