"""A section of the configuration file: a frozen set of keys, each with a description, a unit, bounds and a default.

Every section is a pydantic model built from `Section`, and every key is declared with `key`. What is written there is
the only definition: the commented example file, the JSON Schema for editors, the error messages and the listing of
what may change while the daemon runs are all made from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypedDict, Unpack

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationInfo
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Base of all sections: unknown keys are refused, values are not silently converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Bounds(TypedDict, total=False):
    """Limits that a key's value must keep; both ends of `ge` and `le` are allowed values."""

    ge: float
    gt: float
    le: float
    min_length: int
    max_length: int


def key(
    default: Any,
    description: str,
    *,
    unit: str = "",
    live: bool = False,
    factory: Any = None,
    **bounds: Unpack[Bounds],
) -> Any:
    """Declare one key of a section.

    Args:
        default: the value when the file does not give one.
        description: what the key means, in a sentence for a technician.
        unit: unit of the value ("s", "Hz", "dB re 1 V/µPa"), empty for none.
        live: True when a running daemon takes a new value on SIGHUP; otherwise a restart is needed.
        factory: called without arguments for the default, instead of `default`.
        bounds: `ge`, `gt`, `le`, `min_length`, `max_length`.
    """
    extra: dict[str, Any] = {"unit": unit, "live": live}
    if factory is not None:
        return Field(default_factory=factory, description=description, json_schema_extra=extra, **bounds)
    return Field(default=default, description=description, json_schema_extra=extra, **bounds)


def refusal(key: str, sentence: str, hint: str = "") -> PydanticCustomError:
    """Error to raise in a validator: the sentence about `key` (relative to the section, "" for the value itself)."""
    return PydanticCustomError("edge_daemon", "{sentence}", {"key": key, "sentence": sentence, "hint": hint})


def _resolve(path: Path, info: ValidationInfo) -> Path:
    if not str(path) or "\0" in str(path):
        raise refusal("", "must be a path, neither empty nor with a zero byte")
    try:
        path = path.expanduser()
    except RuntimeError:
        raise refusal("", f"names a home folder that does not exist: {path}") from None
    folder = (info.context or {}).get("folder")
    return path if folder is None else Path(folder) / path


ConfigPath = Annotated[Path, Strict(False), AfterValidator(_resolve)]
"""A path; a relative one counts from the folder that holds the configuration file."""
