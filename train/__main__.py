"""`python -m train`: its commands are in `train/cli`, a file each."""

from __future__ import annotations

import sys

import click

from edge_daemon.errors import EdgeDaemonError
from train.cli import main


def run() -> None:
    """Entry point: errors that the user can mend are one message, not a traceback."""
    try:
        main.main(standalone_mode=False)
    except EdgeDaemonError as error:
        click.echo(f"Error: {error.message}\n{error.hint}".rstrip(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. Run the same command to continue.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    run()
