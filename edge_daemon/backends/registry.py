"""Finding backends by name among the installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from edge_daemon.backends.base import ENTRY_POINT_GROUP, Backend, BackendOptions, BackendPlugin, Capabilities
from edge_daemon.backends.batches import BatchedBackend
from edge_daemon.backends.fit import unmet_requirements
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DEFAULT = "onnx"
BUILT_IN = {
    "onnx": "edge_daemon.backends.onnx:OnnxBackend",
    "event": "edge_daemon.backends.event.backend:EventBackend",
    "compiled": "edge_daemon.backends.compiled.backend:CompiledBackend",
}
"""These are listed here, so that they work even where package metadata is damaged; no plug-in can take their names."""


def installed() -> dict[str, EntryPoint]:
    """Entry points of all backends, by name; nothing is imported."""
    from importlib.metadata import EntryPoint, entry_points

    ours = {name: EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in BUILT_IN.items()}
    others = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    return ours | {point.name: point for point in others if point.name not in ours}


def load(name: str) -> type[BackendPlugin]:
    """Import a backend's class.

    Raises:
        BackendError: no such backend, or its package fails to import, or what it offers is no backend.
    """
    if (place := BUILT_IN.get(name)) is None:  # these need no look through all installed packages
        points = installed()
        if name not in points:
            raise BackendError(f"There is no backend named {name!r}.", f"Installed: {', '.join(points)}.")
        place = points[name].value
    try:
        backend: type[BackendPlugin] = resolve_name(place)
    except (Exception, SystemExit) as error:
        raise BackendError(
            f"The backend {name!r} fails to import ({type(error).__name__}: {error}).",
            f"Reinstall the package that provides it: {place}.",
        ) from error
    if wrong := _unlike_a_plugin(backend, name):
        raise BackendError(f"{place} does not provide a backend: {wrong}.", "See edge_daemon/backends/base.py.")
    return backend


def _unlike_a_plugin(backend: Any, name: str) -> str:
    """What a class lacks of `BackendPlugin`, or an empty text."""
    missing = [
        method for method in ("create", "infer", "health", "close") if not callable(getattr(backend, method, None))
    ]
    if missing:
        return f"it lacks {' and '.join(missing)}"
    options = getattr(backend, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BackendOptions)):
        return "its Options are not a subclass of BackendOptions"
    if not isinstance(getattr(backend, "capabilities", None), Capabilities):
        return "its capabilities are not of type Capabilities"
    if (own := getattr(backend, "name", None)) != name:
        return f"it is registered as {name!r} but calls itself {own!r}"
    return ""


def check_options(backend: type[BackendPlugin], options: Mapping[str, Any]) -> BackendOptions:
    """Options as the backend's own class has them; raises `BackendError` naming the first one that is wrong."""
    try:
        return backend.Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BackendError(
            f"Option {place!r} of backend {backend.name!r}: {first['msg']}.", "See `edge-daemon backends`."
        ) from error


def create(
    model: ModelFile,
    name: str = DEFAULT,
    options: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Backend:
    """A backend of that name with a model loaded.

    Args:
        model: the model.
        name: as in `installed()`.
        options: the backend's own options, checked against its `Options`.
        defaults: options for a backend that knows them (`threads`); the others do not see them.

    Raises:
        BackendError: it is not there, refuses its options, or cannot honour the model.
    """
    backend = load(name)
    known = {key: value for key, value in (defaults or {}).items() if key in backend.Options.model_fields}
    checked = check_options(backend, {**known, **(options or {})})
    if reasons := unmet_requirements(model.network(), backend.capabilities):
        raise BackendError(
            f"The backend {name!r} cannot run the model {model.metadata.name}: {' '.join(reasons)}",
            "Choose another backend or a portable model (model.path: right_whale_portable);"
            " `edge-daemon backends --model FILE` shows which fit.",
        )
    created, most = backend.create(model, checked), backend.capabilities.max_batch
    return created if most is None else BatchedBackend(created, most)
