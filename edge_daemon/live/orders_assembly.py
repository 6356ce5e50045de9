"""Assembles what deals with orders; imported where orders may be given, and nowhere else."""

from __future__ import annotations

from edge_daemon.config import Config
from edge_daemon.history.history import BoardHistory
from edge_daemon.live.clip_sender import ClipSender
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.live.model_intake import ModelIntake
from edge_daemon.live.order_replies import OrderReplies
from edge_daemon.live.orders_desk import OrdersDesk
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.setup_desk import SetupDesk
from edge_daemon.mqtt.inbox import Inbox
from edge_daemon.mqtt.topics import Topics
from edge_daemon.orders.envelope import MOST_BYTES
from edge_daemon.orders.gate import Gate
from edge_daemon.orders.keys import verifier
from edge_daemon.orders.model_store import ModelStore
from edge_daemon.orders.state_file import StateFile
from edge_daemon.outbox.outbox import Outbox


class OrdersAssembly:
    """The inbox, which the publisher needs, and the desk, which needs more.

    Args:
        config: what is configured.
        dependencies: the world around the daemon.
        topics: names for this device.
        outbox: takes replies and clips.
        times: how far the clock is to be believed.

    Attributes:
        inbox: of orders.
    """

    def __init__(
        self, config: Config, dependencies: Dependencies, topics: Topics, outbox: Outbox, times: SampleTime
    ) -> None:
        self._config, self._dependencies, self._topics = config, dependencies, topics
        self._outbox, self._times = outbox, times
        groups = [topics.group_orders(group) for group in config.orders.groups]
        self.inbox = Inbox([topics.orders, *groups], MOST_BYTES)

    def desk(self, history: BoardHistory) -> OrdersDesk:
        """What deals with them."""
        config, time, device = self._config, self._dependencies.time, self._config.device.id
        models = ModelIntake(ModelStore(config.storage.models_folder), config.mqtt.bytes_per_hour)
        replies = OrderReplies(device, self._topics.replies, self._outbox, time, self._dated)
        clips = ClipSender(
            device,
            self._topics.clip_parts,
            self._outbox,
            history,
            self._dependencies.clip_files,
            time,
            self._dated,
        )
        return OrdersDesk(
            self.inbox,
            Gate(verifier(config.orders.public_keys), device, frozenset(config.orders.groups)),
            SetupDesk(StateFile(config.storage.orders_path), replies, models.tidy, time),
            clips,
            models,
            time,
        )

    def _dated(self) -> bool:
        return self._times.state != "unsynchronised"
