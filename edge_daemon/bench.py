"""How fast this machine is at the daemon's work: the real pipeline, fed with real sound as from a sound card.

Two measurements. *Without pauses* blocks follow each other as fast as they are worked off: that tells how much the
machine can carry, and whether it slows down. *With pauses* the thread sleeps after each window, as it does at sea:
caches are cold and the clock may be low, so that a window takes longer; latencies and the share of the processor are
taken from these.

What is measured is resampling, front end, inference and events, by the wall clock, in this process. What is not: sound
card, broker, disk, and a backend's own worker process. Energy is not measured at all but estimated from counted
operations (`edge_daemon.model.energy` says how little that is).
"""

from __future__ import annotations

import math
import os
import platform
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr
from numpy.typing import NDArray

from edge_daemon.audio.source import Block
from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.config import Config
from edge_daemon.detection.detector import Detector
from edge_daemon.detection.pipeline import STAGES, Pipeline
from edge_daemon.health.board import HOT_C, Board, BoardHealth
from edge_daemon.model.energy import INTEGER
from edge_daemon.model.frontend import FrontEnd
from edge_daemon.model.model_file import ModelFile

USUAL_RATE = 48_000
"""Of sound cards, Hz; taken where the configuration leaves the rate to the sound card."""
PAUSE_S = 0.02
"""Sleep after each window in the measurement with pauses."""
WARM_UP = 10
"""Windows that are not counted: the first ones allocate memory and load code."""
SLOWER = 1.15
"""So much slower in the last quarter than in the first, and the machine is said to slow down."""
_STAGES = STAGES[1:]
_SAMPLE_S = 10.0  # of the sample inside the package, fed again and again; more would show as memory
_COUNTED_WINDOWS = 16


@dataclass(frozen=True, slots=True)
class StageTimes:
    """What a stage takes for a window, milliseconds: quantiles with pauses, mean without."""

    stage: str
    p50_ms: float
    p99_ms: float
    busy_mean_ms: float


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What was measured on this machine.

    Attributes:
        machine: board or processor.
        cores: that this process may use.
        versions: of what does the work.
        model: name and version.
        backend: which one ran it.
        source_rate: Hz, of the sound fed in.
        hop_s: seconds from window to window.
        window_s: seconds in a window.
        windows: measured with pauses.
        busy_windows: measured without.
        stages: times of each stage and, last, of all together ("window").
        cpu_share: processor time of this process at this hop, of one core, 0…; with pauses.
        channels_per_core: as many could be carried in real time by one core, if it did nothing else; without pauses.
        memory_mb: resident memory of this process at the end, MB (10⁶ bytes).
        peak_memory_mb: its peak.
        model_load_s: reading the model and starting the backend.
        energy_nj: estimated for a window's bare integer arithmetic, nanojoules, mean; None where it cannot be counted.
        synaptic_operations: counted for a window, mean; likewise.
        temperature_c: of the processor at the end, if the board tells.
        warnings: sentences on what makes these figures doubtful.
    """

    machine: str
    cores: int
    versions: dict[str, str]
    model: str
    backend: str
    source_rate: int
    hop_s: float
    window_s: float
    windows: int
    busy_windows: int
    stages: tuple[StageTimes, ...]
    cpu_share: float
    channels_per_core: int
    memory_mb: float | None
    peak_memory_mb: float
    model_load_s: float
    energy_nj: float | None
    synaptic_operations: float | None
    temperature_c: float | None
    warnings: tuple[str, ...]


def bench(config: Config, detector: Detector, board: Board, *, seconds: float, model_load_s: float) -> BenchReport:
    """Measure.

    Args:
        config: rate and length of blocks, hop.
        detector: ready to run.
        board: tells temperature, throttling and memory.
        seconds: for both measurements together, > 0.
        model_load_s: how long it took to get the detector ready.
    """
    rate = config.audio.rate or USUAL_RATE
    before = board.read()
    blocks = _blocks(rate, max(1, config.audio.block_ms * rate // 1000))
    metadata = detector.model.metadata
    pipeline = detector.pipeline(rate)
    _run(pipeline, blocks, seconds=seconds, most=WARM_UP)
    busy = _run(pipeline, blocks, seconds=seconds / 2)
    calm = _run(pipeline, blocks, seconds=seconds / 2, pause_s=PAUSE_S)
    after, peak_kib = board.read(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hop_s = detector.hop / metadata.frontend.sample_rate
    operations = _operations(detector.model)
    return BenchReport(
        machine=_machine(),
        cores=len(os.sched_getaffinity(0)),
        versions={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        model=f"{metadata.name} {metadata.version}",
        backend=detector.backend.name,
        source_rate=rate,
        hop_s=hop_s,
        window_s=metadata.frontend.window_seconds,
        windows=len(calm.times_s),
        busy_windows=len(busy.times_s),
        stages=_stages(calm.times_s, busy.times_s),
        cpu_share=calm.cpu_s / len(calm.times_s) / hop_s,
        channels_per_core=math.floor(hop_s * len(busy.times_s) / busy.wall_s),
        memory_mb=after.memory_mb,
        peak_memory_mb=max(after.memory_mb or 0.0, peak_kib * 1024 / 1e6),  # the kernel's two counts differ a little
        model_load_s=model_load_s,
        energy_nj=None if operations is None else operations[0],
        synaptic_operations=None if operations is None else operations[1],
        temperature_c=after.temperature_c,
        warnings=warnings_of(before, after, busy, worker=config.backend.worker),
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of the pipeline.

    Attributes:
        times_s: float64 [windows, stages], of each window; resampling of its hop counts to it.
        wall_s: of the whole run, without pauses but with what is between the stages.
        cpu_s: processor time of the process.
    """

    times_s: NDArray[np.float64]
    wall_s: float
    cpu_s: float


