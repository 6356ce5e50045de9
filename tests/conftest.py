"""Fixtures that every part of the test suite shares."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from edge_daemon.model.frontend import LogMelSpec
from edge_daemon.model.model_file import ModelMetadata, OperatingPoint, Provenance
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.score_calibration import logistic
from export.graph import model_file, network_document
from tests.faults.fault_library import FaultLibrary, build

# A slow machine is no failure; example counts bound the time instead.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
# A shell lets what it starts in the background ignore Ctrl-C, and so would every process started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Daemons that tests start keep their configuration here, not among the tester's own files.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="edge-daemon-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a test's `journal.set_up` did: its handler writes to a stream that ends with the test."""
    logger = logging.getLogger("edge_daemon")
    before = (list(logger.handlers), logger.propagate, logger.level)
    yield
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings beside the checkout; its absence skips the test."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real recordings in ../shared/data, which are not part of the repository")
    return folder


@pytest.fixture(scope="session")
def tiny_network() -> IntegerNetwork:
    """A spiking network of three layers for the log-mel front end, with random weights; far too small to be good."""
    rng = np.random.default_rng(23)

    def layer(name: str, shape: tuple[int, ...], threshold: int, **fields: Any) -> Layer:
        return Layer(
            name=name,
            kind="conv" if len(shape) == 4 else "dense",
            weight=rng.integers(-127, 128, shape).astype(np.int8),
            bias=rng.integers(-40, 40, shape[0]).astype(np.int32),
            threshold=np.full(shape[0], threshold, np.int32) + rng.integers(0, 9, shape[0]).astype(np.int32),
            beta_256=np.array([200], np.int32),
            reset="subtract",
            **fields,
        )

    return IntegerNetwork(
        layers=(
            layer("first", (4, 1, 5, 5), 500, stride=(2, 2), padding=(2, 2), shift=-4),
            layer("second", (6, 4, 3, 3), 300, padding=(1, 1), max_pool=(2, 2)),
            layer("output", (2, 72), 3000, pool="global_sum"),
        ),
        time_steps=4,
        input_shape=(50, 101),
        stem="band_mean",
    )


@pytest.fixture(scope="session")
def tiny_metadata(tiny_network: IntegerNetwork) -> ModelMetadata:
    """What the tiny network's model file says."""
    return ModelMetadata(
        name="tiny",
        version="1.0",
        labels=("noise", "call"),
        frontend=LogMelSpec(),
        network=network_document(tiny_network),
        calibration=logistic(slope=0.8, offset=-0.5),
        operating_point=OperatingPoint(threshold=0.6, threshold_low=0.4, min_windows=1),
        provenance=Provenance(data="random numbers", licence="Apache-2.0"),
    )


@pytest.fixture(scope="session")
def tiny_model(
    tmp_path_factory: pytest.TempPathFactory, tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata
) -> Path:
    """Path of the tiny network's model file."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(model_file(tiny_network, tiny_metadata))
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 512 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root and the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def fill_disk() -> Callable[[Path], None]:
    """Writes a file that takes all the room left on its disk."""

    def fill(path: Path) -> None:
        with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)

    return fill


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets disk and clock of a program fail, compiled."""
    try:
        return build(tmp_path_factory.mktemp("faults"))
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def make_faults(fault_library: Path, tmp_path: Path) -> Callable[[Path], FaultLibrary]:
    """Makes a `FaultLibrary` for the disk below a folder; add its `environment` to that of the program."""
    return lambda disk: FaultLibrary(fault_library, tmp_path, disk)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: at the end nobody waits for one of them while the other core has nothing to do."""
    items.sort(key=lambda item: "integration" not in item.path.parts)
