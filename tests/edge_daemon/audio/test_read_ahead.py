"""A source read ahead: what its source gives, in the same order, two blocks ahead at most, and no thread is left."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.read_ahead import AHEAD, ReadAheadSource
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import AudioSource, Block, Gap
from edge_daemon.errors import AudioError

Item = Block | Gap | AudioError


class Items:
    """A source that gives, or raises, what it was given; then None."""

    rate, name = 2000, "items"

    def __init__(self, items: list[Item]) -> None:
        self.items, self.reads, self.closed = list(items), 0, False
        self.threads: set[int] = set()

    def read(self) -> Block | Gap | None:
        assert not self.closed
        self.threads.add(threading.get_ident())
        self.reads += 1
        item = self.items.pop(0) if self.items else None
        if isinstance(item, AudioError):
            raise item
        return item

    def close(self) -> None:
        self.closed = True


def next_of(source: AudioSource) -> Item | None:
    try:
        return source.read()
    except AudioError as error:
        return error


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read ahead")]


def made_items(kinds: str) -> list[Item]:
    kind: dict[str, Item] = {
        "block": Block(np.zeros(4, np.float32), 0),
        "gap": Gap(4, 3, "read_error"),
        "error": AudioError("The disk is gone."),
    }
    return [next(item for name, item in kind.items() if name.startswith(letter)) for letter in kinds]


@given(st.text("bge", max_size=12), st.integers(0, 15))
def test_all_comes_in_order_and_at_most_two_are_read_ahead(kinds: str, asked: int) -> None:
    given_items = made_items(kinds)
    inner = Items(given_items)
    source = ReadAheadSource(inner)
    assert (source.rate, source.name) == (2000, "items")
    for number, expected in enumerate([*given_items, None, None, None][:asked]):
        assert next_of(source) is expected
        assert number + 1 <= inner.reads <= number + 1 + AHEAD
    source.close()
    assert inner.closed
    assert not reading_threads()
    assert threading.get_ident() not in inner.threads
    source.close()


def test_a_block_is_read_while_the_one_before_is_used() -> None:
    begun = threading.Event()

    class Watched(Items):
        def read(self) -> Block | Gap | None:
            if self.reads == 1:
                begun.set()
            return super().read()

    source = ReadAheadSource(Watched(made_items("bbb")))
    source.read()
    assert begun.wait(10)
    source.close()


def test_a_source_is_not_closed_while_it_is_read() -> None:
    begun, go_on, order = threading.Event(), threading.Event(), []

    class Slow(Items):
        def read(self) -> Block | Gap | None:
            if self.reads == 1:
                begun.set()
                assert go_on.wait(10)
            item = super().read()
            order.append("read")
            return item

        def close(self) -> None:
            order.append("closed")

    source = ReadAheadSource(Slow(made_items("bbb")))
    source.read()
    assert begun.wait(10)
    closing = threading.Thread(target=source.close)
    closing.start()
    closing.join(0.05)
    assert order == ["read"]
    go_on.set()
    closing.join(10)
    assert order == ["read", "read", "closed"]


def test_of_an_interrupted_end_the_source_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Items(made_items("bb"))
    source = ReadAheadSource(inner)
    source.read()

    def interrupted(**_how: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(source._thread, "shutdown", interrupted)
        with pytest.raises(KeyboardInterrupt):
            source.close()
    assert not inner.closed
    source.close()
    assert inner.closed


@pytest.mark.parametrize("damaged", [False, True])
def test_a_file_gives_the_same(tmp_path: Path, *, damaged: bool) -> None:
    path = tmp_path / "sea.flac"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 40_000).astype(np.float32), 2000, "PCM_16")
    if damaged:
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
        path.write_bytes(data[:-500])
    plain, inner = FileSource(path, block_seconds=1.0), FileSource(path, block_seconds=1.0)
    ahead = ReadAheadSource(inner)
    gaps = 0
    while (expected := plain.read()) is not None:
        found = ahead.read()
        if isinstance(expected, Gap):
            gaps += 1
            assert found == expected
        else:
            assert isinstance(found, Block)
            assert found.start == expected.start
            assert found.samples.tobytes() == expected.samples.tobytes()
    assert ahead.read() is None
    assert (inner.frames, inner.read_frames, inner.defects) == (plain.frames, plain.read_frames, plain.defects)
    assert (gaps > 0) == damaged == bool(plain.defects)
    plain.close()
    ahead.close()


@pytest.mark.parametrize(
    ("suffix", "subtype", "by_library"),
    [
        (".wav", "PCM_24", False),
        (".wav", "FLOAT", True),
        (".wav", "IMA_ADPCM", True),
        (".aiff", "PCM_24", True),
        (".flac", "PCM_24", True),
        (".ogg", "VORBIS", True),
    ],
)
def test_who_decodes_a_file(tmp_path: Path, suffix: str, subtype: str, *, by_library: bool) -> None:
    soundfile.write(tmp_path / f"sea{suffix}", np.zeros(8000, np.float32), 8000, subtype)
    with FileSource(tmp_path / f"sea{suffix}") as source:
        assert source.by_library is by_library
