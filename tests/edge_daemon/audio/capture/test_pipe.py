"""Raw PCM: every format, short reads, ends, stalls and schedules; real pipes and one in memory."""

from __future__ import annotations

import fcntl
import os
import random
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.capture.byte_source import DescriptorBytes, NamedPipeBytes
from edge_daemon.audio.capture.device import SampleFormat
from edge_daemon.audio.capture.pcm import BYTES, decode
from edge_daemon.audio.capture.pipe import PipeSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.errors import AudioError
from edge_daemon.system.backoff import Backoff
from edge_daemon.testing.machine import ManualTime

RATE = 1000
PIECE_NS = 20_000_000  # what a live writer writes at once, at least


def encode(values: list[int], sample_format: SampleFormat) -> bytes:
    """Integers of the format's width as bytes; of floats, thousandths."""
    if sample_format == "float32":
        return b"".join(struct.pack("<f", value / 1000) for value in values)
    return b"".join(value.to_bytes(BYTES[sample_format], "little", signed=True) for value in values)


@pytest.mark.parametrize(
    ("sample_format", "values", "expected"),
    [
        ("int16", [-32768, -1, 0, 16384], [-1.0, -(2.0**-15), 0.0, 0.5]),
        ("int24", [-(2**23), -1, 0, 2**22, 1], [-1.0, -(2.0**-23), 0.0, 0.5, 2.0**-23]),
        ("int32", [-(2**31), 0, 2**30], [-1.0, 0.0, 0.5]),
        ("float32", [-1500, 0, 250], [-1.5, 0.0, 0.25]),
    ],
)
def test_formats_by_hand(sample_format: SampleFormat, values: list[int], expected: list[float]) -> None:
    other = [0] * len(values)
    interleaved = [value for pair in zip(other, values, strict=True) for value in pair]
    got = decode(encode(interleaved, sample_format), sample_format, 2, 1)
    assert got.dtype == np.float32
    assert got.tolist() == expected
    assert decode(encode(interleaved, sample_format), sample_format, 2, 0).tolist() == [0.0] * len(values)


