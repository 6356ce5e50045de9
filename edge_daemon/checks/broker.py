"""Are password and certificates there, and does the broker accept us and our messages with them?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from edge_daemon.checks.broker_trial import tried_topics, try_delivery
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.health.link_assessment import link_warnings
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Event, Lost, Request, Tls
from edge_daemon.mqtt.paho_link import PahoLink
from edge_daemon.mqtt.publisher import password_of
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.tls import context
from edge_daemon.storage.folder_lock import folder_in_use

_TIMEOUT_S = 10.0
_HEALTH_BYTES = 3000
_BYTES_A_CALL = 1300
_BYTES_OF_JSON = 40_000
"""An hour with less is a slow link: thirty calls as JSON, and nothing else."""
_RIGHTS = "Give this user the right to write below mqtt.prefix/device.id, and to read it where MQTT 5 is not spoken."

# What to do, by words of the reason; the first that fits.
_HINTS = (
    ("not yet valid", "Check this machine's clock with `date`."),
    ("expired", "Renew the broker's certificate, or check this machine's clock with `date`."),
    ("hostname mismatch", "Set mqtt.host to the name in the certificate."),
    ("not trusted", "Set mqtt.tls.ca_file to the certificate of the authority that signed the broker's."),
    ("no tls", "Set mqtt.port to the broker's TLS port (usually 8883), or mqtt.tls.enabled to false."),
    ("is not known", "Check mqtt.host and the network's DNS."),
    ("connection refused", "Check that the broker is running, and mqtt.port."),
    ("answer within", "Check the network, the firewall, mqtt.host and mqtt.port."),
    ("unreachable", "Check the network and mqtt.host."),
    ("without an answer", "If this port needs TLS, set mqtt.tls.enabled: true."),
    ("connection reset", "If this port needs TLS, set mqtt.tls.enabled: true."),
    ("refused us", "Check mqtt.username and the password, and that the broker allows this user."),
)


def refuse_credentials(config: Config, environment: Mapping[str, str]) -> None:
    """Refuse a password and certificates that are not there, cannot be read, or are something else."""
    if not config.mqtt.enabled:
        return
    password_of(config.mqtt, environment)
    if (tls := Tls.from_config(config.mqtt.tls)) is not None:
        context(tls)


def try_broker(config: Config, environment: Mapping[str, str]) -> Verdict:
    """Connect and deliver as the daemon does; while a daemon runs, only greet the broker, under another name."""
    mqtt = config.mqtt
    if not mqtt.enabled:
        return Verdict("broker", "skipped", "mqtt.enabled is false")
    password = password_of(mqtt, environment)
    timeout_s = min(mqtt.connect_timeout_s, _TIMEOUT_S)
    if folder_in_use(config.storage.folder):
        return _greet(config, password, timeout_s)
    report = try_delivery(config, lambda: password, PahoLink(), timeout_s)
    if report.state != "online":
        return _failed(config, report.last_failure or f"the broker does not answer within {timeout_s:g} s")
    return _delivered(config, report)


def _greet(config: Config, password: str | None, timeout_s: float) -> Verdict:
    mqtt = config.mqtt
    failure = Failure(f"the broker does not answer within {timeout_s:g} s")
    for version in ("mqtt5", "mqtt311") if mqtt.protocol == "auto" else (mqtt.protocol,):
        request = Request.from_config(mqtt, f"edge-daemon-check-{os.getpid()}", version, password)
        link = PahoLink()
        try:
            link.open(replace(request, timeout_s=timeout_s))
            event = next(iter(_events(link.poll, time.monotonic() + timeout_s)), None)
            if isinstance(event, Accepted):
                link.close(polite=True)
                note = "; the daemon is running, so nothing was published: its health tells what arrives"
                return _accepted(config, version, note)
            if isinstance(event, Lost):
                failure = event.failure
        finally:
            link.release()
        if not (failure.unsupported_protocol or failure.silent):
            break
    return _failed(config, failure.reason)


def _failed(config: Config, why: str) -> Verdict:
    mqtt = config.mqtt
    reason = why if mqtt.host in why else f"{mqtt.host}:{mqtt.effective_port}: {why}"
    return Verdict("broker", "failed", reason, hint_for(reason))


def _delivered(config: Config, report: MqttReport) -> Verdict:
    """A broker has accepted us; what it says to our messages."""
    where = f"{config.mqtt.host}:{config.mqtt.effective_port} accepts us"
    if report.refused:
        topics = "; ".join(f"{one.topic}: {one.reason}" for one in report.refused)
        return Verdict("broker", "failed", f"{where}, but not our messages ({topics})", _RIGHTS)
    if report.acknowledged < len(tried_topics(config)):
        why = report.last_failure or "it acknowledges nothing"
        return Verdict("broker", "failed", f"{where}, but not our messages: {why}", _RIGHTS)
    size = report.maximum_packet_size
    if size is not None and size < _HEALTH_BYTES:
        text = f"{where}, but takes packets of at most {size} bytes; a detection has about 1000, health about 3000"
        return Verdict("broker", "warning", text, "Raise the broker's maximum packet size.")
    for told in link_warnings(report):
        return Verdict("broker", "warning", f"{where}, but: {told}", "See docs/troubleshooting.md.")
    return _accepted(config, report.protocol)


def hint_for(reason: str) -> str:
    """What to do about a failure; the link's reasons are sentences, and some come from TLS and kernel."""
    return next((hint for words, hint in _HINTS if words in reason.lower()), "Check the `mqtt` section.")


def _accepted(config: Config, version: str, note: str = "") -> Verdict:
    mqtt = config.mqtt
    secure = ", TLS" if mqtt.tls.enabled else ""
    user = f", user {mqtt.username}" if mqtt.username is not None else ""
    text = f"{mqtt.host}:{mqtt.effective_port} accepts us ({version}{secure}{user}){note}"
    local = mqtt.host in ("localhost", "127.0.0.1", "::1")
    if mqtt.username is not None and not mqtt.tls.enabled and not local:
        warning = f"{text}, but the password crosses the network unencrypted"
        return Verdict("broker", "warning", warning, "Set mqtt.tls.enabled: true, at the broker's TLS port.")
    if mqtt.bytes_per_hour is not None and mqtt.bytes_per_hour < _BYTES_OF_JSON and mqtt.form == "json":
        few = f"{text}, but mqtt.bytes_per_hour carries {mqtt.bytes_per_hour // _BYTES_A_CALL} calls an hour at most"
        return Verdict("broker", "warning", few, "Set mqtt.form: compact; see docs/subscriber.md.")
    return Verdict("broker", "ok", text)


def _events(poll: Callable[[float], list[Event]], end: float) -> Iterator[Event]:
    while (left := end - time.monotonic()) > 0:
        yield from poll(left)
