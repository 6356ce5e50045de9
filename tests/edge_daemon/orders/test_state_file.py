"""The state on disk is the old one or the new one, wherever the power fails, and never a rotten one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_daemon.errors import StorageError
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.state_file import MOST_BYTES, StateFile
from edge_daemon.orders.trial_state import OrdersState, confirmed, counted, tried

SETUP = (
    Setup().with_values({"detection.threshold": 0.8, "schedule.daily": ["01:00-02:00"]}, (), 5).with_model("a" * 64, 6)
)
STATE = tried(confirmed(tried(counted(OrdersState(), "k", 5), SETUP, "k", 5, "set")), Setup(), "k", 6, "roll_back")


class PowerCutError(BaseException):
    """The process is no more."""


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "orders.json")
    assert file.read() == OrdersState()
    file.replace(STATE)
    assert file.read() == STATE
    assert StateFile(tmp_path / "orders.json").change(lambda state: counted(state, "k", 9)).counters == {"k": 9}
    assert file.read().counters == {"k": 9}


def test_a_power_cut_at_any_step_leaves_the_old_state_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, new = StateFile(tmp_path / "orders.json"), counted(STATE, "k", 77)
    steps = 0
    seen = set()
    while True:
        file.replace(STATE)
        left = steps

        def counting(real: object) -> object:
            def call(*arguments: object, **options: object) -> object:
                nonlocal left
                if left == 0:
                    raise PowerCutError
                left -= 1
                return real(*arguments, **options)  # type: ignore[operator]

            return call

        with monkeypatch.context() as patched:
            for name in ("open", "fsync", "write", "replace", "unlink", "rename"):
                patched.setattr(os, name, counting(getattr(os, name)))
            try:
                file.change(lambda _state: new)
                done = True
            except PowerCutError:
                done = False
        found = StateFile(tmp_path / "orders.json").read()
        assert found in (STATE, new)
        seen.add(found == new)
        if done:
            break
        steps += 1
    assert steps >= 4
    assert seen == {True, False}


@pytest.mark.parametrize("at", [0, 70, 200, -3])
def test_a_rotten_bit_is_found(tmp_path: Path, at: int) -> None:
    path = tmp_path / "orders.json"
    StateFile(path).replace(STATE)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StorageError, match="damaged"):
        StateFile(path).read()


def test_what_root_writes_by_hand_belongs_to_whom_the_folder_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: owners.append((user, group)))
    StateFile(tmp_path / "orders.json").replace(STATE)
    folder = tmp_path.stat()
    assert owners == [(folder.st_uid, folder.st_gid)] * 2  # the lock and the state


def test_a_state_too_long_to_be_read_again_is_not_written(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "orders.json")
    file.replace(STATE)
    long = OrdersState(confirmed=Setup().with_values({"a": "x" * MOST_BYTES}, [], 1))
    with pytest.raises(StorageError, match="longer"):
        file.change(lambda _state: long)
    assert file.read() == STATE
