"""`python -m train evaluate` from sound to page, on a synthetic recording, against what `edge-daemon replay` finds."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile as sf
import yaml
from scipy.stats import chi2

from edge_daemon.cli import invoke
from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import ModelMetadata
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.score_calibration import logistic
from edge_daemon.model.shipped import model_path
from export.evidence import Evidence
from export.graph import model_file
from train.__main__ import main
from train.cli.evaluate import _candidates, _check_output
from train.data.dataset import DataError
from train.ocean.scene import scene
from train.ocean.sound import RATE
from train.sample import CONDITIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # two models hear four minutes

CALLS = [(10.0 + 15 * number, snr_db) for number, snr_db in enumerate((12.0, 9.0, 3.0, -8.0, 12.0, 6.0, -15.0, 9.0))]
SONG = [(5.0 + 9 * number, "humpback", 12.0) for number in range(6)]
HEADER = "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes with eight calls in two files, one with a Raven table, both in a CSV file; a minute of song."""
    folder = tmp_path_factory.mktemp("sound")
    for name in ("day", "other", "song"):
        (folder / name).mkdir()
    audio, truth = scene(130.0, CALLS, np.random.default_rng(3), [(50.0, "humpback", 10.0)], CONDITIONS)
    spans = [(call.begin_s, call.end_s) for call in truth]
    sf.write(folder / "day/one.wav", audio[: 70 * RATE], RATE)
    sf.write(folder / "other/two.wav", audio[70 * RATE :], RATE)
    rows = [f"{number}\t{begin}\t{end}\tupcall\n" for number, (begin, end) in enumerate(spans, 1) if end < 70]
    (folder / "day/one.Table.1.selections.txt").write_text(HEADER + "".join(rows) + "9\t50\t51\thumpback\n")
    lines = [f"{'one.wav' if begin < 70 else 'two.wav'},{begin % 70},{end % 70 or 70}\n" for begin, end in spans]
    (folder / "day/calls.csv").write_text("file,begin_s,end_s\n" + "".join(lines))
    sf.write(folder / "song/song.wav", scene(60.0, [], np.random.default_rng(4), SONG, CONDITIONS)[0], RATE)
    return folder


def command(*words: object) -> None:
    main.main(["evaluate", *map(str, words)], standalone_mode=False)