def warnings_of(before: BoardHealth, after: BoardHealth, busy: Measurement, *, worker: bool) -> tuple[str, ...]:
    """What makes the figures doubtful.

    Args:
        before: the board in front of the measurements.
        after: behind them.
        busy: the measurement without pauses.
        worker: whether the backend runs in a process of its own.
    """
    found = []
    if after.throttling:
        found.append(f"The board is being throttled now: {', '.join(after.throttling)}.")
    if earlier := [reason for reason in after.throttled_since_boot if reason not in after.throttling]:
        found.append(f"The board has been throttled since it was started: {', '.join(earlier)}.")
    if after.temperature_c is not None and after.temperature_c >= HOT_C:
        found.append(f"The processor is at {after.temperature_c:.0f} °C; boards slow down from {HOT_C:.0f} °C.")
    totals = busy.times_s.sum(axis=1)
    quarter = len(totals) // 4
    if quarter and (ratio := float(np.median(totals[-quarter:]) / np.median(totals[:quarter]))) > SLOWER:
        found.append(f"Windows took {ratio:.2f} × as long at the end as at the start: the machine is slowing down.")
    if busy.cpu_s < 0.9 * busy.wall_s and not worker:
        share = busy.cpu_s / busy.wall_s
        found.append(f"Other programs used the core too: this one ran {share:.0%} of the time without pauses.")
    if before.load_1min is not None and before.load_1min > 0.5 * (os.cpu_count() or 1):
        found.append(f"Other programs were busy before (load {before.load_1min:.1f}): figures are too pessimistic.")
    if worker:
        found.append("The backend runs in its own process; its memory and processor time are not counted here.")
    return tuple(found)


def _blocks(rate: int, length: int) -> Iterator[Block]:
    """The sample inside the package at a sound card's rate, over and over, in blocks."""
    path = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
    with soundfile.SoundFile(path) as file:
        sound = file.read(round(_SAMPLE_S * file.samplerate), dtype="float32")
        sound = soxr.resample(sound, file.samplerate, rate) if file.samplerate != rate else sound
    starts = range(0, max(1, len(sound) - length + 1), length)
    for number in count():
        begin = starts[number % len(starts)]
        yield Block(sound[begin : begin + length], number * length)


def _run(
    pipeline: Pipeline, blocks: Iterator[Block], *, seconds: float, pause_s: float = 0.0, most: int | None = None
) -> Measurement:
    """Push blocks for some time, and at least until one window is scored."""
    rows: list[list[float]] = []
    tally = pipeline.tally.stage_ns
    slept, cpu, began = 0.0, time.process_time(), time.perf_counter()
    last = [tally[stage] for stage in _STAGES]
    while not rows or (time.perf_counter() - began < seconds and len(rows) < (most or math.inf)):
        if scored := len(pipeline.push(next(blocks)).windows):
            now = [tally[stage] for stage in _STAGES]
            rows += [[(a - b) / scored / 1e9 for a, b in zip(now, last, strict=True)]] * scored
            last = now
            if pause_s:
                asleep = time.perf_counter()
                time.sleep(pause_s)
                slept += time.perf_counter() - asleep
    wall = time.perf_counter() - began - slept
    return Measurement(np.array(rows), wall, time.process_time() - cpu)


def _stages(calm: NDArray[np.float64], busy: NDArray[np.float64]) -> tuple[StageTimes, ...]:
    calm = np.column_stack([calm, calm.sum(axis=1)]) * 1e3
    busy = np.column_stack([busy, busy.sum(axis=1)]) * 1e3
    p50, p99 = np.quantile(calm, (0.5, 0.99), axis=0)
    return tuple(
        StageTimes(name, float(p50[place]), float(p99[place]), float(busy[:, place].mean()))
        for place, name in enumerate((*_STAGES, "window"))
    )


def _operations(model_file: ModelFile) -> tuple[float, float] | None:
    """Mean energy (nJ) and synaptic operations of windows of the sample, counted; None where events cannot run it."""
    spec, network = model_file.metadata.frontend, model_file.network()
    sound, rate = soundfile.read(Path(str(resources.files("edge_daemon") / "assets" / "sample.flac")), dtype="float32")
    sound = soxr.resample(sound, rate, spec.sample_rate) if rate != spec.sample_rate else sound
    starts = np.linspace(0, len(sound) - spec.window, _COUNTED_WINDOWS).astype(int)
    features, _ = FrontEnd(spec).batch(np.stack([sound[start : start + spec.window] for start in starts]))
    try:
        _, counted = EventBackend(network, model_file.metadata.calibration).count(features)
    except ValueError:
        return None
    return float(counted.energy_pj(INTEGER).mean()) / 1e3, float(counted.synaptic_operations.mean())


def _machine() -> str:
    """What a Raspberry Pi calls itself, or the processor's name."""
    try:
        return Path("/proc/device-tree/model").read_text("utf-8", "replace").strip("\0\n ")
    except OSError:
        pass
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0]} ({platform.machine()})" if names else platform.machine()
