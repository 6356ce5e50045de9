"""The configuration with what orders have set: at each start, and whenever the file is read again.

At a start the trial's rule is applied first (`orders/trial_state.py`), and written down before anything is tried. If
the daemon cannot be made with what orders have set, what was before is tried, and then the file as it stands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge_daemon.config import Loaded
from edge_daemon.errors import ConfigError, StorageError
from edge_daemon.orders.model_store import ModelStore
from edge_daemon.orders.overlay import laid_over
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.state_file import StateFile
from edge_daemon.orders.trial_state import STARTED_AGAIN, OrdersState, Trial, fallen, started
from edge_daemon.storage.folder_lock import folder_in_use

log = logging.getLogger(__name__)


class OrderedConfig:
    """Lays what orders have set over the file, where the configuration lets orders be given.

    Args:
        environment: for references; the process's.

    Attributes:
        problems: what of the orders is not in force, and why.
        model: digest of the model from shore that the daemon was started with; None for the file's.
        lapsed: the trial that is over for this process, and why, while the disk may still have it as a trial.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._begun: OrdersState | None = None
        self.problems: tuple[str, ...] = ()
        self.model: str | None = None
        self.lapsed: tuple[Trial, str] | None = None

    def candidates(self, loaded: Loaded) -> Iterator[Loaded]:
        """What to start with, the best first; asking for the next one says that the last did not work."""
        file = StateFile(loaded.config.storage.orders_path)
        state = self._begin(loaded.config.storage.folder, file)
        for setup in [state.setup] if state.trial is None else [state.setup, state.confirmed]:
            if setup.empty and state.trial is None:
                continue
            if setup.model is not None and not ModelStore(loaded.config.storage.models_folder).good(setup.model):
                self._give_up(file, setup, f"the model {setup.model[:12]} is missing or damaged")
                continue
            try:
                candidate = laid_over(loaded, setup, self._environment)
            except ConfigError as error:
                self._give_up(file, setup, str(error))
                continue
            self.model = setup.model
            yield candidate
            self._give_up(file, setup, "the daemon does not start with it")
        self.model = None
        yield loaded

    def lay(self, loaded: Loaded) -> Loaded:
        """The file with what orders have set now; the file alone, and a problem, where that cannot be."""
        try:
            state = StateFile(loaded.config.storage.orders_path).read()
            over = self.lapsed is not None and self.lapsed[0].same_order(state.trial)
            laid = laid_over(loaded, state.confirmed if over else state.setup, self._environment)
        except (ConfigError, StorageError) as error:
            self.problems = (_passed_over(str(error)),)
            return loaded
        self.problems = ()
        return laid

    def _begin(self, folder: Path, file: StateFile) -> OrdersState:
        """The state from which this start goes out; the start is written down once."""
        if self._begun is not None:
            return self._begun
        state = OrdersState()
        try:
            state = file.read()
            if state.trial is not None and not folder_in_use(folder):
                state = file.change(started)
        except StorageError as error:
            self.problems = (str(error),)
            self._let_lapse(state, STARTED_AGAIN)
            state = started(state, writable=False)
        self._begun = state
        return state

    def _give_up(self, file: StateFile, setup: Setup, why: str) -> None:
        """It does not work: a trial ends with it, what was confirmed is passed over in this start."""
        log.error("what orders have set is passed over", extra={"reason": why})
        self.problems = (_passed_over(why),)
        begun = self._begun or OrdersState()
        if begun.trial is not None and begun.trial.setup == setup:
            self._begun = fallen(begun, why)
            try:
                file.change(lambda state: fallen(state, why))
            except StorageError:
                self._let_lapse(begun, why)

    def _let_lapse(self, state: OrdersState, why: str) -> None:
        """What cannot be written down yet holds for this process at once."""
        if state.trial is not None:
            self.lapsed = (state.trial, why)


def _passed_over(why: str) -> str:
    return f"what orders have set is not in force: {why.splitlines()[0]}"
