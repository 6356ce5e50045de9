"""What a station's configuration refers to, looked at one thing after the other."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Mapping

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.mqtt.subscriber import Subscriber
from edge_daemon.shore.accounts import Accounts
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.settings import StationConfig
from edge_daemon.system.listening_socket import listening_socket

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANSWER_S = 10.0


def station_checks(
    config: StationConfig, environment: Mapping[str, str], *, offline: bool = False
) -> Iterator[tuple[str, str, str]]:
    """Verdict (`ok`, `WARNING`, `FAILED`), what was looked at, and a sentence on it.

    Args:
        config: of the station.
        environment: where credentials are looked for.
        offline: leave the broker alone.
    """
    yield from _database(config)
    yield from _web(config)
    if not offline:
        yield _broker(config.mqtt.connection(), environment)
    if any(channel.kind == "apprise" for channel in config.alerts.channels) and not importlib.util.find_spec("apprise"):
        yield "FAILED", "alerts.channels", "apprise is not installed. Run: pip install 'edge-daemon[alerts]'"
    if config.orders.public_keys and not importlib.util.find_spec("nacl"):
        yield "FAILED", "orders.public_keys", "PyNaCl is not installed. Run: pip install 'edge-daemon[orders]'"
    if config.alerts.rules and not config.alerts.channels:
        yield "WARNING", "alerts.channels", "there are rules, but no channel: alerts are only listed on the page."


def _database(config: StationConfig) -> Iterator[tuple[str, str, str]]:
    database = None
    try:
        database = StationDatabase(config.database.address)
        database.migrate()
        users = Accounts(database, 1.0).all()
    except EdgeDaemonError as error:
        yield "FAILED", "database", str(error)
        return
    finally:
        if database is not None:
            database.close()
    yield "ok", "database", "can be used, and has the form that this program knows."
    if not users:
        yield "WARNING", "users", "there are none. Make one: edge-daemon shore user put NAME"


def _web(config: StationConfig) -> Iterator[tuple[str, str, str]]:
    web = config.web
    try:
        listening_socket(web.address, web.port, "web").close()
        yield "ok", "web", f"can be served at {web.address}:{web.port}."
    except EdgeDaemonError as error:
        yield "FAILED", "web", str(error)
    if web.address not in LOOPBACK and web.certificate_file is None:
        yield "WARNING", "web", "passwords would cross the network readably. Give a certificate, or use a proxy."
    if web.public:
        yield "WARNING", "web.public", "everybody who reaches the port sees where devices are and what they found."
    for name in ("certificate_file", "key_file"):
        path = getattr(web, name)
        if path is not None and not path.is_file():
            yield "FAILED", f"web.{name}", f"{path} is not a file."


def _broker(settings: MqttSection, environment: Mapping[str, str]) -> tuple[str, str, str]:
    said: list[str] = []
    subscriber = Subscriber(settings, f"{settings.prefix}/+/status", said.append, environment=environment)
    try:
        end = time.monotonic() + ANSWER_S
        while not subscriber.online and time.monotonic() < end:
            subscriber.received(1.0)
            if said and not subscriber.online:
                break
        if subscriber.online:
            return "ok", "mqtt", f"the broker at {settings.host}:{settings.effective_port} answers."
        return "FAILED", "mqtt", said[-1].removesuffix(" Retrying.") if said else "the broker does not answer."
    except EdgeDaemonError as error:
        return "FAILED", "mqtt", str(error)
    finally:
        subscriber.close()
