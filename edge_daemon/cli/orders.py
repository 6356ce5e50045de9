"""`edge-daemon orders`: make a key, give orders from shore, and see or clear on the board what they have set."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_daemon.cli.broker_options import BrokerChoice, broker_options
from edge_daemon.cli.config import file_argument
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.cli.orders_send import Sending
    from edge_daemon.orders.trial_state import OrdersState


@click.group()
def orders() -> None:
    """Give signed orders to devices, and see what they have set."""


@orders.command()
@click.argument("file", type=click.Path(path_type=Path))
def keygen(file: Path) -> None:
    """Write a new private key into FILE, and print the public key for the devices' configuration."""
    from edge_daemon.orders.keys import key_name, make_key

    public = make_key(file)
    say(f"Written: {file} (keep it, and a copy of it, where nobody else can read it)", err=True)
    say(f"Its name in replies: {key_name(public)}. For the devices' configuration:", err=True)
    say(f'orders:\n  enabled: true\n  public_keys: ["{public}"]')


@orders.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(file: Path, as_json: bool) -> None:
    """Print, on the board, what orders have set over the configuration FILE."""
    from dataclasses import asdict

    from edge_daemon.cli.state_folder import configured
    from edge_daemon.orders.state_file import StateFile

    state = StateFile(configured(file).storage.orders_path).read()
    if as_json:
        say(json.dumps(asdict(state), indent=2))
        return
    for line in _lines(state):
        say(line)


def _lines(state: OrdersState) -> list[str]:
    found = [f"Key {key}: orders up to {counter} have been dealt with." for key, counter in state.counters.items()]
    parts = [("In force", state.confirmed), ("Before that", state.former)]
    if state.trial is not None:
        parts.insert(0, (f"On trial by order {state.trial.counter}", state.trial.setup))
    for title, setup in parts:
        if setup is None or (setup.empty and title != "In force"):
            continue
        found.append(f"{title}:" + (" the configuration file as it stands" if setup.empty else ""))
        found += [f"  {key}: {json.dumps(one.value)} (order {one.counter})" for key, one in setup.values.items()]
        if setup.model is not None:
            found.append(f"  model {setup.model} (order {setup.model_counter})")
    return found


@orders.command()
@file_argument
def clear(file: Path) -> None:
    """Take away, on the board, all that orders have set over the configuration FILE.

    Orders that were obeyed once are not obeyed again. A running daemon takes the file's values when it is reloaded, its
    model when it is started again.
    """
    from edge_daemon.cli.state_folder import configured
    from edge_daemon.errors import StorageError
    from edge_daemon.orders.keys import key_name
    from edge_daemon.orders.state_file import StateFile
    from edge_daemon.orders.trial_state import OrdersState, cleared

    config = configured(file)
    state_file = StateFile(config.storage.orders_path)
    try:
        state_file.change(lambda state: cleared(state, 0))
    except StorageError:  # damaged: which orders were obeyed is unknown, so none signed until now is any more
        known = OrdersState(counters=dict.fromkeys(map(key_name, config.orders.public_keys), 0))
        state_file.replace(cleared(known, time.time_ns() // 1_000_000))
    say("Cleared. Next: systemctl reload edge-daemon (after a model from shore: restart)")


@orders.group()
@broker_options
@click.option("--key", type=click.Path(path_type=Path), required=True, help="File with the private key.")
@click.option("--device", help="Id of the device.")
@click.option("--group", help="Group of devices, instead of one.")
@click.option("--lifetime", default=86_400.0, show_default=True, help="Seconds after which the order expires.")
@click.option("--retain", is_flag=True, help="Leave the order at the broker, for a device that is not there now.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the reply.")
@click.option("--wait", is_flag=True, help="Wait until the trial of a change has ended, too.")
@click.option(
    "--output",
    "envelope",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign the order and write it into FILE (- for standard output) instead of sending it, for a station's page.",
)
@click.pass_context
def send(
    ctx: click.Context,
    /,
    key: Path,
    device: str | None,
    group: str | None,
    lifetime: float,
    retain: bool,
    timeout: float,
    wait: bool,
    envelope: Path | None,
    **broker: Any,
) -> None:
    """Give an order to a device and print its reply; exit code 1 if it was not done."""
    from edge_daemon.cli.orders_send import Sending
    from edge_daemon.errors import UsageError

    if (device is None) == (group is None):
        raise UsageError("Whom the order is for is not clear.", "Give --device or --group.")
    to = device if device is not None else f"@{group}"
    ctx.obj = Sending(BrokerChoice(**broker), key, to, lifetime, timeout, envelope, retain=retain, to_the_end=wait)


@send.command(name="set")
@click.argument("values", nargs=-1, required=True, metavar="KEY=VALUE…")
@click.pass_obj
def set_values(sending: Sending, values: tuple[str, ...]) -> int:
    """Set live keys, as detection.threshold=0.8; KEY= alone takes back what an order has set."""
    return sending.give("set", value_arguments(values))


def value_arguments(values: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of an order `set`: values are YAML's scalars, or JSON in brackets.

    Raises:
        UsageError: one has no `=`.
    """
    from edge_daemon.config.document import scalar
    from edge_daemon.errors import UsageError

    found: dict[str, Any] = {"values": {}, "unset": []}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text} is no KEY=VALUE.", "Write, for example, detection.threshold=0.8.")
        if not value:
            found["unset"].append(key)
        elif value.startswith("["):
            try:
                found["values"][key] = json.loads(value)
            except ValueError:
                raise UsageError(f"{value} is no JSON list.", 'Write, for example, ["04:00-05:00"].') from None
        else:
            found["values"][key] = scalar(value)
    return found


@send.command()
@click.pass_obj
def reload(sending: Sending) -> int:
    """Read the configuration file again."""
    return sending.give("reload", {})


@send.command()
@click.pass_obj
def health(sending: Sending) -> int:
    """Send the health document now."""
    return sending.give("health", {})


@send.command()
@click.pass_obj
def restart(sending: Sending) -> int:
    """Start the program anew."""
    return sending.give("restart", {})


@send.command(name="roll-back")
@click.pass_obj
def roll_back(sending: Sending) -> int:
    """Go back to what was in force before the last change."""
    return sending.give("roll_back", {})


@send.command()
@click.argument("detection")
@click.option("--output", type=click.Path(path_type=Path), help="File for the sound; without, it is only sent.")
@click.pass_obj
def clip(sending: Sending, detection: str, output: Path | None) -> int:
    """Send the sound of the detection with this id."""
    return sending.give("clip", {"id": detection}, clip=output)


@send.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--bytes-per-hour", type=click.IntRange(min=1000), help="What the link may carry (default: no limit).")
@click.pass_obj
def model(sending: Sending, file: Path, bytes_per_hour: int | None) -> int:
    """Send the model FILE to a device, which examines it, tries it and takes it or goes back.

    After a break the same command goes on where it stopped, also days later. Give --timeout as long as it may take.
    """
    from edge_daemon.cli.orders_model import ship

    return ship(sending, file, bytes_per_hour)
