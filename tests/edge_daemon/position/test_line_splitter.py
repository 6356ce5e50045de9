"""Lines out of pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.position.line_splitter import LineSplitter


@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=8), st.integers(1, 9))
def test_pieces_make_no_difference(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    splitter, found = LineSplitter(10), []
    for place in range(0, len(data), size):
        found += splitter.lines(data[place : place + size])
    whole = [line for line in lines if len(line) + 1 <= 10]
    assert found == [line.rstrip(b"\r") for line in whole if line.rstrip(b"\r")]
    assert splitter.passed_over == len(lines) - len(whole)


def test_a_line_without_an_end_takes_no_memory() -> None:
    splitter = LineSplitter(100)
    for _ in range(1000):
        assert splitter.lines(b"x" * 1000) == []
        assert len(splitter._begun) <= 100
    assert splitter.lines(b"end\nnext\n") == [b"next"]
    assert splitter.passed_over == 1
