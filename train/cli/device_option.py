"""The option that says where networks are trained."""

from __future__ import annotations

import click

with_device = click.option(
    "--device", default="cpu", show_default=True, help="Where networks are trained: cpu, cuda or cuda:N."
)
"""Decorates a command with `--device`; `train.device.chosen_device` takes its value."""
