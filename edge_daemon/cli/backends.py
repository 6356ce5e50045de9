"""`edge-daemon backends`: what can run a network here, and whether it can run a given model."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--model", type=click.Path(path_type=Path), metavar="FILE", help="Also tell which can run this model.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def backends(model: Path | None, as_json: bool) -> int:
    """List what is installed to run networks, with versions and, for a model, every reason against."""
    from edge_daemon.backends.registry import installed
    from edge_daemon.bundle import Bundle

    bundle = None if model is None else Bundle.read(model)
    found = [_look_at(name, point, bundle) for name, point in installed().items()]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    width = max(len(entry["name"]) for entry in found)
    for entry in found:
        click.echo(f"{entry['name']:<{width}}  {entry['package']} {entry['version']}: {_verdict(entry)}")
        for reason in entry["refusals"]:
            click.echo(f"{'':<{width}}    {reason}")
    return 0


def _look_at(name: str, point: EntryPoint, bundle: Any) -> dict[str, Any]:
    from edge_daemon import __version__
    from edge_daemon.backends.fit import refusals
    from edge_daemon.backends.registry import load
    from edge_daemon.errors import BackendError

    package, version = ("edge-daemon", __version__) if point.dist is None else (point.dist.name, point.dist.version)
    entry: dict[str, Any] = {"name": name, "package": package, "version": version, "refusals": [], "runs_model": None}
    try:
        backend = load(name)
    except BackendError as error:
        return entry | {"usable": False, "problem": error.message, "options": {}}
    entry |= {"usable": True, "problem": "", "options": backend.Options.model_json_schema().get("properties", {})}
    if bundle is not None:
        entry["refusals"] = refusals(bundle.network(), backend.capabilities)
        entry["runs_model"] = not entry["refusals"]
    return entry


def _verdict(entry: dict[str, Any]) -> str:
    if not entry["usable"]:
        return str(entry["problem"])
    if entry["runs_model"] is None:
        options = ", ".join(entry["options"])
        return f"ready (options: {options})" if options else "ready"
    return "runs the model" if entry["runs_model"] else "refuses the model"
