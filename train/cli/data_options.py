"""Data sets that the command line names, opened, with what is odd about them said."""

from __future__ import annotations

from typing import Any

import click

from edge_daemon.errors import UsageError


def open_data(spec: str) -> Any:
    """A data set with features; its notes are printed."""
    import train.data

    data = train.data.open(spec)
    for note in data.notes:
        click.echo(f"{spec}: {note}", err=True)
    if data.features is None:
        raise UsageError(f"{spec} has no features.", "Prepare it with `python -m train prepare`.")
    return data


def open_aside(spec: str, fold: str) -> tuple[Any, Any]:
    """A mixture without what its fold keeps aside, and that; `fold` is a number in letters."""
    import train.data

    if not fold.isdecimal():
        raise UsageError(f"{fold!r} is not the number of a fold.", "Write --hold-out recordings:0.")
    learn, aside = train.data.open_fold(spec, int(fold))
    for note in learn.notes:
        click.echo(f"{spec}: {note}", err=True)
    return learn, aside


def open_noise(spec: str | None, data: Any) -> Any:
    """Features of a data set without calls, by the front end of `data`; None without a spec."""
    if spec is None:
        return None
    noise = open_data(spec)
    calls = int(noise.labels.sum())
    if calls:
        raise UsageError(
            f"{spec} cannot be used as noise: {calls} of its windows contain a call.",
            "Give noise:FOLDER with sound without calls, or the network learns calls as noise.",
        )
    if noise.frontend != data.frontend:
        raise UsageError(
            f"{spec} and {data.name} have features from different front ends.",
            "Append the front end's name, such as noise:FOLDER#waveform.",
        )
    return noise.features
