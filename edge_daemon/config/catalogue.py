"""All keys that a configuration may hold, read off the models: for messages, the example file and `config show`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from edge_daemon.config.root import Config
from edge_daemon.config.section import Section

_SECRETS_STAY_OUT = "Passwords do not belong in this file: use password_file or password_credential under `mqtt`."
_OTHER_NAMES = {
    "samplerate": "rate",
    "sample_rate": "rate",
    "broker": "host",
    "server": "host",
    "user": "username",
    "lat": "latitude",
    "lon": "longitude",
}


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key.

    Attributes:
        path: keys from the root.
        field: pydantic's description of it.
        section: the section's class if the key is a section, else None.
    """

    path: tuple[str, ...]
    field: FieldInfo
    section: type[Section] | None

    @property
    def unit(self) -> str:
        """Unit, or empty."""
        return str(self._extra("unit"))

    @property
    def live(self) -> bool:
        """True when a running daemon takes a new value on SIGHUP."""
        return bool(self._extra("live"))

    def _extra(self, name: str) -> Any:
        extra = self.field.json_schema_extra
        return extra.get(name, "") if isinstance(extra, dict) else ""

    @property
    def default(self) -> Any:
        """The value without a file."""
        return self.field.get_default(call_default_factory=True, validated_data={})

    @property
    def limits(self) -> tuple[float | None, bool, float | None]:
        """Lowest value, whether it is itself excluded, highest value; None where there is no limit."""
        low = high = None
        excluded = False
        for item in self.field.metadata:
            if getattr(item, "ge", None) is not None:
                low = item.ge
            elif getattr(item, "gt", None) is not None:
                low, excluded = item.gt, True
            if getattr(item, "le", None) is not None:
                high = item.le
        return low, excluded, high


def entries(section: type[Section] = Config, path: tuple[str, ...] = ()) -> Iterator[ConfigKey]:
    """All keys in file order; a section comes before its keys."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        inner = kind if isinstance(kind, type) and issubclass(kind, Section) else None
        yield ConfigKey((*path, name), field, inner)
        if inner is not None:
            yield from entries(inner, (*path, name))


def find(path: tuple[str | int, ...], root: type[Section] = Config) -> ConfigKey | None:
    """The key at `path`, or None."""
    return next((entry for entry in entries(root) if entry.path == path), None)


def range_text(entry: ConfigKey) -> str:
    """Allowed range for people: "1 to 65535", "above 0, at most 1 V", or empty; the unit once, at the end."""
    low, excluded, high = entry.limits
    unit = f" {entry.unit}" if entry.unit else ""
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {number(high)}{unit}"
    if high is None:
        return f"{'above' if excluded else 'at least'} {number(low)}{unit}"
    if excluded:
        return f"above {number(low)}, at most {number(high)}{unit}"
    return f"{number(low)} to {number(high)}{unit}"


def number(value: float | None) -> str:
    """A limit without needless digits."""
    return "" if value is None else f"{value:.10g}"


def suggestion(path: tuple[str | int, ...], root: type[Section] = Config) -> str:
    """Hint for an unknown key: the nearest known key in the section, or its true place, or the valid keys."""
    from difflib import get_close_matches

    *parent, unknown = path
    name = str(unknown)
    beside = [entry.path[-1] for entry in entries(root) if entry.path[:-1] == tuple(parent)]
    if get_close_matches(name.lower(), ["password", "passphrase"], n=1, cutoff=0.75):
        return _SECRETS_STAY_OUT
    # people's other names for a key, then a key's own name in the wrong section, then slips of the keyboard
    other_name = _OTHER_NAMES.get(name.lower())
    if other_name in beside:
        return f"Did you mean `{other_name}`?"
    elsewhere = [".".join(entry.path) for entry in entries(root) if entry.path[-1] == (other_name or name.lower())]
    if elsewhere:
        return f"Did you mean `{elsewhere[0]}`?"
    near = get_close_matches(name.lower(), beside, n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{near[0]}`?"
    known = {entry.path[-1]: ".".join(entry.path) for entry in entries(root)}
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=0.75)
    if near:
        return f"Did you mean `{known[near[0]]}`?"
    return f"Valid keys here: {', '.join(beside)}." if beside else ""
