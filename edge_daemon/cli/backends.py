"""`edge-daemon backends`: what can run a network here, and whether it can run a given model."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click

from edge_daemon.cli.model_option import MODEL
from edge_daemon.cli.say import say


@click.command()
@click.option("--model", type=MODEL, metavar="FILE", help="Also show which can run this model (file or name).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def backends(model: Path | None, as_json: bool) -> int:
    """List the installed backends with versions and, for a model, why any of them cannot run it.

    With --model each backend briefly loads the model, and reports if its device is in use. To list the backends of
    another Python (`backend.python` in the configuration), run: PYTHON -m edge_daemon backends.
    """
    from edge_daemon.backends.registry import installed
    from edge_daemon.model.model_file import ModelFile

    model_file = None if model is None else ModelFile.read(model)
    found = [_look_at(name, point, model_file) for name, point in installed().items()]
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    width = max(len(entry["name"]) for entry in found)
    for entry in found:
        say(f"{entry['name']:<{width}}  {entry['package']} {entry['version']}: {_verdict(entry)}")
        for reason in entry["refusals"]:
            say(f"{'':<{width}}    {reason}")
    return 0


def _look_at(name: str, point: EntryPoint, model_file: Any) -> dict[str, Any]:
    from edge_daemon import __version__
    from edge_daemon.backends.fit import unmet_requirements
    from edge_daemon.backends.registry import load
    from edge_daemon.errors import BackendError

    package, version = ("edge-daemon", __version__) if point.dist is None else (point.dist.name, point.dist.version)
    entry: dict[str, Any] = {"name": name, "package": package, "version": version, "refusals": [], "runs_model": None}
    try:
        backend = load(name)
    except BackendError as error:
        return entry | {"usable": False, "problem": error.message, "options": {}}
    entry |= {"usable": True, "problem": "", "options": backend.Options.model_json_schema().get("properties", {})}
    if model_file is not None:
        entry["refusals"] = unmet_requirements(model_file.network(), backend.capabilities) or _tried(name, model_file)
        entry["runs_model"] = not entry["refusals"]
    return entry


def _tried(name: str, model_file: Any) -> list[str]:
    """What the backend itself says when it is given the model; empty where it takes it."""
    from edge_daemon.backends.registry import create
    from edge_daemon.errors import EdgeDaemonError

    try:
        create(model_file, name).close()
    except EdgeDaemonError as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001 - whatever a plug-in throws is its verdict
        return [f"{type(error).__name__}: {error}"]
    return []


def _verdict(entry: dict[str, Any]) -> str:
    if not entry["usable"]:
        return str(entry["problem"])
    if entry["runs_model"] is None:
        options = ", ".join(entry["options"])
        return f"ready (options: {options})" if options else "ready"
    return "runs the model" if entry["runs_model"] else "refuses the model"
