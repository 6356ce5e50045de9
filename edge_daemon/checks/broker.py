"""Does the broker accept us: network, TLS, user name and password?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config

if TYPE_CHECKING:
    from edge_daemon.mqtt.link import Event

_TIMEOUT_S = 10.0

# What to do, by words of the reason; the first that fits.
_HINTS = (
    ("not yet valid", "Check this machine's clock with `date`."),
    ("expired", "Renew the broker's certificate, or check this machine's clock with `date`."),
    ("hostname mismatch", "Set mqtt.host to the name in the certificate."),
    ("not trusted", "Set mqtt.tls.ca_file to the certificate of the authority that signed the broker's."),
    ("no tls", "Is mqtt.port the broker's TLS port (usually 8883)? Without TLS: mqtt.tls.enabled: false."),
    ("holds no certificate", "mqtt.tls.ca_file must be a PEM file."),
    ("not a certificate and its key", "mqtt.tls.certificate_file and key_file must be PEM files that belong together."),
    ("cannot be read", "Check the files under mqtt.tls and their permissions."),
    ("is not known", "Check mqtt.host and the network's DNS."),
    ("connection refused", "Is the broker running, and is mqtt.port right?"),
    ("answer within", "Check the network, a firewall, mqtt.host and mqtt.port."),
    ("unreachable", "Check the network, and mqtt.host."),
    ("without an answer", "If this port needs TLS, set mqtt.tls.enabled: true."),
    ("connection reset", "If this port needs TLS, set mqtt.tls.enabled: true."),
    ("refused us", "Check mqtt.username and the password, and that the broker allows this user."),
    ("no answer", "Check the network, a firewall, mqtt.host and mqtt.port."),
)


def check_broker(config: Config, environment: Mapping[str, str] | None = None) -> Verdict:
    """The broker accepts us; under another client name, so that a running daemon is left alone."""
    from edge_daemon.mqtt.connection import Failure
    from edge_daemon.mqtt.link import Accepted, Lost, Request, Tls
    from edge_daemon.mqtt.paho_link import PahoLink
    from edge_daemon.mqtt.publisher import password_of

    mqtt = config.mqtt
    if not mqtt.enabled:
        return Verdict("broker", "skipped", "mqtt.enabled is false")
    password = password_of(mqtt, os.environ if environment is None else environment)
    tls = Tls(mqtt.tls.ca_file, mqtt.tls.certificate_file, mqtt.tls.key_file) if mqtt.tls.enabled else None
    timeout_s = min(mqtt.connect_timeout_s, _TIMEOUT_S)
    failure = Failure(f"no answer within {timeout_s:g} s")
    for version in ("mqtt5", "mqtt311") if mqtt.protocol == "auto" else (mqtt.protocol,):
        link = PahoLink()
        try:
            link.open(
                Request(
                    host=mqtt.host,
                    port=mqtt.effective_port,
                    client_id=f"edge-daemon-check-{os.getpid()}",
                    version=version,
                    keepalive_s=mqtt.keepalive_s,
                    timeout_s=timeout_s,
                    username=mqtt.username,
                    password=password,
                    tls=tls,
                )
            )
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
        return Verdict(
            "broker", "warning", f"{text}, but the password goes over the network unencrypted", "Set mqtt.tls."
        )
    return Verdict("broker", "ok", text)


def _events(poll: Callable[[float], list[Event]], end: float) -> Iterator[Event]:
    while (left := end - time.monotonic()) > 0:
        yield from poll(left)
