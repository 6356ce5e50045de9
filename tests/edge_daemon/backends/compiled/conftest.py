"""Kernels that do without what the processor may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from edge_daemon.system import compiled_library as library

WAYS = {"all it has": (), "no AVX-512": ("-DNO_AVX512",), "plain": ("-DPLAIN",)}


@pytest.fixture(scope="session", params=WAYS)
def folder_of_way(request: pytest.FixtureRequest, build_kernel: Callable[..., Path]) -> Path:
    """Where a kernel of one of the ways to compute lies."""
    return build_kernel("-O1", *WAYS[request.param])  # sooner built


@pytest.fixture(scope="module")
def way(folder_of_way: Path, kernel_in: Callable[[Path], AbstractContextManager[None]]) -> Iterator[None]:
    """A kernel of one of the ways, in the place of the one that is found."""
    with kernel_in(folder_of_way):
        yield


@pytest.fixture
def wrong_source(without_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built from now on computes other leaks, and says that it is of this version's source."""
    digest, (neuron,) = library._digest(), (source for source in library.SOURCES if source.name == "neuron.c")
    other, right = without_kernel / neuron.name, neuron.read_text()
    other.write_text(right.replace("kept) >> 8", "kept) >> 7"))
    assert other.read_text() != right
    (without_kernel / "network.h").write_bytes((neuron.parent / "network.h").read_bytes())
    monkeypatch.setattr(library, "SOURCES", tuple(other if source == neuron else source for source in library.SOURCES))
    monkeypatch.setattr(library, "_digest", lambda: digest)
