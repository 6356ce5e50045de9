"""`edge-daemon watch`: subscribe to a broker and print detections as they arrive."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from edge_daemon.cli.say import say

LATE_S = 120.0
"""A call that ended so long before it arrives is marked."""


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), help="Take the broker from a configuration file.")
@click.option("--host", help="Broker (default: localhost).")
@click.option("--port", type=int, help="Its port (default: 1883, with TLS 8883).")
@click.option("--prefix", help="First part of the topics (default: edge_daemon).")
@click.option("--device", default="+", help="Show only this device (default: all).")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Encrypt, trusting this certificate authority.")
@click.option("--tls", is_flag=True, help="Encrypt, trusting the system's certificate authorities.")
@click.option("--username", help="User name.")
@click.option("--password-file", type=click.Path(path_type=Path), help="File with the password (chmod 600).")
@click.option("--all", "everything", is_flag=True, help="Show health, effort, status and thumbnails too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line, as received.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
def watch(
    file: Path | None,
    host: str | None,
    port: int | None,
    prefix: str | None,
    device: str,
    ca_file: Path | None,
    tls: bool,
    username: str | None,
    password_file: Path | None,
    everything: bool,
    as_json: bool,
    count: int | None,
) -> None:
    """Print detections as they arrive at a broker, until Ctrl-C; reconnects if the connection is lost."""
    from pydantic import ValidationError

    from edge_daemon.cli.call_picture import call_lines
    from edge_daemon.cli.option_errors import blaming_options
    from edge_daemon.config import load
    from edge_daemon.config.mqtt import MqttSection
    from edge_daemon.errors import UsageError
    from edge_daemon.mqtt.subscriber import Subscriber
    from edge_daemon.system.credentials import environment_by_hand
    from edge_daemon.system.printable import escaped

    environment = os.environ if file is None else environment_by_hand(file.parent, os.environ)
    settings = MqttSection() if file is None else load(file, environment).config.mqtt
    given: dict[str, Any] = {"host": host, "port": port, "prefix": prefix, "username": username}
    given["password_file"] = password_file
    data = settings.model_dump() | {name: value for name, value in given.items() if value is not None}
    if password_file is not None:
        data["password_credential"] = None
    if ca_file is not None or tls:
        data["tls"] = {**data["tls"], "enabled": True, **({} if ca_file is None else {"ca_file": ca_file})}
    try:
        settings = MqttSection.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"The broker's settings: {place} {first['msg']}.") from None
    pattern = f"{settings.prefix}/{device}/{'#' if everything else 'detections'}"
    subscriber = Subscriber(settings, pattern, say=lambda text: say(text, err=True), environment=environment)
    printed = 0
    options = {} if password_file is None else {"mqtt.password_file": "--password-file"}
    with closing(subscriber), blaming_options(options):
        for topic, payload in subscriber.messages():
            if not payload:  # `config check` sends such, and so does who deletes a retained message
                continue
            say(escaped(payload.decode("utf-8", "replace") if as_json else line(topic, payload, time.time())))
            for more in [] if as_json else call_lines(topic, payload):
                say(escaped(more))
            printed += 1
            if printed == count:
                return


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
