"""The command line: one group, one file per command, nothing heavy before it is needed.

Importing this package costs click alone. A command's module is imported when that command is run; the table below
carries what `--help` shows, so that help imports none of them. To add a command, write `cli/NAME.py` and add a line.

May import every layer.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from edge_daemon import __version__
from edge_daemon.cli.say import say
from edge_daemon.errors import EdgeDaemonError

COMMANDS = {
    "run": ("edge_daemon.cli.run:run", "Listen to the hydrophone and report calls."),
    "replay": ("edge_daemon.cli.replay:replay", "Find calls in recordings."),
    "bench": ("edge_daemon.cli.bench:bench", "Measure how fast the daemon's work runs on this machine."),
    "backends": ("edge_daemon.cli.backends:backends", "List what can run a network."),
    "model": ("edge_daemon.cli.model:model", "Inspect model files."),
    "devices": ("edge_daemon.cli.devices:devices", "List sound inputs and show their live level."),
    "config": ("edge_daemon.cli.config:config", "Write, check and show the configuration."),
    "watch": ("edge_daemon.cli.watch:watch", "Print detections as they arrive at a broker."),
    "decode": ("edge_daemon.cli.decode:decode", "Turn compact messages of a slow link into JSON."),
    "detections": ("edge_daemon.cli.detections:detections", "List and export what the daemon has found."),
    "presence": ("edge_daemon.cli.presence:presence", "Print in which hours and days whales were heard."),
    "orders": ("edge_daemon.cli.orders:orders", "Give signed orders to devices, and see what they have set."),
    "shore": ("edge_daemon.cli.shore:shore", "Run the station on shore: a page of what devices publish."),
    "page": ("edge_daemon.cli.page:page", "Serve a page on the board: what it hears now."),
    "effort": ("edge_daemon.cli.effort:effort", "Print what was listened to and what was missed."),
}
"""Name → where the command is, and its line in `--help`."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


class LazyGroup(click.Group):
    """A group that imports a command when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the commands, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list in `--help`, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    say(f"edge-daemon {__version__}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """Listen for right whales: a spiking network that finds up-calls in hydrophone sound.

    Without a hydrophone, `edge-daemon replay` shows what it does on a sample inside the package.
    """


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code: 0 good, 1 something failed, 2 asked for the impossible.

    Args:
        arguments: without the program's name; None takes the process's.
    """
    try:
        result = cli.main(args=arguments, prog_name="edge-daemon", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue(), err=True, nl=False)
        return error.exit_code
    except EdgeDaemonError as error:
        say(f"edge-daemon: {error.message}", err=True)
        if error.hint:
            say(f"  {error.hint}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.", err=True)
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `edge-daemon` command."""
    sys.exit(invoke())
