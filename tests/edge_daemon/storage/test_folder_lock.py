"""One process to a storage folder, on a full disk, too."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from edge_daemon.errors import ConfigValueError
from edge_daemon.storage.folder_lock import NAME, lock_folder


def test_a_folder_is_made_and_has_one_holder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "state"
    lock = lock_folder(folder)
    assert lock is not None
    assert (folder / NAME).read_text() == f"{os.getpid()}\n"
    with pytest.raises(ConfigValueError) as caught:
        lock_folder(folder)
    assert caught.value.message.startswith(f"storage.folder names {folder}, which another edge-daemon is using")
    assert f"(process {os.getpid()})" in caught.value.message
    lock.close()
    again = lock_folder(folder)
    assert again is not None
    again.close()


def test_a_full_disk_takes_the_lock_without_a_name(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # every write fails, as on a full disk
    try:
        lock = lock_folder(tmp_path)
        assert lock is not None
        lock.close()  # nothing is left over that would fail here
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / NAME).read_text() == ""
