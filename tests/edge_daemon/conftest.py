"""Fixtures of the device's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.health.assessment import assess
from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import ClockHealth, HealthDocument, ModelHealth, QueueHealth
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.system import compiled_library as library
from edge_daemon.testing.machine import board_health

ONLINE: dict[str, object] = {
    "state": "online", "broker": "b:1883", "protocol": "mqtt5", "state_s": 1.0, "last_failure": None,
    "attempts": 1, "connections": 1, "sent": 0, "acknowledged": 0, "rejected": 0, "last_rejection": None,
    "in_flight": 0, "bytes_last_hour": 0, "held_by_budget": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def build_kernel(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds a kernel from this source, which takes seconds, with more flags if need be; its folder."""

    def build(*flags: str) -> Path:
        if shutil.which("cc") is None:
            pytest.skip("no C compiler")
        folder = tmp_path_factory.mktemp("kernel")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "_FLAGS", (*library._FLAGS, *flags))
            library.build(folder=folder)
        return folder

    return build


@pytest.fixture(scope="session")
def kernel_in() -> Callable[[Path], AbstractContextManager[None]]:
    """Has the kernel of a folder used instead of what may lie in the package."""

    @contextmanager
    def use(folder: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "FOLDER", folder)
            library.kernel.cache_clear()
            yield
        library.kernel.cache_clear()

    return use


@pytest.fixture(scope="session")
def kernel_folder(build_kernel: Callable[..., Path]) -> Path:
    """The folder of a kernel that was built from this source."""
    return build_kernel()


@pytest.fixture(scope="module")
def built(kernel_folder: Path, kernel_in: Callable[[Path], AbstractContextManager[None]]) -> Iterator[Path]:
    """A kernel of this source, used instead of what may lie in the package."""
    with kernel_in(kernel_folder):
        yield library.library_path()


@pytest.fixture
def without_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder where no compiled kernel lies, whatever has been built in the checkout."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    monkeypatch.setattr(library, "FOLDER", folder)
    library.kernel.cache_clear()
    yield folder
    library.kernel.cache_clear()


@pytest.fixture
def make_health() -> Callable[..., HealthDocument]:
    """Makes the document of a daemon in which all is well, but for the parts that are given."""

    def make(counters: HealthCounters, now_ns: int, **parts: Any) -> HealthDocument:
        counted = counters.report(now_ns)
        good: dict[str, object] = {
            "input": InputHealth(phase="listening", device="vmic"),
            "queues": {"windows": QueueHealth(length=0, capacity=8)},
            "outbox": OutboxHealth(depth=0),
            "mqtt": ONLINE | parts.pop("mqtt", {}),
            "clock": ClockHealth(state="synchronised", drift_ppm=12.5),
            "board": board_health(memory_mb=80.0, disk_free_mb=9000.0, temperature_c=50.0),
            "model": ModelHealth(name="m", version="1", digest="ab" * 32, backend="onnx"),
            "backend": {"restarts": 0.0},
        }
        document = HealthDocument.model_validate(
            {
                "device": "buoy-7",
                "utc": "2009-03-29T12:15:03.250000Z",
                "version": "0",
                "uptime_s": round(counted.uptime_s, 1),
                "state": "ok",
                "reasons": (),
                "detections": counted.detections,
                "windows": counted.windows,
                "latency": counted.latency,
                "delivery": counted.delivery,
                "gaps": counted.gaps,
            }
            | good
            | parts
        )
        return assess(document, counted)

    return make
