"""`edge-daemon watch`: subscribe to a broker and print detections as they arrive."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

import click

from edge_daemon.cli.broker_options import BrokerChoice, broker_options
from edge_daemon.cli.say import say

LATE_S = 120.0
"""A call that ended so long before it arrives is marked."""


@click.command()
@broker_options
@click.option("--device", default="+", help="Show only this device (default: all).")
@click.option("--all", "everything", is_flag=True, help="Show health, effort, status and thumbnails too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line, as received.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
def watch(device: str, everything: bool, as_json: bool, count: int | None, **broker: Any) -> None:
    """Print detections as they arrive at a broker, until Ctrl-C; reconnects if the connection is lost."""
    from edge_daemon.cli.call_picture import call_lines
    from edge_daemon.cli.option_errors import blaming_options
    from edge_daemon.documents.compact.unpacking import PACKED
    from edge_daemon.mqtt.subscriber import Subscriber
    from edge_daemon.system.printable import escaped

    choice = BrokerChoice(**broker)
    settings, environment = choice.settings()
    pattern = f"{settings.prefix}/{device}/{'#' if everything else 'detections'}"
    packed = () if everything else (f"{settings.prefix}/{device}/{PACKED}",)
    told = partial(say, err=True)
    subscriber = Subscriber(settings, pattern, say=told, environment=environment, more=packed)
    printed = 0
    with closing(subscriber), blaming_options(choice.blamed):
        for topic, payload in documents(subscriber.messages()):
            # `config check` sends empty ones, and so does who deletes a retained message
            if not payload or not (everything or topic.endswith(("/detections", f"/{PACKED}"))):
                continue
            say(escaped(payload.decode("utf-8", "replace") if as_json else line(topic, payload, time.time())))
            for more in [] if as_json else call_lines(topic, payload):
                say(escaped(more))
            printed += 1
            if printed == count:
                return


def documents(messages: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Topic and document of each; packed ones one by one, or as they are where they cannot be read."""
    from edge_daemon.documents.compact import unpacked

    for topic, payload in messages:
        try:
            yield from unpacked(topic, payload)
        except ValueError:
            yield topic, payload


def line(topic: str, payload: bytes, now_s: float | None = None) -> str:
    """One message for a person; what is not understood is shown as it came.

    Args:
        topic, payload: the message.
        now_s: the time, seconds since 1970 UTC; None marks nothing as late.
    """
    *_, device, subject = ["", "", *topic.split("/")]
    text = payload.decode("utf-8", "replace")
    told = {
        "health": health,
        "effort": effort,
        "excerpts": excerpt,
        "thumbnails": thumbnail,
        "lost_clips": lost_clip,
    }
    if subject == "packed":
        return f"{device:<12} {subject:<10} {len(payload)} bytes that are damaged, or of a newer edge-daemon: update it"
    try:
        if subject in told:
            return f"{device:<12} {subject:<10} {told[subject](json.loads(text))}"
        if subject != "detections":
            return f"{device:<12} {subject:<10} {text if len(text) <= 100 else text[:97] + '...'}"
        return detection(json.loads(text), now_s)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{device:<12} {subject:<10} not understood: {text[:80]!r}"


def detection(document: dict[str, Any], now_s: float | None) -> str:
    """Time, device, score, length and band of a detection, and by how much it is late."""
    begin = document["begin_utc"] or f"{document['begin_s']:.3f} s"
    length = document["end_s"] - document["begin_s"]
    low, high = document.get("low_hz"), document.get("high_hz")
    band = "" if low is None or high is None else f"{low:.0f}-{high:.0f} Hz"
    return (
        f"{str(begin).replace('T', ' ')[:23]:<23}  {document['device']:<12} {document['label']:<20} "
        f"score {document['peak_score']:.3f}  {length:5.1f} s  {band:<12} {document['clock']}{late(document, now_s)}"
    ).rstrip()


def late(document: dict[str, Any], now_s: float | None) -> str:
    """`  LATE 3.0 h` for a call that ended so long ago; nothing where it is fresh, or nobody knows."""
    if now_s is None or document.get("end_utc") is None:
        return ""
    age_s = now_s - datetime.fromisoformat(str(document["end_utc"])).timestamp()
    if age_s < LATE_S:
        return ""
    unit, seconds = next(one for one in (("d", 86_400), ("h", 3600), ("min", 60)) if age_s >= one[1])
    return f"  LATE {age_s / seconds:.1f} {unit}"


def excerpt(document: dict[str, Any]) -> str:
    """Which call an excerpt is of, and how much of it."""
    begin = str(document["begin_utc"]).replace("T", " ")[:23]
    size = len(document["sound"]) * 3 // 4 / 1000
    return (
        f"{document['seconds']:.1f} s of sound from {begin}, {document['format']}, {size:.1f} kB ({document['clip']})"
    )


def lost_clip(document: dict[str, Any]) -> str:
    """Which clip there will not be, and why."""
    return f"{document['clip']}: {document['reason']}"


def thumbnail(document: dict[str, Any]) -> str:
    """Which detection a picture is of, and its size."""
    return f"picture of {document['id']}, {document['rows']} rows from {document['low_hz']:.0f} Hz"


def health(document: dict[str, Any]) -> str:
    """State, reasons and counts of a health document."""
    reasons = "; ".join(document["reasons"])
    counts = f"detections {document['detections']}, windows scored {document['windows']['scored']}"
    return f"{document['state']}{': ' if reasons else ''}{reasons} ({counts})"


def effort(document: dict[str, Any]) -> str:
    """What of a period was listened to, and what took the rest."""
    lost = ", ".join(f"{gap['cause']} {gap['seconds']:.0f} s" for gap in document["gaps"])
    share = f"listened {document['listened_s']:.0f} s of {document['period_s']:.0f} s"
    return f"{share} up to {document['end_utc'][:16].replace('T', ' ')}{': ' if lost else ''}{lost}"
