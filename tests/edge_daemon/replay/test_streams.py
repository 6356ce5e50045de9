"""Continuous recordings are one stream: the same windows and events as of the whole, whatever the cuts and pieces."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.errors import AudioError
from edge_daemon.model.model_file import ModelMetadata
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.score_calibration import logistic
from edge_daemon.replay import plan, stream
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.resume import FOLDER
from edge_daemon.replay.run import Summary, replay
from edge_daemon.replay.settings import ReplaySettings
from export.graph import model_file

RATE = 2000
BEGIN = datetime(2023, 4, 5, 12, tzinfo=UTC)


def sea(seconds: float, rate: int = RATE, seed: int = 1) -> np.ndarray:
    """Noise with sweeps, so that the tiny model finds something here and there."""
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.01 * np.random.default_rng(seed).standard_normal(len(time))
    for begin in np.arange(1.0, seconds - 1, 3.7):
        inside = (time >= begin) & (time < begin + 1)
        local = time[inside] - begin
        sound[inside] += 0.05 * np.sin(2 * np.pi * (100 * local + 50 * local**2))
    return (32_000 * sound).astype(np.int16)


def cut(folder: Path, sound: np.ndarray, cuts: Sequence[int], rate: int = RATE, prefix: str = "ST_") -> list[Path]:
    """Write a recording as a recorder does that begins a new file at each cut, with names to the second."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for begin, end in pairwise([0, *cuts, len(sound)]):
        path = folder / f"{prefix}{BEGIN + timedelta(seconds=begin // rate):%Y%m%d_%H%M%S}.wav"
        soundfile.write(path, sound[begin:end], rate)
        paths.append(path)
    return paths


def heard(paths: Sequence[Path], settings: ReplaySettings, **options: object) -> tuple[Summary, list[ReplayResult]]:
    results: list[ReplayResult] = []
    summary = replay(find_recordings(paths), settings, each=results.append, **options)  # type: ignore[arg-type]
    return summary, results


