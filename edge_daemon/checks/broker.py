"""Are password and certificates there, and does the broker accept us with them?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Event, Lost, Request, Tls
from edge_daemon.mqtt.paho_link import PahoLink
from edge_daemon.mqtt.publisher import password_of
from edge_daemon.mqtt.tls import context

_TIMEOUT_S = 10.0

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
    """Greet the broker, under another client name, so that a running daemon is left alone."""
    mqtt = config.mqtt
    if not mqtt.enabled:
        return Verdict("broker", "skipped", "mqtt.enabled is false")
    password = password_of(mqtt, environment)
    timeout_s = min(mqtt.connect_timeout_s, _TIMEOUT_S)
    failure = Failure(f"the broker does not answer within {timeout_s:g} s")
    for version in ("mqtt5", "mqtt311") if mqtt.protocol == "auto" else (mqtt.protocol,):
        request = Request.from_config(mqtt, f"edge-daemon-check-{os.getpid()}", version, password)
        link = PahoLink()
        try:
            link.open(replace(request, timeout_s=timeout_s))
            event = next(iter(_events(link.poll, time.monotonic() + timeout_s)), None)
            if isinstance(event, Accepted):
                link.close(polite=True)
                return _accepted(config, version)
            if isinstance(event, Lost):
                failure = event.failure
        finally:
            link.release()
        if not (failure.unsupported_protocol or failure.silent):
            break
    where = f"{mqtt.host}:{mqtt.effective_port}"
    reason = failure.reason if mqtt.host in failure.reason else f"{where}: {failure.reason}"
    return Verdict("broker", "failed", reason, hint_for(reason))


def hint_for(reason: str) -> str:
    """What to do about a failure; the link's reasons are sentences, and some come from TLS and kernel."""
    return next((hint for words, hint in _HINTS if words in reason.lower()), "Check the `mqtt` section.")


def _accepted(config: Config, version: str) -> Verdict:
    mqtt = config.mqtt
    secure = ", TLS" if mqtt.tls.enabled else ""
    user = f", user {mqtt.username}" if mqtt.username is not None else ""
    text = f"{mqtt.host}:{mqtt.effective_port} accepts us ({version}{secure}{user})"
    local = mqtt.host in ("localhost", "127.0.0.1", "::1")
    if mqtt.username is not None and not mqtt.tls.enabled and not local:
        warning = f"{text}, but the password crosses the network unencrypted"
        return Verdict("broker", "warning", warning, "Set mqtt.tls.enabled: true, at the broker's TLS port.")
    return Verdict("broker", "ok", text)


def _events(poll: Callable[[float], list[Event]], end: float) -> Iterator[Event]:
    while (left := end - time.monotonic()) > 0:
        yield from poll(left)
