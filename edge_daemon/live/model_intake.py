"""Taking a model from shore: says which pieces are missing, and when none is, has the model examined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_daemon.errors import StorageError
from edge_daemon.live.errand import Examiner
from edge_daemon.orders.arguments import ModelArguments, PieceArguments
from edge_daemon.orders.gate import Opened
from edge_daemon.orders.model_store import ModelStore, ranges
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.trial_state import OrdersState, Outcome


class ModelIntake:
    """Takes one model after the other; the thread of the disk drives it.

    Args:
        store: the files.
        budget: bytes per hour that the link may carry, for those who send models; None for no limit.

    Attributes:
        examine: begins the examination of the model in a setup; None where there is no file to lay it over.
    """

    def __init__(self, store: ModelStore, budget: int | None) -> None:
        self._store, self._budget = store, budget
        self.examine: Callable[[Setup], Examiner] | None = None
        self._running: tuple[Opened, ModelArguments, Examiner] | None = None

    def take_piece(self, piece: PieceArguments, data: bytes) -> None:
        """Keep a piece of the model that was announced.

        Raises:
            OrderRefusedError, StorageError: as `ModelStore.take`.
        """
        self._store.take(piece, data)

    def take(
        self, opened: Opened, model: ModelArguments, setup: Setup
    ) -> tuple[Outcome | None, str, dict[str, Any] | None]:
        """Outcome, text and detail for the answer; no outcome if the examination has begun.

        Raises:
            OrderRefusedError: another model is being examined, there is no room for it, or its pieces are wrong.
            StorageError: the disk cannot be read or written.
        """
        if self._running is not None:
            raise OrderRefusedError("busy", "another model is being examined")
        if setup.model == model.digest:
            return "done", "this model is in force already", None
        self._store.announce(model)
        missing = self._store.missing(model)
        if missing:
            detail = {
                "missing": len(missing),
                "pieces": model.pieces,
                "ranges": ranges(missing),
                "bytes_per_hour": self._budget,
            }
            return "incomplete", f"{len(missing)} of {model.pieces} pieces are missing", detail
        if self.examine is None:
            raise OrderRefusedError("value", "there is no configuration file to lay a model over")
        self._store.assemble(model)
        try:
            examiner = self.examine(setup.with_model(model.digest, opened.order.counter))
        except OSError as error:
            raise StorageError(f"The model cannot be examined: {error.strerror or error}.") from error
        self._running = (opened, model, examiner)
        return None, "", None

    def examined(self) -> tuple[Opened, ModelArguments, str] | None:
        """The order, the model and what is wrong with it, empty if nothing is; None until an examination has ended."""
        if self._running is None:
            return None
        opened, model, examiner = self._running
        problem = examiner.verdict()
        if problem is None:
            return None
        self._running = None
        return opened, model, problem

    def tidy(self, state: OrdersState) -> None:
        """Remove the files of models that are not needed, but for one that is being examined."""
        running = frozenset() if self._running is None else frozenset({self._running[1].digest})
        self._store.tidy(state.models | running, state.confirmed.model)

    def close(self) -> None:
        """End what runs."""
        if self._running is not None:
            self._running[2].close()
