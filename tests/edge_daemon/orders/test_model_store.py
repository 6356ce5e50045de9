"""A model comes in pieces, over days and power cuts, and is there as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import random
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_daemon.orders.arguments import (
    LEAST_PIECE,
    MOST_MODEL_BYTES,
    MOST_PIECE,
    MOST_PIECES,
    ModelArguments,
    PieceArguments,
)
from edge_daemon.orders.model_store import SPARE_BYTES, ModelStore, ranges
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.orders.reply import OrderReply
from edge_daemon.orders.shipment import BUDGET_SHARE, ENVELOPE_BYTES, Shipment, piece_bytes

CONTENT = random.Random(1).randbytes(5000)
SHIPMENT = Shipment(
    CONTENT, ModelArguments(digest=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), piece_bytes=512)
)
MODEL = SHIPMENT.model


def take(store: ModelStore, *numbers: int) -> None:
    for number in numbers:
        arguments, data = SHIPMENT.piece(number)
        store.take(PieceArguments.model_validate(arguments), data)


def test_pieces_in_any_sequence_make_the_model(tmp_path: Path) -> None:
    ModelStore(tmp_path / "models").announce(MODEL)
    numbers = list(range(MODEL.pieces))
    random.Random(2).shuffle(numbers)
    for number in numbers:
        take(ModelStore(tmp_path / "models"), number)  # each time another life
    store = ModelStore(tmp_path / "models")
    assert store.missing(MODEL) == []
    assert not store.good(MODEL.digest)
    store.assemble(MODEL)
    assert store.good(MODEL.digest)
    store.tidy(frozenset({MODEL.digest}), None)
    assert store.announced == MODEL
    store.tidy(frozenset({MODEL.digest}), MODEL.digest)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f"{MODEL.digest}.onnx"]
    store.tidy(frozenset(), None)
    assert not store.good(MODEL.digest)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    store.announce(MODEL)
    take(store, 0, 3, 4, 9)
    assert store.missing(MODEL) == [1, 2, 5, 6, 7, 8]
    reply = OrderReply(device="d", utc="u", outcome="incomplete", detail={"missing": 6, "ranges": [[1, 2], [5, 8]]})
    assert SHIPMENT.next_round(reply) == [1, 2, 5, 6, 7, 8]
    assert SHIPMENT.arrived(reply) == 5000 - 6 * 512


def test_pieces_of_no_or_another_model_are_refused(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    with pytest.raises(OrderRefusedError, match="no such model"):
        take(store, 0)
    store.announce(MODEL)
    _, data = SHIPMENT.piece(0)
    for number, found in ((0, data[:-1]), (9, data), (10, data), (0, data + b"x")):
        with pytest.raises(OrderRefusedError, match="no such piece"):
            store.take(PieceArguments(digest=MODEL.digest, number=number), found)
    with pytest.raises(OrderRefusedError, match="no such model"):
        store.take(PieceArguments(digest="0" * 64, number=0), data)
    assert store.missing(MODEL) == list(range(10))


def test_wrong_bytes_never_become_a_model(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    store.announce(MODEL)
    take(store, *range(MODEL.pieces))
    store.take(PieceArguments(digest=MODEL.digest, number=4), bytes(512))
    with pytest.raises(OrderRefusedError, match="do not make the model"):
        store.assemble(MODEL)
    assert not list((tmp_path / "models").glob("*.onnx"))
    assert store.announced is None


def test_a_model_that_has_rotted_is_not_good_and_comes_again(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    store.announce(MODEL)
    take(store, *range(MODEL.pieces))
    store.assemble(MODEL)
    path = tmp_path / "models" / f"{MODEL.digest}.onnx"
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert not store.good(MODEL.digest)


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_all_numbers(numbers: set[int]) -> None:
    found = ranges(sorted(numbers))
    assert sorted(one for first, last in found for one in range(first, last + 1)) == sorted(numbers)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(found))


@given(st.none() | st.integers(1000, 10**9))
def test_a_shipment_keeps_to_the_links_budget(bytes_per_hour: int | None) -> None:
    length = piece_bytes(bytes_per_hour)
    assert LEAST_PIECE <= length <= MOST_PIECE
    pause_s = Shipment.of(bytes(100_000), bytes_per_hour).pause_s()
    if bytes_per_hour is None:
        assert pause_s == 0
    else:
        an_hour = 3600 / pause_s * (length + ENVELOPE_BYTES)
        assert an_hour == pytest.approx(BUDGET_SHARE * bytes_per_hour)


def test_all_pieces_together_are_the_file() -> None:
    assert b"".join(SHIPMENT.piece(number)[1] for number in range(MODEL.pieces)) == CONTENT


@pytest.mark.parametrize("budget", [None, 1000, 8192, 100_000])
@pytest.mark.parametrize("size", [1, 75_000, MOST_PIECES * LEAST_PIECE + 1, 20_000_000])
def test_however_slow_the_link_a_model_is_few_files(budget: int | None, size: int) -> None:
    assert Shipment.of(bytes(size), budget).model.pieces <= MOST_PIECES


def test_a_model_in_a_million_files_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than 10000 pieces"):
        ModelArguments(digest="0" * 64, size=MOST_MODEL_BYTES, piece_bytes=LEAST_PIECE)
    assert ModelArguments(digest="0" * 64, size=MOST_MODEL_BYTES, piece_bytes=MOST_PIECE).pieces <= MOST_PIECES


def test_room_is_counted_in_the_disks_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 256 bytes take a block each: 5,000 of them 20 MB, and not 1.3."""
    model = ModelArguments(digest="0" * 64, size=5000 * LEAST_PIECE, piece_bytes=LEAST_PIECE)
    least = 5000 * 4096 + model.size + SPARE_BYTES

    def disk_with(free: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free // 4096, f_frsize=4096))

    store = ModelStore(tmp_path / "models")
    disk_with(least - 4096)
    with pytest.raises(OrderRefusedError, match="no room"):
        store.announce(model)
    disk_with(least + 4096)
    store.announce(model)
    assert store.announced == model


def test_what_a_power_cut_leaves_of_an_assembly_goes(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.announce(MODEL)
    left = tmp_path / f".{'a' * 16}.part"
    left.write_bytes(b"half")
    store.tidy(frozenset(), None)
    assert not left.exists()
    left.write_bytes(b"half")
    store.announce(SHIPMENT.of(b"other").model)
    assert not left.exists()