def in_the_stream(results: Sequence[ReplayResult], lengths: Sequence[int], rate: int = RATE) -> dict[str, object]:
    """What was found, with positions at the model's rate from the first recording's beginning."""
    begins = [-(-sum(lengths[:number]) * RATE // rate) for number in range(len(lengths))]
    placed = list(zip(begins, results, strict=True))
    events = [
        dataclasses.replace(
            one.event, begin=one.event.begin + by, end=one.event.end + by, peak_start=one.event.peak_start + by
        )
        for by, result in placed
        for one in result.found
    ]
    return {
        "starts": [start + by for by, result in placed for start in result.starts.tolist()],
        "scores": [score for result in results for score in result.scores.tolist()],
        "events": events,
        "gaps": [
            [Gap(gap.start + by, gap.length, gap.cause) for gap in one.gaps]
            for by, result in placed
            for one in result.found
        ],
        "calls": [(one.call, one.part, one.parts) for result in results for one in result.found],
        "lost": round(sum(seconds for result in results for seconds in result.lost_s.values()), 6),
        "spikes": sum(result.layer_spikes for result in results if result.layer_spikes is not None).tolist(),
        "windows": sum(result.windows for result in results),
        "unusable": sum(result.unusable for result in results),
        "not_rising": sum(result.not_rising for result in results),
    }


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ReplaySettings:
    return ReplaySettings(DetectorSettings(tiny_model), scores=True)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return sea(60)


@pytest.fixture(scope="module")
def whole(sound: np.ndarray, settings: ReplaySettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What is found in the recording before it was cut."""
    _, results = heard(cut(tmp_path_factory.mktemp("whole"), sound, []), settings)
    found = in_the_stream(results, [len(sound)])
    assert len(found["events"]) >= 5  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_any_cuts_give_what_the_whole_gives(
    seed: int, sound: np.ndarray, whole: dict[str, object], settings: ReplaySettings, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    seconds = sorted(rng.choice(np.arange(1, 60), size=rng.integers(1, 9), replace=False).tolist())
    edges = [second * RATE + int(rng.integers(0, RATE)) for second in seconds]
    paths = cut(tmp_path, sound, edges)
    summary, results = heard(paths, settings)
    assert [result.recording.path for result in results] == paths
    assert in_the_stream(results, np.diff([0, *edges, len(sound)]).tolist()) == whole
    assert (summary.plan.joined, summary.plan.streams) == (len(paths), 1)
    assert summary.seconds == pytest.approx(60)
    for result in results:  # each event stands where it begins, and each window
        assert all(0 <= one.event.begin < result.seconds * RATE for one in result.found)
        assert all(0 <= start < result.seconds * RATE for start in result.starts.tolist())
    identities = [document.id for result in results for document in result.detections()]
    assert len(set(identities)) == len(identities) == len(whole["events"])  # type: ignore[arg-type]


def test_times_are_those_of_the_file_in_which_a_call_begins(
    sound: np.ndarray, whole: dict[str, object], settings: ReplaySettings, tmp_path: Path
) -> None:
    event = whole["events"][2]  # type: ignore[index]
    at = (event.begin + event.end) // 2 // RATE * RATE  # a whole second within the call, so that names are exact
    assert event.begin < at < event.end
    _, (first, second) = heard(cut(tmp_path, sound, [at]), settings)
    document = list(first.detections())[-1]
    assert document.begin_s == event.begin / RATE < at / RATE < document.end_s
    assert document.begin_utc is not None
    begin = datetime.fromisoformat(document.begin_utc) - BEGIN
    assert begin.total_seconds() == event.begin / RATE
    assert all(
        one.begin_utc >= f"{BEGIN + timedelta(seconds=at // RATE):%Y-%m-%dT%H:%M:%S}" for one in second.detections()
    )  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "hop_s", "changes"),
    [
        (2000, 0.5, {}),
        (8000, 2.0, {}),
        (11025, 0.2, {}),
        (2000, 0.5, {"full_scale_db": 170.0}),
        (11025, 1.0, {"full_scale_db": 170.0}),
        (2000, 0.5, {"refractory_s": 5.5}),
        (2000, 0.5, {"min_rise_hz": 60.0}),
    ],
)
def test_pieces_do_not_show(
    rate: int,
    changes: dict[str, float],
    hop_s: float,
    settings: ReplaySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = {name: value for name, value in changes.items() if name != "full_scale_db"}
    chosen = dataclasses.replace(
        settings,
        detector=dataclasses.replace(settings.detector, **({"hop_s": hop_s, "max_length_s": 4.0} | rules)),
        full_scale_db=changes.get("full_scale_db"),
    )
    sound = sea(120, rate)
    paths = cut(tmp_path / "in", sound, [second * rate + 123 for second in range(7, 115, 7)], rate)
    lengths = [soundfile.info(path).frames for path in paths]

    def told(piece_s: float, name: str) -> tuple[dict[str, bytes], dict[str, object], int]:
        monkeypatch.setattr(stream, "PIECE_S", piece_s)
        results: list[ReplayResult] = []
        with ReplayOutput(tmp_path / name, scores=True) as tables:
            summary = replay(find_recordings(paths), chosen, output=tables, each=results.append)
        files = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        return files, in_the_stream(results, lengths, rate), len(summary.plan.pieces)

    one, found, pieces = told(3600.0, "one")
    assert pieces == 1
    assert found["events"]
    assert any(call for call, _, _ in found["calls"])  # type: ignore[attr-defined]
    # with levels, a minute behind each piece is heard, too
    for piece_s, number in ((30.0, 3),) if changes else ((30.0, 3), (7.0, 15)):
        files, other, pieces = told(piece_s, f"{piece_s}")
        assert pieces >= number
        if hop_s < 0.5:  # a window or two at each seam are computed twice
            assert all(0 <= a - b < 0.3 * b for a, b in zip(other.pop("spikes"), found["spikes"], strict=True))  # type: ignore[arg-type, call-overload]
            other["spikes"] = found["spikes"]
        assert other == found
        assert files == one


@pytest.fixture(scope="module")
def wary(
    tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata, tmp_path_factory: pytest.TempPathFactory
) -> DetectorSettings:
    """A detector of low scores, which calls of half a minute raise once, twice or eight times."""
    path = tmp_path_factory.mktemp("wary") / "wary.onnx"
    metadata = tiny_metadata.model_copy(update={"calibration": logistic(slope=1.6, offset=-4.5)})
    path.write_bytes(model_file(tiny_network, metadata))
    return DetectorSettings(path, threshold=0.5, threshold_low=0.2, context_s=30.0, max_length_s=4.0)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"min_rise_hz": 60.0}, {"full_scale_db": 170.0}], ids=["rise", "levels"])
@pytest.mark.parametrize("seed", range(3))
def test_pieces_do_not_show_where_calls_raise_others(
    seed: int, changes: dict[str, float], wary: DetectorSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = dataclasses.replace(wary, min_rise_hz=changes.get("min_rise_hz"))
    paths = cut(tmp_path / "in", sea(240, seed=seed), [second * RATE for second in range(10, 240, 10)])
    lengths = [soundfile.info(path).frames for path in paths]

    def told(piece_s: float, context_s: float = 30.0) -> tuple[bytes, dict[str, object]]:
        monkeypatch.setattr(stream, "PIECE_S", piece_s)
        results: list[ReplayResult] = []
        chosen = dataclasses.replace(detector, context_s=context_s)
        settings = ReplaySettings(chosen, scores=True, full_scale_db=changes.get("full_scale_db"))
        output = tmp_path / f"{piece_s} {context_s}"
        with ReplayOutput(output) as tables:
            replay(find_recordings(paths), settings, output=tables, each=results.append)
        return (output / "detections.jsonl").read_bytes(), in_the_stream(results, lengths)

    whole = told(3600.0)
    assert whole == told(80.0)
    assert whole[1]["events"] != told(3600.0, 0.0)[1]["events"]


def test_a_piece_that_follows_missing_sound_begins_without_context(
    wary: DetectorSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows lie elsewhere than the piece before could hear them, so its events must not depend on these."""

    class Holed(FileSource):
        """A file of which half a second in the fifth cannot be read."""

        def __init__(self, path: Path, *arguments: object, **options: object) -> None:
            super().__init__(path, *arguments, **options)  # type: ignore[arg-type]
            self._holed, self._rest = Path(path) == paths[3], list[Block | Gap]()

        def read(self) -> Block | Gap | None:
            if self._rest:
                return self._rest.pop(0)
            item = super().read()
            if self._holed and isinstance(item, Block) and item.start <= 8300 and item.end > 9300:
                self._rest = [Gap(8300, 1000, "unreadable"), Block(item.samples[9300 - item.start :], 9300)]
                return Block(item.samples[: 8300 - item.start], item.start)
            return item

    paths = cut(tmp_path / "in", sea(240), [second * RATE for second in range(10, 240, 10)])
    lengths = [soundfile.info(path).frames for path in paths]
    for module in ("task", "hearing"):
        monkeypatch.setattr(f"edge_daemon.replay.{module}.FileSource", Holed)
    monkeypatch.setattr(stream, "PIECE_S", 80.0)
    settings = ReplaySettings(dataclasses.replace(wary, min_rise_hz=60.0), block_s=10.0)
    found = in_the_stream(heard(paths, settings)[1], lengths)
    assert found["lost"] > 0  # type: ignore[operator]
    without = [
        event.begin / RATE
        for event, (call, *_) in zip(found["events"], found["calls"], strict=True)  # type: ignore[call-overload]
        if call is None and 80 * RATE < event.begin < 160 * RATE
    ]
    assert without == []


def test_a_chain_of_events_beyond_what_is_heard_on_may_lack_calls_and_nothing_else(
    settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = dataclasses.replace(settings.detector, threshold_low=0.0, max_length_s=4.0)  # one event after the other
    paths = cut(tmp_path, sea(90), [second * RATE + 123 for second in range(7, 85, 7)])
    lengths = [soundfile.info(path).frames for path in paths]

    def told(piece_s: float, ahead_s: float) -> dict[str, object]:
        monkeypatch.setattr(stream, "PIECE_S", piece_s)
        monkeypatch.setattr(stream, "AHEAD_S", ahead_s)
        return in_the_stream(heard(paths, dataclasses.replace(settings, detector=rules))[1], lengths)

    whole, pieces, reached = told(900.0, 900.0), told(30.0, 7.0), told(30.0, 90.0)
    assert reached == whole
    calls, fewer = whole.pop("calls"), pieces.pop("calls")
    assert sum(call is not None for call, *_ in calls) > sum(call is not None for call, *_ in fewer)  # type: ignore[attr-defined]
    # events with several calls are one where these are not known
    assert set(fewer) <= {*calls, (None, 1, 1)}  # type: ignore[call-overload, misc]


def contents(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two recorders that take turns in one folder, one of them with a pause, and recordings without a time."""
    monkeypatch.setattr(stream, "PIECE_S", 15.0)
    folder = tmp_path / "archive"
    one, two = sea(80, seed=2), sea(60, seed=3)
    cut(folder, one, [second * RATE for second in range(8, 80, 8)], prefix="")
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(f"{path.stem}_A.wav"))
    cut(folder, two, [second * RATE for second in (5, 13, 30, 41)], prefix="")
    for path in sorted(folder.iterdir()):
        if not path.stem.endswith("_A"):
            path.rename(path.with_name(f"{path.stem}_B.wav"))
    (folder / "20230405_120030_B.wav").unlink()
    soundfile.write(folder / "notes.wav", sea(10, seed=4), RATE)
    return folder


def run(archive: Path, output: Path, settings: ReplaySettings, jobs: int = 1) -> Summary:
    with ReplayOutput(output, scores=True) as tables:
        return replay(find_recordings([archive]), settings, jobs=jobs, output=tables)


@pytest.mark.slow
def test_neither_jobs_nor_an_interruption_show(
    archive: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = run(archive, tmp_path / "plain", settings)
    plain = contents(tmp_path / "plain")
    assert (summary.recordings, summary.failed, summary.detections > 10) == (15, 0, True)
    assert (summary.plan.joined, summary.plan.streams) == (13, 2)
    assert summary.plan.gaps == plan.SeamCount(1, 11.0, 11.0, str(archive / "20230405_120041_B.wav"))
    assert len(summary.plan.pieces) > 5
    assert run(archive, tmp_path / "two", settings, jobs=2).detections == summary.detections
    assert contents(tmp_path / "two") == plain
    for most in range(1, len(summary.plan.pieces), 2):
        output = tmp_path / f"after {most}"
        with monkeypatch.context() as patch:
            _interrupt(patch, most)
            with pytest.raises(KeyboardInterrupt):
                run(archive, output, settings)
        assert len(list((output / FOLDER).iterdir())) == most
        again = run(archive, output, settings)
        assert again.taken >= most
        assert contents(output) == plain
        assert (again.windows, again.lost_s, again.seconds) == (summary.windows, summary.lost_s, summary.seconds)


def _interrupt(patch: pytest.MonkeyPatch, most: int) -> None:
    """End the run after so many pieces, as Ctrl-C does."""
    from edge_daemon.replay import run as replay_run

    real, done = replay_run.hear, []

    def hear(*words: object) -> object:
        if len(done) == most:
            raise KeyboardInterrupt
        done.append(1)
        return real(*words)  # type: ignore[arg-type]

    patch.setattr(replay_run, "hear", hear)


def test_without_joining_each_recording_is_heard_alone(
    sound: np.ndarray, settings: ReplaySettings, tmp_path: Path
) -> None:
    paths = cut(tmp_path, sound, [second * RATE for second in (9, 30, 41)])
    summary, results = heard(paths, settings, join=False)
    assert (summary.plan.joined, summary.plan.streams) == (0, 0)
    for path, result in zip(paths, results, strict=True):
        _, (alone,) = heard([path], settings)
        assert (result.found, result.starts.tolist(), result.lost_s) == (
            alone.found,
            alone.starts.tolist(),
            alone.lost_s,
        )


class Wrong(FileSource):
    """A source that fails, or gives another length than it promised."""

    wrong: str = ""
    how: object = None

    def __init__(self, path: str | Path, *words: object, **more: object) -> None:
        super().__init__(path, *words, **more)  # type: ignore[arg-type]
        self._is_wrong = Path(path).name == self.wrong
        self._more = 2

    def read(self) -> Block | Gap | None:
        if self._is_wrong and isinstance(self.how, Exception):
            raise self.how
        item = super().read()
        if self._is_wrong and self.how == "shorter" and isinstance(item, Block) and item.end == self.frames:
            return Block(item.samples[:-100], item.start)
        if self._is_wrong and self.how == "longer" and item is None and self._more:
            self._more -= 1
            return Block(np.zeros(3000, np.float32), self.frames + 3000 * (1 - self._more))
        return item


@pytest.mark.parametrize("piece_s", [3600.0, 8.0])
@pytest.mark.parametrize("how", [AudioError("It is broken."), RuntimeError("boo"), "shorter", "longer"], ids=str)
@pytest.mark.parametrize("which", [0, 3, 5])
def test_a_recording_that_is_not_as_promised_ends_the_stream(
    sound: np.ndarray,
    settings: ReplaySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    piece_s: float,
    how: object,
    which: int,
) -> None:
    paths = cut(tmp_path, sound, [second * RATE for second in (9, 18, 27, 36, 45)])
    monkeypatch.setattr(stream, "PIECE_S", piece_s)
    monkeypatch.setattr(Wrong, "wrong", paths[which].name)
    monkeypatch.setattr(Wrong, "how", how)
    for module in ("task", "hearing"):
        monkeypatch.setattr(f"edge_daemon.replay.{module}.FileSource", Wrong)
    summary, results = heard(paths, settings)
    assert [result.recording.path for result in results] == paths
    failed = isinstance(how, Exception)
    assert [result.error is not None for result in results] == [failed and number == which for number in range(6)]
    before, after = results[:which], results[which + 1 :]
    # on both sides there are the windows of the sound that is there, and no window across the bad one
    for part in (before, after):
        if part:
            alone = heard([one.recording.path for one in part], settings)[1]
            assert [(r.starts.tolist(), r.scores.tolist()) for r in part[:-1]] == [
                (r.starts.tolist(), r.scores.tolist()) for r in alone[:-1]
            ]
            if failed:
                assert [(r.starts.tolist(), r.found, r.lost_s) for r in part] == [
                    (r.starts.tolist(), r.found, r.lost_s) for r in alone
                ]
    there = sum(result.seconds for result in results)
    assert there == pytest.approx(60 - soundfile.info(paths[which]).duration if failed else 60)
    assert sum(sum(result.lost_s.values()) for result in results) < 2.5
    assert summary.failed == failed


@pytest.mark.parametrize("piece_s", [3600.0, 8.0])
def test_a_stream_of_which_nothing_can_be_heard_fails_by_name(
    sound: np.ndarray, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_s: float
) -> None:
    paths = cut(tmp_path, sound, [second * RATE for second in (9, 18, 27, 36, 45)])
    monkeypatch.setattr(stream, "PIECE_S", piece_s)
    summary, results = heard(paths, dataclasses.replace(settings, channel=2))
    assert [result.recording.path for result in results] == paths
    assert all("channel 2 does not exist" in str(result.error) for result in results)
    assert (summary.plan.joined, summary.failed) == (6, 6)
