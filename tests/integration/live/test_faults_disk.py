"""The disk fills up, is read-only, or gives back rubbish: detections are made and delivered all the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.live.small_disk import fill, mounted

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SPEED = 8.0
UNSAVED = 3
"""Exit code where the account of effort could not be written; the log holds it then."""


@pytest.fixture
def worn_card(rig: Any) -> Iterator[Path]:
    """A disk with a real file system, which turns read-only when it finds an error, as on a worn SD card."""
    image = rig.folder / "card.img"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs mkfs.ext4: apt-get install e2fsprogs")
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
    yield from mounted(rig, "-o", "loop,errors=remount-ro", str(image))


def fail(card: Path) -> None:
    """Let the kernel find an error in the file system: it is read-only from now on, for files that are open too."""
    source = subprocess.run(["findmnt", "-no", "SOURCE", str(card)], capture_output=True, text=True, check=True).stdout
    trigger = Path("/sys/fs/ext4") / Path(source.strip()).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel lets no file system error be made")
    trigger.write_text("1")


def outbox_of(rig: Any) -> dict[str, Any]:
    """The outbox in the newest health document."""
    documents = rig.shore.health()
    return documents[-1]["outbox"] if documents else {}


def test_clips_fill_a_small_disk_and_detections_go_on(rig: Any, small_disk: Path) -> None:
    """512 KiB, and no floor for clips: they take all the room, and nothing more can be written."""
    rig.state = small_disk / "state"
    sound = rig.calls(48)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: outbox_of(rig).get("available") is False)
    rig.delivers(sound)
    assert rig.terminate(0, UNSAVED) < 5.0


def test_disk_full_while_the_broker_is_away(rig: Any, card: Path) -> None:
    """What cannot be written is kept in memory, sent from there, and written when there is room again."""
    sound = rig.calls(48)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    ballast = fill(card)
    rig.until(lambda: outbox_of(rig).get("available") is False)
    before = len(rig.shore.ids())
    rig.until(lambda: len(rig.shore.ids()) >= before + 3)  # delivered from memory
    rig.broker.persisted()
    rig.broker.kill()
    rig.feeders[0].finished.wait(60)
    ballast.unlink()
    rig.broker.start()
    rig.until(lambda: outbox_of(rig).get("available") is True)
    rig.ends_as_replayed(sound)


def test_disk_full_at_the_end_and_room_after_the_restart(rig: Any, card: Path) -> None:
    """Nothing is lost by a stop either, if the broker is there: what is in memory only is sent before the end.

    Nor is it missing in the history, for which there is room in reserve, nor sent once more after the restart.
    """
    sound = rig.calls(30)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    ballast = fill(card)
    rig.until(lambda: outbox_of(rig).get("available") is False)
    rig.ends_as_replayed(sound, codes=(UNSAVED,))
    assert "effort could not be written to disk session=" in rig.log.read_text()
    assert not rig.printed()
    assert in_history(rig) == rig.shore.ids()
    ballast.unlink()
    arrived = rig.shore.ids()
    rig.start()
    rig.until(lambda: rig.starts() == 2)
    rig.play(rig.calls(6), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= len(arrived) + 5)
    rig.ends_clean()
    assert len(rig.shore.detections()) == len(rig.shore.ids())
    assert in_history(rig) == rig.shore.ids()


def in_history(rig: Any) -> set[str]:
    """Detections in the history that count as delivered."""
    with contextlib.closing(sqlite3.connect(rig.state / "history.db")) as connection:
        query = "SELECT id FROM entry WHERE kind = 'detection' AND delivered"
        return {name for (name,) in connection.execute(query)}


def test_card_turns_read_only(rig: Any, worn_card: Path) -> None:
    sound = rig.calls(30)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 3)
    fail(worn_card)
    rig.until(lambda: outbox_of(rig).get("available") is False)
    rig.delivers(sound)
    assert any("read-only" in reason.lower() for reason in rig.shore.health()[-1]["reasons"])
    assert rig.terminate(UNSAVED) < 5.0
    assert "effort could not be written to disk session=" in rig.log.read_text()


def test_card_read_only_from_the_start_and_mended(rig: Any, card: Path) -> None:
    sound = rig.calls(30)
    subprocess.run(["mount", "-o", "remount,ro", str(card)], check=True, capture_output=True)
    rig.broker.start()
    rig.start()
    rig.play(sound, SPEED)
    rig.until(lambda: outbox_of(rig).get("available") is False)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    subprocess.run(["mount", "-o", "remount,rw", str(card)], check=True, capture_output=True)
    rig.until(lambda: outbox_of(rig).get("available") is True)
    rig.ends_as_replayed(sound)
    assert rig.effort()


def found_offline(rig: Any, number: int) -> set[str]:
    """Detections of one life without a broker, left in the outbox by a SIGKILL."""
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: rig.log.read_text(errors="replace").count(" id=") > number)
    rig.kill()
    feeder.stop()
    left = rig.outbox_ids()
    assert len(left) >= number
    return left


def fold(path: Path) -> None:
    """Bring the write-ahead log into the file itself, so that damage to the file is damage to the rows."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("damage", ["whole file", "one page"])
def test_corrupt_outbox_is_set_aside_and_work_goes_on(rig: Any, damage: str) -> None:
    left = found_offline(rig, 40)
    fold(rig.outbox)
    content = bytearray(rig.outbox.read_bytes())
    if damage == "whole file":
        content[:] = os.urandom(len(content))
    else:
        pages = [at for at in range(0, len(content), 4096) if content[at] == 0x0D]  # leaves of a table: they hold rows
        content[pages[len(pages) // 2] : pages[len(pages) // 2] + 4096] = os.urandom(4096)
    rig.outbox.write_bytes(content)
    lost_at_most = len(left) if damage == "whole file" else 12  # rows of a page, payloads of 800 bytes and more

    rig.broker.start()
    rig.start()
    already = rig.log.read_text(errors="replace").count(" id=")
    rig.play(rig.calls(10), SPEED).finished.wait(60)
    rig.until(lambda: rig.log.read_text(errors="replace").count(" id=") >= already + 10)
    rig.until(lambda: len(rig.shore.ids() - left) >= 10)
    rig.until(lambda: len(left - rig.shore.ids()) <= lost_at_most)
    aside = [path for path in rig.state.glob("outbox.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
    assert len(aside) == 1
    assert aside[0].read_bytes()[:100] == bytes(content[:100])
    assert any("damaged" in reason for document in rig.shore.health() for reason in document["reasons"])
    rig.ends_clean()
    assert len(rig.shore.ids() - left) == 10
    if damage == "one page":
        assert left & rig.shore.ids()