class Script:
    """What each read gives, one after the other; an integer lets so many milliseconds pass in silence.

    Sound takes the time that it lasts, also while nobody reads.
    """

    name = "script"

    def __init__(self, steps: list[bytes | int | Callable[[], None]], time: ManualTime, reopens: bool) -> None:
        self.steps, self.time, self.reopens, self.room = steps, time, reopens, 16_384
        self.opened = self.closed = 0
        self.broken = False
        self._began_ns: int | None = None  # of what is left of the step

    def open(self) -> None:
        self.opened += 1
        if self.broken:
            raise AudioError("The script is broken.", "Mend it.")

    def close(self) -> None:
        self.closed += 1

    def read(self, most: int, timeout_s: float) -> bytes | None:
        while self.steps and callable(self.steps[0]):
            step = self.steps.pop(0)
            assert callable(step)
            step()
        if not self.steps:
            return b""
        step = self.steps[0]
        assert not callable(step)
        now_ns = self.time.monotonic_ns()
        began_ns = self._began_ns = now_ns if self._began_ns is None else self._began_ns
        lasts_ns = step * 1_000_000 if isinstance(step, int) else len(step) * SECOND_NS // (2 * RATE)
        there_ns = began_ns + (lasts_ns if isinstance(step, int) else min(lasts_ns, PIECE_NS))
        if there_ns - now_ns > timeout_s * SECOND_NS:
            self.time.advance(timeout_s)
            return None
        self.time.advance(max(0, there_ns - now_ns) / SECOND_NS)
        if isinstance(step, int):
            self._began_ns = there_ns
            del self.steps[0]
            return None
        came = max(1, (self.time.monotonic_ns() - began_ns) * 2 * RATE // SECOND_NS)
        part = step[: min(most, came)]
        self._began_ns = began_ns + len(part) * SECOND_NS // (2 * RATE)
        self.steps[0] = step[len(part) :]
        if not self.steps[0]:
            del self.steps[0]
        return part


def scripted(
    steps: list[bytes | int | Callable[[], None]], *, reopens: bool = False
) -> tuple[PipeSource, Script, ManualTime]:
    time = ManualTime()
    script = Script(steps, time, reopens)
    source = PipeSource(
        script,
        RATE,
        time=time,
        backoff=Backoff(first_s=1.0, limit_s=4.0, jitter=0.0),
        rng=random.Random(0),
        wait=time.advance,
    )
    return source, script, time


def drain(source: PipeSource) -> list[Block | Gap]:
    """All items, without holes; gaps of one cause joined, blocks too."""
    items: list[Block | Gap] = []
    while (item := source.read()) is not None:
        last = items[-1] if items else None
        assert item.start == (last.end if last else 0)
        if isinstance(item, Gap) and isinstance(last, Gap) and last.cause == item.cause:
            items[-1] = Gap(last.start, last.length + item.length, item.cause)
        elif isinstance(item, Block) and isinstance(last, Block):
            items[-1] = Block(np.concatenate((last.samples, item.samples)), last.start)
        else:
            items.append(item)
    return items


def ramp(count: int, start: int = 0) -> bytes:
    return encode([start + i for i in range(count)], "int16")


@given(st.lists(st.integers(1, 97), min_size=1, max_size=40))
def test_reads_of_any_length_give_the_same_samples(lengths: list[int]) -> None:
    data = ramp(sum(lengths))[: sum(lengths)]
    steps: list[bytes | int | Callable[[], None]] = []
    at = 0
    for length in lengths:
        steps.append(data[at : at + length])
        at += length
    items = drain(scripted(steps)[0])
    got = items[0].samples if items and isinstance(items[0], Block) else np.zeros(0, np.float32)
    assert (got * 32768).tolist() == list(range(len(data) // 2))  # half a sample at the end is dropped


def test_end_of_standard_input_ends_the_source() -> None:
    source, script, _ = scripted([ramp(500)])
    (block,) = drain(source)
    assert (block.start, block.end) == (0, 500)
    assert source.read() is None
    assert source.state.phase == "closed"
    assert script.opened == 1


def test_stall_of_standard_input_is_a_gap_and_it_may_go_on() -> None:
    source, _, _ = scripted([ramp(500), 5000, ramp(500)])
    first, gap, second = drain(source)
    assert isinstance(first, Block)
    assert gap == Gap(500, 5000, "stall")
    assert (second.start, second.end) == (5500, 6000)
    assert source.state.stalls == 1


def test_short_silence_is_no_stall() -> None:
    source, _, _ = scripted([ramp(500), 1500, ramp(500)])
    (block,) = drain(source)
    assert block.end == 1000


def test_pipe_that_can_be_is_opened_again_with_pauses() -> None:
    source, script, _ = scripted([ramp(500)], reopens=True)

    def close() -> None:
        source.close()

    def fail() -> None:
        script.broken = True

    script.steps.append(fail)
    items: list[Block | Gap] = []
    while len(items) < 40:
        if script.opened == 5:
            script.broken = False
            script.steps[:] = [ramp(300, 500), close]
        item = source.read()
        if item is None:
            break
        items.append(item)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert {gap.cause for gap in gaps} == {"device_absent"}
    # at once, then after 1, 2, 4, 4 s
    assert script.opened == 6
    assert sum(gap.length for gap in gaps) == pytest.approx(11_000, abs=300)
    assert source.state.attempts == 0 or source.state.phase == "closed"
    assert source.state.disconnects == 1


def test_schedule_throws_away_what_comes() -> None:
    source, script, _ = scripted([])
    script.steps = [
        ramp(500),
        lambda: source.listen(False),
        ramp(1501),
        1500,
        lambda: source.listen(True),
        ramp(500),
    ]
    first, gap, second = drain(source)
    assert first.end == 500
    assert isinstance(gap, Gap)
    assert gap.cause == "schedule"
    assert gap.length == pytest.approx(3000, abs=100)
    assert isinstance(second, Block)
    assert second.end - second.start == pytest.approx(500, abs=100)


def test_schedule_closes_what_can_be_opened_again() -> None:
    source, script, time = scripted([], reopens=True)
    source.listen(False)
    gap = source.read()
    assert isinstance(gap, Gap)
    assert gap.cause == "schedule"
    assert script.opened == 0
    assert source.state.phase == "paused"
    source.listen(True)
    script.steps = [ramp(100)]
    items = []
    while not items or not isinstance(items[-1], Block):
        item = source.read()
        assert item is not None
        items.append(item)
    assert script.opened == 1
    assert items[-1].end == pytest.approx(time.monotonic_ns() / 1e6, abs=2)


def test_absent_channel_is_refused() -> None:
    with pytest.raises(AudioError, match="Channel 3 does not exist: the pipe has 2"):
        PipeSource(DescriptorBytes(), RATE, channels=2, channel=2)


def test_real_pipe_with_short_writes() -> None:
    data = ramp(5000)
    reader, writer = os.pipe()

    def feed() -> None:
        rng = random.Random(3)
        at = 0
        while at < len(data):
            count = rng.randint(1, 999)
            os.write(writer, data[at : at + count])
            at += count
        os.close(writer)

    thread = threading.Thread(target=feed)
    thread.start()
    (block,) = drain(PipeSource(DescriptorBytes(reader), 48_000))
    thread.join()
    os.close(reader)
    assert isinstance(block, Block)
    assert (block.samples * 32768).tolist() == list(range(5000))


@pytest.mark.slow
def test_named_pipe_waits_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "hydrophone"
    os.mkfifo(path)
    source = PipeSource(NamedPipeBytes(path), 8000, backoff=Backoff(first_s=0.05, limit_s=0.1))
    gap = source.read()
    assert isinstance(gap, Gap)

    def feed() -> None:
        with path.open("wb") as pipe:
            pipe.write(ramp(4000))

    thread = threading.Thread(target=feed)
    thread.start()
    got: list[float] = []
    while len(got) < 4000:
        item = source.read()
        if isinstance(item, Block):
            got += (item.samples * 32768).tolist()
    thread.join()
    source.close()
    while source.read() is not None:
        pass
    assert got == list(range(4000))


def test_named_pipe_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        NamedPipeBytes(tmp_path / "absent").open()
    assert "mkfifo" in caught.value.hint


def test_small_pieces_are_gathered_to_blocks() -> None:
    """A writer that hands over every few milliseconds must not make a block of each piece; a late rest still comes."""
    piece = b"\x01\x00" * 30  # 30 ms; blocks have 100 ms
    source, _, _ = scripted([piece] * 7 + [1000])
    lengths = []
    while len(lengths) < 3:
        item = source.read()
        assert isinstance(item, Block)
        lengths.append(len(item.samples))
    assert lengths == [100, 100, 10]


def test_half_a_frame_of_a_writer_that_ended_is_not_the_next_ones() -> None:
    source, _, _ = scripted([b"\x01\x00" * 30 + b"\x7f"], reopens=True)
    assert isinstance(source.read(), Block)
    source._source.steps = [b"\x02\x00" * 100]  # type: ignore[attr-defined]
    gap, block = source.read(), source.read()
    assert isinstance(gap, Gap)
    assert isinstance(block, Block)
    np.testing.assert_array_equal(block.samples, np.full(100, 2 / 32768, np.float32))


class Trickle:
    """A live writer: a piece every few ms of simulated time; notes how much waits in the pipe at most."""

    name, reopens, room = "trickle", False, 16_384

    def __init__(self, time: ManualTime, bytes_per_s: int, seconds: float, piece_ms: int = 10) -> None:
        self._time, self._piece_ns = time, piece_ms * 1_000_000
        self._piece, self._pieces = bytes_per_s * piece_ms // 1000, round(seconds * 1000 / piece_ms)
        self._taken = self.reads = self.most_waiting = 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, most: int, timeout_s: float) -> bytes | None:
        self.reads += 1
        if not self._waiting():
            if self._taken == self._pieces * self._piece:
                return b""
            self._time.advance(
                min(timeout_s, (self._piece_ns - self._time.monotonic_ns() % self._piece_ns) / SECOND_NS)
            )
        self.most_waiting = max(self.most_waiting, self._waiting())
        length = min(most, self._waiting())
        sound = np.arange(self._taken, self._taken + length) % 251  # a constant would be a dead input
        self._taken += length
        return sound.astype(np.uint8).tobytes()

    def _waiting(self) -> int:
        written = min(self._pieces, self._time.monotonic_ns() // self._piece_ns) * self._piece
        return written - self._taken


@pytest.mark.parametrize(
    ("rate", "sample_format", "reads"), [(1000, "int16", 25), (48_000, "int16", 25), (384_000, "int32", 1100)]
)
def test_a_live_writer_of_small_pieces_wakes_us_seldom_and_never_has_to_wait(
    rate: int, sample_format: SampleFormat, reads: int
) -> None:
    """Ten blocks take some two reads each, not ten; at high rates as many as keep a pipe of 64 kB from filling."""
    time = ManualTime()
    trickle = Trickle(time, rate * BYTES[sample_format], 1.0)
    (block,) = drain(PipeSource(trickle, rate, sample_format=sample_format, time=time, wait=time.advance))
    assert block.end == rate
    assert trickle.reads <= reads
    assert trickle.most_waiting < 65_536


@pytest.mark.parametrize("held", [4096, 65_536])
def test_a_pipe_fills_half_at_most_while_we_sleep(held: int) -> None:
    """A quarter of a second at 48 kHz takes two reads where the pipe holds it; one page is never let run full."""
    time = ManualTime()
    trickle = Trickle(time, 2 * 48_000, 10.0)
    trickle.room = held // 2
    blocks = drain(PipeSource(trickle, 48_000, block_s=0.25, time=time, wait=time.advance))
    assert blocks[-1].end == 480_000
    assert trickle.most_waiting < held
    if held == 65_536:
        assert trickle.reads <= 40 * 2.2


@pytest.mark.parametrize("pages", [1, 16])
def test_a_pipe_is_asked_how_much_it_holds(tmp_path: Path, pages: int) -> None:
    path = tmp_path / "sound"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)
    fcntl.fcntl(keeper, fcntl.F_SETPIPE_SZ, 4096 * pages)
    for source in (NamedPipeBytes(path), DescriptorBytes(keeper)):
        source.open()
        assert source.room == 2048 * pages
        source.close()
    os.close(keeper)


@pytest.mark.parametrize("piece_ms", [10, 20, 50, 100])
def test_what_we_oversleep_does_not_add_up(piece_ms: int) -> None:
    """A block is given when its last piece is written, and is dated so, however late each sleep ends."""
    time = ManualTime()
    trickle = Trickle(time, 2 * RATE, 20.0, piece_ms)
    source = PipeSource(trickle, RATE, time=time, wait=lambda seconds: time.advance(seconds + 0.003))
    late_ms = []
    for number in range(200):
        block = source.read()
        assert isinstance(block, Block)
        assert block.end == 100 * (number + 1)
        assert source.arrived_ns is not None
        late_ms.append((time.monotonic_ns() / 1e6 - block.end, source.arrived_ns / 1e6 - block.end))
    assert max(max(late) for late in late_ms[1:]) <= 3.0
    assert trickle.reads <= 200 * 2.2


def test_two_blocks_of_one_read_are_dated_each() -> None:
    """Read late: the second has just come, the first came a block's time before it."""
    time = ManualTime()
    trickle = Trickle(time, 2 * RATE, 20.0, 100)
    source = PipeSource(trickle, RATE, time=time, wait=time.advance)
    source.read()
    time.advance(0.2)  # somebody held us up
    arrived = []
    for _ in range(2):
        source.read()
        assert source.arrived_ns is not None
        arrived.append(source.arrived_ns / 1e6)
    assert arrived == [200.0, 300.0]


def test_what_is_no_pipe_is_refused_at_each_opening(tmp_path: Path) -> None:
    """`> hydrophone` before mkfifo: a file would be read again and again, its calls found anew each time."""
    path = tmp_path / "hydrophone"
    os.mkfifo(path)
    pipe = NamedPipeBytes(path)
    pipe.open()
    pipe.close()
    path.unlink()
    path.write_bytes(ramp(1000))
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(3):
        with pytest.raises(AudioError, match="is not a named pipe") as caught:
            pipe.open()
        assert "mkfifo" in caught.value.hint
        assert pipe.read(100, 0.0) == b""
    path.unlink()
    path.mkdir()
    with pytest.raises(AudioError, match="is not a named pipe"):
        pipe.open()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_file_in_place_of_the_pipe_is_waited_out_with_pauses(tmp_path: Path) -> None:
    path = tmp_path / "hydrophone"
    path.write_bytes(ramp(1000))
    time = ManualTime()
    source = PipeSource(
        NamedPipeBytes(path), RATE, time=time, backoff=Backoff(1.0, 60.0, jitter=0.0), wait=time.advance
    )
    items = []
    while time.monotonic_ns() < 60 * SECOND_NS:
        items.append(source.read())
    assert all(isinstance(item, Gap) and item.cause == "device_absent" for item in items)
    assert source.state.attempts == 6  # at 0, 1, 3, 7, 15, 31 s
    assert "not a named pipe" in source.state.last_error


def test_another_pipe_at_the_path_is_noticed_while_the_old_one_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "hydrophone"
    os.mkfifo(path)
    pipe = NamedPipeBytes(path)
    pipe.open()
    assert pipe.read(100, 0.0) is None
    path.rename(tmp_path / "old")
    assert pipe.read(100, 0.0) == b""  # nothing is there: opened again, which tells it
    os.mkfifo(path)
    assert pipe.read(100, 0.0) == b""
    pipe.open()
    with path.open("wb", buffering=0) as writer:
        writer.write(b"sound")
        assert pipe.read(100, 1.0) == b"sound"
    pipe.close()


def test_a_writer_that_ends_at_once_is_not_waited_for_in_a_frenzy() -> None:
    """Each opening gives a little sound and the end, as a file does: the pauses grow all the same."""
    source, script, time = scripted([], reopens=True)

    def again() -> None:
        script.steps = [ramp(10), again, b""]

    again()
    while time.monotonic_ns() < 60 * SECOND_NS:
        script.steps = script.steps or [ramp(10)]
        source.read()
    assert script.opened <= 20


def test_late_sound_is_given_in_blocks_dated_one_after_the_other() -> None:
    """Silence of 10 s, then 8 s of sound at once: the gap before them has 2 s."""
    time = ManualTime()

    class Burst:
        name, reopens, room = "burst", True, 16_384
        left, late = ramp(1000), ramp(8000, 1000)

        def open(self) -> None:
            pass

        def close(self) -> None:
            pass

        def read(self, most: int, timeout_s: float) -> bytes | None:
            if not self.left:
                time.advance(timeout_s)
                if time.monotonic_ns() >= 11 * SECOND_NS:
                    self.left, self.late = self.late, b""
                return None
            if time.monotonic_ns() < SECOND_NS:  # a second of sound in real time
                time.advance(0.1)
                most = min(most, 200)
            part, self.left = self.left[:most], self.left[most:]
            return part

    source = PipeSource(Burst(), RATE, time=time, wait=time.advance)
    items, arrived = [], []
    while time.monotonic_ns() < 14 * SECOND_NS:
        items.append(source.read())
        arrived.append(source.arrived_ns)
    gap = next(item for item in items if isinstance(item, Gap))
    assert (gap.start, gap.cause) == (1000, "stall")
    assert gap.length == pytest.approx(2000, abs=300)
    late = [
        (item, at) for item, at in zip(items, arrived, strict=True) if isinstance(item, Block) and item.start >= gap.end
    ]
    assert sum(len(item.samples) for item, _ in late) == 8000
    delays_ms = [at / 1e6 - item.end for item, at in late if at is not None]
    assert len(delays_ms) == 80
    assert max(delays_ms) - min(delays_ms) < 1.0  # each block a block's time after the one before
