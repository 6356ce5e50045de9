"""Can the Prometheus endpoint be opened?"""

from __future__ import annotations

from importlib.util import find_spec

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import ConfigValueError, EdgeDaemonError


def refuse_endpoint(config: Config) -> None:
    """Refuse a port for Prometheus where its package is missing."""
    if config.health.prometheus_port is not None and find_spec("prometheus_client") is None:
        raise ConfigValueError(
            "health.prometheus_port",
            "needs the package prometheus-client, which is not installed",
            "Install it (pip install 'edge-daemon[prometheus]'), or remove the key.",
        )


def try_endpoint(config: Config) -> Verdict:
    """Listen on the port for a moment."""
    port = config.health.prometheus_port
    if port is None:
        return Verdict("endpoint", "skipped", "health.prometheus_port is empty")
    from edge_daemon.health.prometheus import Endpoint  # here: a daemon without it need not hold a web server

    try:
        Endpoint(port, lambda: None).close()
    except EdgeDaemonError as error:
        hint = f"{error.hint} If the daemon is running, it uses the port: stop it before you check."
        raise ConfigValueError("health.prometheus_port", error.predicate, hint) from None
    return Verdict("endpoint", "ok", f"port {port} is free")