@pytest.fixture(scope="module")
def results(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on all of it."""
    output = tmp_path_factory.mktemp("results")
    command(
        "right_whale", "right_whale_portable", "--calls", sound / "day/calls.csv", "--recordings", sound / "other",
        "--quiet", f"song={sound / 'song'}", "--output", output, "--limit", "0", "--limit", "60", "--show-limit", "60",
        "--pictures", "2",
    )  # fmt: skip
    return output


@pytest.fixture(scope="module")
def found(results: Path) -> dict:
    """The document."""
    return json.loads((results / "evaluation.json").read_text())


def events(sound: Path, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """What a replay finds, by file."""
    assert invoke(["replay", str(sound), "--output", str(folder), "--formats", "csv"]) == 0
    spans: dict[str, list[tuple[float, float]]] = {}
    with (folder / "detections.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            spans.setdefault(Path(row["file"]).name, []).append((float(row["begin_s"]), float(row["end_s"])))
    return spans


def test_the_operating_point_is_what_replay_gives(sound: Path, found: dict, tmp_path: Path) -> None:
    replayed = events(sound, tmp_path)
    with (sound / "day/calls.csv").open(newline="") as file:
        calls = [(row["file"], float(row["begin_s"]), float(row["end_s"])) for row in csv.DictReader(file)]
    heard = [any(b < end and e > begin for b, e in replayed.get(name, ())) for name, begin, end in calls]
    false = [
        (name, begin, end)
        for name, spans in replayed.items()
        for begin, end in spans
        if not any(file == name and begin < e and end > b for file, b, e in calls)
    ]
    own = found["models"][0]["results"][0]
    assert own["rules"] == "operating point"
    rules = ("threshold", "threshold_low", "min_windows", "min_rise_hz", "context_s")
    assert tuple(own[rule] for rule in rules) == (0.88, 0.22, 2, 30.0, 300.0)
    figures = own["figures"]["all"]
    assert 0 < sum(heard) < 8
    assert (figures["recall"]["count"], figures["recall"]["of"]) == (sum(heard), 8)
    in_song = sum(name == "song.wav" for name, _, _ in false)
    low, high = 30 * chi2.ppf(0.025, 2 * in_song) if in_song else 0.0, 30 * chi2.ppf(0.975, 2 * in_song + 2)
    assert figures["false_per_hour"]["song"] == {
        "count": in_song, "of": 0.0167, "value": 60.0 * in_song,
        "interval": pytest.approx([low, high], abs=0.1),
    }  # fmt: skip
    assert figures["false_per_hour"]["calls"]["count"] == len(false) - in_song
    by_recording = {row["recording"]: (row["calls"], row["found"]) for row in figures["by_recording"]}
    assert by_recording["day/one.wav"] == (4, sum(heard[:4]))
    assert by_recording["other/two.wav"] == (4, sum(heard[4:]))


def test_the_document_says_what_was_done(found: dict) -> None:
    assert "one event may find several calls" in found["matching"]
    assert found["hours"] == {"calls": pytest.approx(130 / 3600, abs=1e-4), "song": pytest.approx(1 / 60, abs=1e-4)}
    assert found["calls"] == 8
    assert found["parts"]["all"]["recordings"] == ["day/one.wav", "other/two.wav", "song/song.wav"]
    assert "flatter" in found["parts"]["all"]["meaning"]
    assert [model["model"] for model in found["models"]] == ["right_whale", "right_whale_portable"]
    assert "right whales and other sounds at sea" in found["models"][0]["learned_from"]
    for model in found["models"]:
        for result in model["results"][1:]:
            figures = result["figures"]["all"]
            assert all(rate["value"] <= result["limit"] for rate in figures["false_per_hour"].values())
        fronts = model["fronts"]["all"]
        assert [point["false_per_hour"] for point in fronts["calls"]] == sorted(
            point["false_per_hour"] for point in fronts["calls"]
        )
        best = next(point for point in model["results"] if point["limit"] == 60.0)
        within = [point for point in fronts["every kind"] if point["false_per_hour"] <= 60.0]
        assert best["figures"]["all"]["recall"] == within[-1]["recall"]


def test_faint_calls_are_in_the_lower_classes(found: dict) -> None:
    by_snr = found["models"][0]["results"][0]["figures"]["all"]["by_snr"]
    assert [(row["low_db"], row["high_db"]) for row in by_snr] == [(None, 0.0), (0.0, 5.0), (5.0, 10.0), (10.0, None)]
    # the ocean measures in the call's own band: 50 to 250 Hz is wider, the ratio lower
    assert sum(row["recall"]["of"] for row in by_snr) == 8
    assert by_snr[0]["recall"]["of"] >= 2
    assert by_snr[0]["recall"]["value"] < 1


def test_mistakes_are_listed_and_drawn(results: Path, found: dict) -> None:
    with (results / "mistakes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for model in found["models"]:
        for result in model["results"]:
            own = [row for row in rows if (row["model"], row["rules"]) == (model["model"], result["rules"])]
            if result["limit"] == 0.0:
                assert not own  # another limit was to be shown
                continue
            figures = result["figures"]["all"]
            missed = [row for row in own if row["mistake"] == "missed call"]
            assert len(missed) == 8 - figures["recall"]["count"]
            assert [float(row["snr_db"]) for row in missed] == sorted(
                (float(row["snr_db"]) for row in missed), reverse=True
            )
            false = [row for row in own if row["mistake"] == "false event"]
            assert len(false) == sum(rate["count"] for rate in figures["false_per_hour"].values())
            assert all(float(row["score"]) >= result["threshold"] for row in false)
    page = (results / "report.html").read_text()
    pictures = re.findall(r'src="data:image/png;base64,', page)
    shown = {(row["model"], row["rules"], row["mistake"]) for row in rows}
    assert 1 + len(shown) <= len(pictures) <= 1 + 2 * len(shown)
    assert not re.search(r'(?:src|href)="(?!data:)', page), "the page needs nothing else"
    assert (results / "recall.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_evidence_is_what_export_takes(results: Path, found: dict) -> None:
    evidence = Evidence.read(results / "right_whale.evidence.json")
    [sound] = evidence.continuous
    own = found["models"][0]["results"][0]["figures"]["all"]
    assert sound.data == "day, other"
    assert sound.calls == 8
    first = sound.figures[0]
    assert (first.rules, first.threshold, first.min_windows) == ("operating point", 0.88, 2)
    assert (first.min_rise_hz, first.context_s) == (30.0, 300.0)
    assert first.recall == own["recall"]["value"]
    assert first.recall_interval == tuple(own["recall"]["interval"])
    assert first.elsewhere[0].kind == "song"
    assert sum(row.calls for row in first.by_snr) == 8
    assert len(sound.front) == len(found["models"][0]["fronts"]["all"]["calls"])


def test_rules_chosen_on_some_recordings_are_judged_on_the_others(sound: Path, tmp_path: Path) -> None:
    command(
        "right_whale", "--calls", sound / "day/calls.csv", "--recordings", sound / "other",
        "--quiet", f"song={sound / 'song'}", "--output", tmp_path, "--limit", "60", "--pictures", "0",
        "--choose", "day/*", "--choose", "song",
    )  # fmt: skip
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["parts"]["chosen on"]["recordings"] == ["day/one.wav", "song/song.wav"]
    assert found["parts"]["kept aside"]["recordings"] == ["other/two.wav"]
    assert found["parts"]["kept aside"]["meaning"].startswith("Not looked at while choosing")
    chosen = found["models"][0]["results"][1]["figures"]
    assert list(chosen) == ["chosen on", "kept aside"]
    assert chosen["chosen on"]["recall"]["of"] == chosen["kept aside"]["recall"]["of"] == 4
    assert list(chosen["kept aside"]["false_per_hour"]) == ["calls"]
    # the best that the chosen ones allow, whatever the rest says
    command(
        "right_whale", "--calls", sound / "day", "--quiet", f"song={sound / 'song'}", "--call-label", "upcall",
        "--output", tmp_path / "alone", "--limit", "60", "--pictures", "0",
    )  # fmt: skip
    alone = json.loads((tmp_path / "alone/evaluation.json").read_text())["models"][0]["results"][1]
    rules = ("threshold", "threshold_low", "min_windows")
    assert [alone[key] for key in rules] == [found["models"][0]["results"][1][key] for key in rules]
    assert alone["figures"]["all"] == chosen["chosen on"]
    told = Evidence.read(tmp_path / "right_whale.evidence.json").continuous
    assert [part.data for part in told] == ["day", "other"]
    assert told[1].chosen.startswith("Not looked at while choosing")


def test_what_may_be_an_unmarked_call_is_not_false(sound: Path, found: dict, tmp_path: Path) -> None:
    """Everything is doubtful: no event is false, and as many calls are found."""
    (tmp_path / "doubtful.csv").write_text("file,begin_s,end_s\none.wav,0,69\ntwo.wav,0,59\nsong.wav,0,59\n")
    command(
        "right_whale", "--calls", sound / "day/calls.csv", "--recordings", sound / "other", "--quiet",
        f"song={sound / 'song'}", "--doubtful", tmp_path / "doubtful.csv", "--limit", "60", "--pictures", "0",
        "--output", tmp_path,
    )  # fmt: skip
    document = json.loads((tmp_path / "evaluation.json").read_text())
    assert document["matching"].endswith(" 3 sounds are doubtful.")
    counted = json.loads((tmp_path / "right_whale.evidence.json").read_text())["continuous"][0]["counted"]
    assert counted == document["matching"] == f"{found['matching']} 3 sounds are doubtful."
    figures = document["models"][0]["results"][0]["figures"]["all"]
    before = found["models"][0]["results"][0]["figures"]["all"]
    assert figures["recall"] == before["recall"]
    assert [rate["count"] for rate in figures["false_per_hour"].values()] == [0, 0]


def test_what_no_fold_keeps_aside_is_said_to_be_so(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From inside the recordings' folder, too, whose name is part of theirs."""
    for number in (0, 1):
        shutil.copy(model_path("right_whale"), tmp_path / f"m{number}.onnx")
    mixture = {"name": "bay", "marked": [{"calls": "calls.csv"}], "folds": [["day/one*"], ["other/two*"]]}
    (tmp_path / "bay.yaml").write_text(yaml.safe_dump(mixture))
    monkeypatch.chdir(sound / "day")
    words = [
        tmp_path / "m{}.onnx",
        "--folds",
        tmp_path / "bay.yaml",
        "--calls",
        "calls.csv",
        "--recordings",
        "../other",
    ]
    for more, ending in (
        ((), "by a network of the same recipe that had not learned from it."),
        (("--quiet", "song=../song"), "1 of 3 recordings (song) are in no fold: the first network judged them, and may"
         " have learned from them."),
    ):  # fmt: skip
        command(*words, *more, "--limit", "60", "--pictures", "0", "--output", tmp_path / "out")
        evidence = json.loads((tmp_path / "out" / "m.evidence.json").read_text())
        assert evidence["continuous"][0]["counted"].endswith(ending)
        told = "m: 1 recordings (song) are in no fold; the first network judges them." in capsys.readouterr().err
        assert told == bool(more)


def test_a_network_that_takes_everything_for_a_call(
    sound: Path, tmp_path: Path, tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata
) -> None:
    """No rules are worth choosing; its operating point is told all the same."""
    certain = tiny_metadata.model_copy(update={"calibration": logistic(slope=1e-6, offset=9.0)})
    (tmp_path / "yes.onnx").write_bytes(model_file(tiny_network, certain))
    command(tmp_path / "yes.onnx", "--calls", sound / "day", "--call-label", "upcall", "--output", tmp_path / "out")
    [model] = json.loads((tmp_path / "out/evaluation.json").read_text())["models"]
    [own] = model["results"]
    assert own["figures"]["all"]["recall"]["value"] == 1.0
    assert model["fronts"] == {"all": {"calls": []}}
    assert Evidence.read(tmp_path / "out/yes.evidence.json").continuous[0].front == ()


def test_folders_are_shown_by_their_whole_names(tmp_path: Path) -> None:
    for name in ("v1.0", "v1.1", "run.0", "run.1", "v2.0-0", "v2.0-1"):
        (tmp_path / name).mkdir()
    (tmp_path / "v1.onnx").write_bytes(b"")

    def labels(*names: str, folds: int = 0) -> list[str]:
        return [found.label for found in _candidates(tuple(str(tmp_path / name) for name in names), ((),) * folds)]

    assert labels("v1.0", "v1.1") == ["v1.0", "v1.1"]
    assert labels("v1.0", "v1.onnx") == ["v1.0", "v1"]
    assert labels("v2.0-{}", folds=2) == ["v2.0"]
    assert labels("run.{}", folds=2) == ["run"]


def test_a_folder_that_may_not_be_written_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # whoever is root may write everywhere
    with pytest.raises(UsageError, match="may not be changed"):
        _check_output(tmp_path / "new")


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["--quiet", "song"], UsageError, "song is not KIND=FOLDER"),
        (["--quiet", "calls={at}/song"], UsageError, "is not KIND=FOLDER"),
        (["--quiet", "song={at}/none"], UsageError, "none does not exist"),
        (["--quiet", "song={at}/other"], DataError, r"two\.wav is given twice"),
        (["--choose", "tuesday"], UsageError, "No recording is called 'tuesday'"),
        (["--quiet", "song={at}/song", "--choose", "song"], UsageError, "no call in the recordings"),
        (["--calls", "{at}/nothing.csv"], DataError, r"nothing\.csv does not exist"),
        (["--limit", "nan"], click.BadParameter, "is not a finite number"),
        (["--limit", "3", "--limit", "inf"], click.BadParameter, "is not a finite number"),
        (["--limit", "-1"], click.BadParameter, "-1"),
        (["--show-limit", "nan"], click.BadParameter, "is not a finite number"),
        (["--hop", "inf"], click.BadParameter, "is not a finite number"),
        (["--hop", "0"], UsageError, "--hop 0 is less than a sample at the model's 2000 Hz"),
        (["--hop", "-1"], UsageError, "--hop -1 is less than a sample"),
        (["--output", "{at}/song/song.wav"], UsageError, r"song\.wav is a file"),
        (["--output", "{at}/song/song.wav/results"], UsageError, r"song\.wav is a file"),
    ],
)
def test_mistakes_of_the_command_are_told(
    sound: Path, tmp_path: Path, words: list[str], error: type[Exception], message: str
) -> None:
    given = ["--calls", sound / "day/calls.csv", "--recordings", sound / "other", "--output", tmp_path / "out"]
    with pytest.raises(error, match=message):
        command("right_whale", *given, *(word.format(at=sound) for word in words))
    assert not (tmp_path / "out").exists()
