"""`edge-daemon decode`: packed messages of a slow link as the JSON documents that they are, for other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click

from edge_daemon.cli.say import say


@click.command()
@click.option("--topics", is_flag=True, help="Write the topic before each document, as mosquitto_sub -v does.")
def decode(*, topics: bool) -> None:
    """Turn compact messages into JSON documents, a line each.

    Reads lines of topic and message in hexadecimal, as `mosquitto_sub -F '%t %x'` writes them; messages on other topics
    pass as they are. A line that cannot be read is told and passed over; the exit code is 1 then.
    """
    failed = False
    for found in _documents(sys.stdin):
        if isinstance(found, ValueError):
            failed = True
            say(f"A message is left out: {found}.", err=True)
            continue
        topic, document = found
        say(f"{topic} {document}" if topics else document)
        sys.stdout.flush()
    if failed:
        click.get_current_context().exit(1)


def _documents(lines: Iterable[str]) -> Iterator[tuple[str, str] | ValueError]:
    """Topic and document of each message, or why it has none."""
    from edge_daemon.documents.compact import unpacked
    from edge_daemon.system.printable import escaped

    for line in lines:
        topic, _, message = line.rstrip("\r\n").rpartition(" ")
        if not topic or not message:
            continue  # an empty message
        try:
            yield from ((name, escaped(text.decode())) for name, text in unpacked(topic, bytes.fromhex(message)))
        except ValueError as error:
            yield ValueError(escaped(f"{topic}: {error}"))
