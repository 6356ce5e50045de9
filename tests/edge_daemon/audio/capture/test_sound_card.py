"""The live input's state machine, in simulated time, with a sound card in memory."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from edge_daemon.audio.capture.device import (
    DeviceAbsentError,
    DeviceInfo,
    DeviceSettingsError,
    SoundSystemStuckError,
    StreamRequest,
    find_device,
)
from edge_daemon.audio.capture.sound_card import SoundCardSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.errors import AudioError
from edge_daemon.system.backoff import Backoff
from edge_daemon.testing.machine import ManualTime
from edge_daemon.testing.sound_card import MemoryDriver

RATE = 1000
CARD = DeviceInfo(3, "USB Hydrophone H2a", 2, RATE, is_default=True)


class Sea:
    """A source on a card in memory; waiting lets time pass and brings a block of sound if the card is open."""

    def __init__(self, devices: tuple[DeviceInfo, ...] = (CARD,), **options: object) -> None:
        self.time = ManualTime()
        self.driver = MemoryDriver(devices)
        self.silent = False  # the card stops calling back
        self.make: Callable[[int], np.ndarray] = lambda count: self.rng.standard_normal(count).astype(np.float32) * 0.1
        self.rng = np.random.default_rng(4)
        self.at: list[tuple[float, Callable[[], None]]] = []
        self.source = SoundCardSource(
            StreamRequest(rate=RATE, block=100),
            self.driver,
            time=self.time,
            backoff=Backoff(first_s=1.0, limit_s=8.0, jitter=0.0),
            rng=random.Random(0),
            wait=self.wait,
            **options,  # type: ignore[arg-type]
        )

    def seconds(self) -> float:
        return self.time.monotonic_ns() / 1e9

    def wait(self, _longest: float) -> None:
        self.time.advance(0.1)
        while self.at and self.seconds() >= self.at[0][0]:
            self.at.pop(0)[1]()
        if not self.silent:
            self.driver.feed(self.make(100))

    def listen(self, seconds: float) -> list[Block | Gap]:
        """Everything that comes until then, checked for holes, with gaps of one cause joined."""
        items: list[Block | Gap] = []
        while self.seconds() < seconds:
            item = self.source.read()
            assert item is not None
            if items:
                assert item.start == items[-1].end
            last = items[-1] if items else None
            if isinstance(item, Gap) and isinstance(last, Gap) and last.cause == item.cause:
                items[-1] = Gap(last.start, last.length + item.length, item.cause)
            else:
                items.append(item)
        return items

    def gaps(self, seconds: float) -> list[tuple[int, int, str]]:
        return [(item.start, item.length, item.cause) for item in self.listen(seconds) if isinstance(item, Gap)]


def test_sound_comes_as_it_is() -> None:
    sea = Sea()
    ramp = iter(np.arange(10_000, dtype=np.float32).reshape(-1, 100) / 10_000)
    sea.make = lambda _count: next(ramp)
    items = sea.listen(5.0)
    blocks = [item for item in items if isinstance(item, Block)]
    assert len(blocks) == len(items)
    assert blocks[0].start == 0
    samples = np.concatenate([block.samples for block in blocks])
    np.testing.assert_array_equal(samples, np.arange(len(samples), dtype=np.float32) / 10_000)
    assert sea.source.state.phase == "listening"
    assert sea.source.state.device == CARD.name
    assert sea.source.arrived_ns == sea.time.monotonic_ns()


def test_absent_at_start_is_waited_for_with_growing_pauses() -> None:
    sea = Sea(devices=())
    sea.at = [(20.0, lambda: sea.driver.plugged.append(CARD))]
    gaps = sea.gaps(40.0)
    # attempts at 0, 1, 3, 7, 15, 23 (8 s at most); sound from 23.1 s on
    assert len(sea.driver.requests) == 6
    assert sea.driver.rescans == 5
    (start, length, cause) = gaps[0]
    assert (start, cause, len(gaps)) == (0, "device_absent", 1)
    assert length == pytest.approx(23_000, abs=200)
    state = sea.source.state
    assert (state.phase, state.attempts, state.opened) == ("listening", 0, 1)
    assert "no sound input" in state.last_error


def test_absence_is_told_every_second() -> None:
    sea = Sea(devices=())
    lengths = []
    while sea.seconds() < 30:
        item = sea.source.read()
        assert isinstance(item, Gap)
        lengths.append(item.length)
    assert set(lengths) <= {1000, 1100}
    assert sea.source.state.phase == "waiting"


def test_unplug_and_return() -> None:
    sea = Sea()
    sea.at = [(10.0, sea.driver.unplug), (14.0, lambda: sea.driver.plugged.append(CARD))]
    items = sea.listen(30.0)
    gaps = [item for item in items if isinstance(item, Gap)]
    # noticed at 10.1, retried at once and after 1, 3, 7 s: back at 17 s
    assert [gap.cause for gap in gaps] == ["device_absent"]
    assert gaps[0].start == 9900
    assert gaps[0].length == pytest.approx(7200, abs=200)
    last = items[-1]
    assert isinstance(last, Block)
    assert last.end == pytest.approx(RATE * sea.seconds(), abs=100)  # the index is still the time
    assert sea.source.state.disconnects == 1
    assert sea.source.state.opened == 2


def test_stall_is_noticed_and_the_device_opened_again() -> None:
    sea = Sea(stall_s=2.0)

    def stop() -> None:
        sea.silent = True

    def go() -> None:
        sea.silent = False

    sea.at = [(5.0, stop), (5.5, go), (10.0, stop), (13.0, go)]
    gaps = sea.gaps(20.0)
    # half a second is no stall: the sound that follows is taken as late, and the clock is held by samples
    assert [cause for _, _, cause in gaps] == ["stall"]
    assert gaps[0][1] == pytest.approx(3100, abs=300)
    assert sea.source.state.stalls == 1
    assert sea.source.state.phase == "listening"


def test_a_device_that_never_gives_sound_is_not_opened_in_a_frenzy() -> None:
    sea = Sea(stall_s=2.0)
    sea.silent = True
    gaps = sea.gaps(120.0)
    assert [cause for _, _, cause in gaps] == ["stall"]
    # 2 s of patience and pauses of 1, 2, 4, 8, 8 … s
    assert len(sea.driver.requests) < 18
    assert sea.source.state.stalls >= 10
    assert sea.source.state.attempts >= 10


def test_a_device_that_comes_and_goes_at_once_is_not_opened_in_a_frenzy() -> None:
    sea = Sea()

    def wear() -> None:  # pulls the cable after each block
        if sea.driver.stream is not None:
            sea.driver.stream.plugged = False
        sea.at.append((sea.seconds() + 0.2, wear))

    sea.at = [(0.2, wear)]
    sea.listen(120.0)
    # pauses of 1, 2, 4, 8, 8 … s
    assert sea.driver.rescans < 20
    assert sea.source.state.opened >= 10
    sea.at = []
    sea.listen(sea.seconds() + 20.0)
    assert sea.source.state.phase == "listening"
    sea.driver.stream.plugged = False  # type: ignore[union-attr]
    gaps = [item for item in sea.listen(sea.seconds() + 5.0) if isinstance(item, Gap)]
    assert sum(gap.length for gap in gaps) < 500  # steady before, and so opened again at once


def test_device_that_fails_is_another_cause_than_one_that_is_absent() -> None:
    sea = Sea()
    sea.driver.failure = AudioError("'USB' is busy.", "Close the other program.")

    def absent() -> None:
        sea.driver.failure = DeviceAbsentError("gone", "look")

    def well() -> None:
        sea.driver.failure = None

    sea.at = [(10.0, absent), (30.0, well)]
    gaps = sea.gaps(60.0)
    assert [cause for _, _, cause in gaps] == ["device_error", "device_absent"]
    assert gaps[1][0] == gaps[0][0] + gaps[0][1]


def test_overflow_becomes_a_gap_of_the_time_between_calls() -> None:
    sea = Sea()

    def lose() -> None:
        sea.time.advance(0.25)
        sea.driver.feed(np.full(100, 0.5, np.float32), lost_some=True)

    sea.at = [(3.0, lose)]
    gaps = sea.gaps(6.0)
    # 0.35 s since the call before, 100 samples in hand
    assert [(length, cause) for _, length, cause in gaps] == [(250, "overflow")]
    assert (sea.source.state.overflows, sea.source.state.lost_samples) == (1, 250)


def test_a_reader_that_is_late_loses_counted_samples() -> None:
    sea = Sea(ring_s=1.0)
    sea.listen(1.0)
    for _ in range(15):  # 1.5 s of sound into 1 s of ring, nobody reads
        sea.wait(0)
    gaps = sea.gaps(5.0)
    assert [(length, cause) for _, length, cause in gaps] == [(500, "overflow")]
    assert sea.source.state.lost_samples == 500


def test_dead_input_becomes_a_gap_and_a_state() -> None:
    sea = Sea(dead_s=2.0)
    living = sea.make

    def die() -> None:
        sea.make = lambda count: np.zeros(count, np.float32)

    def live() -> None:
        sea.make = living

    sea.at = [(5.0, die), (9.95, live)]
    seen: list[bool] = []
    items = []
    while sea.seconds() < 15:
        item = sea.source.read()
        items.append(item)
        seen.append(sea.source.state.dead_input)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert {gap.cause for gap in gaps} == {"dead_input"}
    # from 4.9 s of sound on the samples are constant, at 6.9 s they count as dead
    assert gaps[0].start == pytest.approx(6800, abs=100)
    assert sum(gap.length for gap in gaps) == pytest.approx(3000, abs=200)
    assert any(seen)
    assert not seen[-1]
    assert sea.source.state.dead_inputs == 1


def test_clipping_is_counted() -> None:
    sea = Sea()
    sea.make = lambda count: np.clip(sea.rng.standard_normal(count) * 3, -1, 1).astype(np.float32)
    sea.listen(2.0)
    assert sea.source.state.clipped_blocks > 10


def test_schedule_closes_the_device_and_accounts_for_the_time() -> None:
    sea = Sea()
    sea.at = [(5.0, lambda: sea.source.listen(False)), (15.0, lambda: sea.source.listen(True))]
    items = sea.listen(10.0)
    assert sea.source.state.phase == "paused"
    assert sea.driver.stream is not None
    assert sea.driver.stream.closed
    items += sea.listen(20.0)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert {gap.cause for gap in gaps} == {"schedule"}
    assert sum(gap.length for gap in gaps) == pytest.approx(10_000, abs=300)
    assert items[-1].end == pytest.approx(RATE * sea.seconds(), abs=100)


def test_integers_are_scaled() -> None:
    sea = Sea()
    sea.source = SoundCardSource(
        StreamRequest(rate=RATE, sample_format="int16"), sea.driver, time=sea.time, wait=sea.wait
    )
    sea.make = lambda count: np.full(count, 16384, np.int16)
    first = sea.source.read()
    assert isinstance(first, Block)
    assert first.samples.tolist() == [0.5] * 100


def test_close_drains_and_ends() -> None:
    sea = Sea()
    sea.listen(1.0)
    sea.driver.feed(np.ones(100, np.float32))
    sea.source.close()
    sea.source.close()
    last = sea.source.read()
    assert isinstance(last, Block)
    assert last.samples.all()
    assert sea.source.read() is None
    assert sea.source.read() is None
    assert sea.source.state.phase == "closed"
    assert sea.driver.stream is not None
    assert sea.driver.stream.closed


def test_close_while_absent_accounts_for_the_rest() -> None:
    sea = Sea(devices=())
    items = sea.listen(3.0)
    sea.source.close()
    item = sea.source.read()
    while item is not None:
        items.append(item)
        item = sea.source.read()
    assert items[-1].end == RATE * sea.time.monotonic_ns() // 1_000_000_000


def test_long_run_of_faults_keeps_index_and_time_together() -> None:
    sea = Sea(stall_s=1.0)
    rng = random.Random(12)
    moment = 0.0
    for _ in range(60):
        moment += rng.uniform(2, 20)
        sea.at.append((moment, sea.driver.unplug))
        moment += rng.uniform(0.5, 10)
        sea.at.append((moment, lambda: sea.driver.plugged.append(CARD)))
    items = sea.listen(moment + 30)
    assert items[-1].end == pytest.approx(RATE * sea.seconds(), abs=150)
    assert sea.source.state.phase == "listening"


def test_rate_of_the_device_or_the_usual_one() -> None:
    assert SoundCardSource(StreamRequest(), MemoryDriver([CARD])).rate == RATE
    assert SoundCardSource(StreamRequest(), MemoryDriver()).rate == 48_000


def test_check_refuses_the_impossible_and_excuses_the_absent() -> None:
    driver = MemoryDriver([CARD])
    with pytest.raises(DeviceSettingsError, match="2 input channels"):
        SoundCardSource(StreamRequest(channel=2), driver).check()
    SoundCardSource(StreamRequest(device="elsewhere"), driver).check()
    SoundCardSource(StreamRequest(), driver).check()
    assert driver.stream is not None
    assert driver.stream.closed


MANY = [
    DeviceInfo(0, "HDA Intel", 2, 44_100, is_default=True),
    DeviceInfo(1, "USB Audio: Front", 2, 48_000),
    DeviceInfo(4, "USB Audio: Front Mic", 1, 48_000),
]


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 0), (4, 4), ("mic", 4), ("usb audio: front", 1), ("HDA Intel", 0), ("intel", 0)]
)
def test_devices_by_name_part_and_index(wanted: str | int | None, index: int) -> None:
    assert find_device(MANY, wanted).index == index


def test_absent_and_ambiguous_devices_are_told_apart() -> None:
    with pytest.raises(DeviceAbsentError, match="4 'USB Audio: Front Mic'"):
        find_device(MANY, "hydrophone")
    with pytest.raises(DeviceAbsentError, match=r"^There is no sound input\. Check"):
        find_device([], None)
    with pytest.raises(DeviceAbsentError, match="called 'USB': no inputs were found"):
        find_device([], "USB")
    with pytest.raises(DeviceAbsentError):
        find_device(MANY, 2)
    with pytest.raises(DeviceSettingsError, match="Several"):
        find_device(MANY, "usb")


def test_the_lead_is_left_out_after_each_opening_and_accounted_for() -> None:
    sea = Sea(lead_s=0.05)
    sea.at = [(10.0, sea.driver.unplug), (15.0, lambda: sea.driver.plugged.append(CARD))]
    items = sea.listen(30.0)
    blocks = [item for item in items if isinstance(item, Block)]
    assert (blocks[0].start, len(blocks[0].samples), len(blocks[1].samples)) == (0, 50, 100)
    gap = next(item for item in items if isinstance(item, Gap))
    after = next(block for block in blocks if block.start == gap.end)
    assert len(after.samples) == 50
    # the first 50 ms are in no span: the stream begins after them; the second 50 ms are a part of the gap
    assert items[-1].end == round(sea.seconds() * RATE) - 50


def test_the_lead_is_left_out_after_gaps_in_the_stream_too() -> None:
    """Windows begin anew after a gap; they end so much before a block does as they did before."""
    sea = Sea(lead_s=0.03, dead_s=2.0)
    living = sea.make

    def lose() -> None:
        sea.time.advance(0.25)
        sea.driver.feed(np.full(100, 0.5, np.float32), lost_some=True)

    def die() -> None:
        sea.make = lambda count: np.zeros(count, np.float32)

    def live() -> None:
        sea.make = living

    sea.at = [(3.0, lose), (5.0, die), (9.95, live)]
    items = sea.listen(12.0)
    lost, dead = (n for n, item in enumerate(items) if isinstance(item, Gap))
    assert (items[lost].length, items[lost].cause) == (250 + 30, "overflow")
    assert len(items[lost + 1].samples) == 70
    assert items[dead].cause == "dead_input"
    assert items[dead].length % 100 == 30
    assert len(items[dead + 1].samples) == 70
    assert sea.source.state.lost_samples == 250  # by the device


def test_a_lead_longer_than_the_blocks() -> None:
    sea = Sea(lead_s=0.25)
    items = sea.listen(2.0)
    assert isinstance(items[0], Block)
    assert (items[0].start, len(items[0].samples)) == (0, 50)
    assert sea.source.state.opened == 1


def test_what_could_not_be_tried_is_no_attempt() -> None:
    sea = Sea()
    sea.driver.failure = AudioError("It hangs.")
    sea.listen(10.0)
    tried = sea.source.state.attempts
    assert tried >= 3
    sea.driver.failure = SoundSystemStuckError("It still hangs.")
    requests = len(sea.driver.requests)
    sea.listen(60.0)
    assert len(sea.driver.requests) > requests + 3  # asked again and again
    state = sea.source.state
    assert (state.attempts, state.phase, state.last_error) == (tried, "waiting", "It still hangs.")
    sea.driver.failure = None
    sea.listen(80.0)
    assert sea.source.state.phase == "listening"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_card_that_comes_later_with_another_rate(wanted: bool) -> None:
    """A rate that was guessed is read anew: the stream ends with an error, and a new one takes the card's."""
    time, driver = ManualTime(), MemoryDriver()
    driver.only_own_rate = True
    source = SoundCardSource(
        StreamRequest(rate=48_000),
        driver,
        rate_is_wanted=wanted,
        time=time,
        backoff=Backoff(first_s=1.0, limit_s=8.0, jitter=0.0),
        wait=lambda _longest: time.advance(0.1),
    )
    source.read()
    driver.plugged.append(DeviceInfo(1, "AudioMoth", 1, 96_000, is_default=True))

    def listen_on() -> None:
        while time.monotonic_ns() < 30e9:
            source.read()

    if wanted:
        listen_on()
        assert source.state.last_error == "'AudioMoth' can't sample at 48000 Hz. Set audio.rate."
    else:
        with pytest.raises(AudioError, match="card runs at 96000 Hz, but the stream was started at 48000 Hz"):
            listen_on()
    assert SoundCardSource(StreamRequest(), driver, time=time).rate == 96_000


def test_a_card_that_comes_later_and_does_the_guessed_rate_is_taken() -> None:
    time, driver = ManualTime(), MemoryDriver()
    source = SoundCardSource(StreamRequest(), driver, time=time, wait=lambda _longest: time.advance(0.1))
    source.read()
    driver.plugged.append(DeviceInfo(1, "Any", 1, 44_100, is_default=True))
    while driver.stream is None:
        source.read()
    assert driver.requests[-1].rate == 48_000
