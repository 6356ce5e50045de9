"""Can orders be obeyed as configured?"""

from __future__ import annotations

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import StorageError, about


def refuse_orders(config: Config) -> None:
    """Refuse orders whose signatures could not be checked.

    Raises:
        ConfigValueError: PyNaCl is missing.
    """
    if config.orders.enabled:
        from edge_daemon.orders.keys import require_library

        with about("orders.enabled"):
            require_library()


def try_orders(config: Config) -> Verdict:
    """Say who may give orders, and what they have set."""
    section = config.orders
    if not section.enabled:
        return Verdict("orders", "skipped", "nobody may give orders")
    if not config.mqtt.enabled:
        return Verdict("orders", "warning", "orders come over MQTT, which is off", "Set mqtt.enabled: true.")
    from edge_daemon.orders.keys import key_name
    from edge_daemon.orders.state_file import StateFile

    try:
        state = StateFile(config.storage.orders_path).read()
    except StorageError as error:
        return Verdict("orders", "failed", error.message, error.hint)
    keys = ", ".join(key_name(one) for one in section.public_keys)
    values = len(state.setup.values) + (state.setup.model is not None)
    return Verdict("orders", "ok", f"by the keys {keys}; they have set {values} values")
