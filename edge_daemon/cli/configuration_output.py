"""Where a new configuration goes: into a file, whole or not at all, or to the terminal."""

from __future__ import annotations

from pathlib import Path

from edge_daemon.cli.say import say


def write_configuration(text: str, output: Path | None, next_command: str) -> None:
    """Write a configuration, and say what comes next.

    Args:
        text: the file.
        output: where it goes, in place of an older one; None prints it.
        next_command: with which the file is checked; its place is added.

    Raises:
        StorageError: it cannot be written.
    """
    from edge_daemon.errors import StorageError
    from edge_daemon.storage.atomic_file import whole_file

    if output is None:
        say(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(output) as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{output} cannot be written: {error.strerror}.") from None
    say(f"Written: {output}")
    say(f"Next: {next_command} {output}")
