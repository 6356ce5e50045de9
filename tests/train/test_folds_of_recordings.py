"""Training on whole recordings from the command line: a fold each day, scores calibrated and judged by all of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml

from edge_daemon.errors import UsageError
from train.__main__ import main
from train.checkpoint import read_document
from train.data import DataError, open_fold
from train.data.opening import FRONT_ENDS
from train.ocean.scene import scene
from train.ocean.sound import RATE
from train.sample import CONDITIONS

pytestmark = pytest.mark.slow  # networks learn from four minutes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a minute with six calls each, two songs of half a minute, and a mixture of them with two folds."""
    folder = tmp_path_factory.mktemp("sea")
    (folder / "buoy").mkdir()
    (folder / "song").mkdir()
    rows = ["file,begin_s,end_s"]
    for day in (1, 2):
        calls = [(4.0 + 9 * number, 14.0) for number in range(6)]
        audio, truth = scene(60.0, calls, np.random.default_rng(day), [], CONDITIONS)
        sf.write(folder / f"buoy/day{day}.wav", audio, RATE)
        rows += [f"day{day}.wav,{call.begin_s},{call.end_s}" for call in truth]
        songs = [(3.0 + 6 * number, "humpback", 12.0) for number in range(4)]
        sf.write(
            folder / f"song/{day}.wav", scene(30.0, [], np.random.default_rng(9 + day), songs, CONDITIONS)[0], RATE
        )
    (folder / "buoy/calls.csv").write_text("\n".join(rows))
    document = {
        "name": "two days",
        "marked": [{"calls": "buoy/calls.csv"}],
        "quiet": [{"kind": "song", "folders": ["song"]}],
        "laid": {"count": 100},
        "folds": [["*/day1.wav", "song/1.wav"], ["*/day2.wav", "song/2.wav"]],
        "prevalence": {"calls": 0.1, "song": 0.9},
    }
    (folder / "sea.yaml").write_text(yaml.safe_dump(document))
    return folder


def command(*words: object) -> None:
    main.main(list(map(str, words)), standalone_mode=False)


def fit(folder: Path, hold_out: str, output: Path) -> None:
    command(
        "fit", "--data", folder / "sea.yaml", "--network", "cnn", "--set", "channels=[4,6,6,6]", "--epochs", 2,
        "--hold-out", hold_out, "--output", output,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folds(folder: Path) -> Path:
    """Checkpoints of both folds and of the network that learned from everything."""
    runs = folder / "runs"
    for number in (0, 1):
        fit(folder, f"recordings:{number}", runs / f"fold{number}")
    fit(folder, "none", runs / "whole")
    return runs


def test_a_fold_says_what_it_did_not_learn_from(folds: Path) -> None:
    one, whole = (read_document(folds / name) for name in ("fold0", "whole"))
    assert one.split == "all but recordings:0"
    assert whole.split == "all"
    assert one.metrics["windows_learned_from"] < whole.metrics["windows_learned_from"]
    # 60 s and 30 s every half second, without what holds a part of a call
    assert 57 + 117 - 6 * 4 <= one.metrics["windows_held_out"] <= 57 + 117
    assert 0 <= one.metrics["auc"] <= 1
    assert one.calibration is not None
    assert whole.calibration is None


def test_all_get_the_curve_that_is_true_at_sea(folder: Path, folds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train", "calibrate", "fold0", "--data", "sea.yaml"])
    command("calibrate", folds / "fold0", folds / "fold1", "--also", folds / "whole", "--data", folder / "sea.yaml")
    curves = [read_document(folds / name).calibration for name in ("fold0", "fold1", "whole")]
    assert curves[0] == curves[1] == curves[2]
    assert curves[0] is not None
    assert "calls 10%, song 90%" in curves[0].note
    assert read_document(folds / "whole").command.endswith(" && python -m train calibrate fold0 --data sea.yaml")
    command("calibrate", folds / "fold0", folds / "fold1", "--share", "calls=1")
    other = read_document(folds / "fold0").calibration
    assert other is not None
    assert other != curves[0]
    assert "calls 100%" in other.note


def test_each_recording_is_judged_by_the_network_that_did_not_hear_it(folder: Path, folds: Path) -> None:
    output = folder / "judged"
    command(
        "evaluate", f"{folds}/fold{{}}", folds / "whole", "--folds", folder / "sea.yaml",
        "--calls", folder / "buoy/calls.csv", "--quiet", f"song={folder / 'song'}", "--output", output, "--pictures", 0,
    )  # fmt: skip
    found = json.loads((output / "evaluation.json").read_text())
    assert [model["model"] for model in found["models"]] == ["fold", "whole"]
    assert found["calls"] == 12
    counted = [
        json.loads((output / f"{name}.evidence.json").read_text())["continuous"][0]["counted"]
        for name in ("fold", "whole")
    ]
    assert ["had not learned from it" in words for words in counted] == [True, False]
    assert found["models"][0]["learned_from"] == "two days"


def test_what_cannot_be_is_said(folder: Path, folds: Path) -> None:
    with pytest.raises(DataError, match="none is number 2"):
        fit(folder, "recordings:2", folder / "none")
    with pytest.raises(UsageError, match="number of a fold"):
        fit(folder, "recordings:x", folder / "none")
    with pytest.raises(DataError, match="no folds"):
        command("fit", "--data", "synthetic:n=20", "--hold-out", "recordings:0", "--output", folder / "none")
    with pytest.raises(UsageError, match="no margins"):
        command("calibrate", folds / "whole")
    with pytest.raises(UsageError, match="not KIND=SHARE"):
        command("calibrate", folds / "fold0", "--share", "calls")
    with pytest.raises(UsageError, match="for each fold"):
        command("evaluate", f"{folds}/fold{{}}", "--calls", folder / "buoy/calls.csv", "--output", folder / "none")


def test_a_fold_of_samples_is_asked_for_behind_its_name(folder: Path) -> None:
    learn, aside = open_fold(f"{folder / 'sea.yaml'}#waveform", 1)
    assert learn.frontend == aside.frontend == FRONT_ENDS["waveform"]
    assert learn.features is not None
    assert learn.features.shape[1:] == (1, 4000)
    assert 57 + 117 - 6 * 4 <= len(aside.labels) <= 57 + 117
