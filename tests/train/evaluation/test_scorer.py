"""Model files and checkpoints give windows the same scores; folds share out the recordings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

import train.data
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.model.model_file import OperatingPoint
from edge_daemon.model.score_calibration import logistic
from edge_daemon.model.shipped import model_path
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording
from export.modelfile import SYNTHETIC, Wishes, make, save, synthetic_features
from tests.edge_daemon.replay.test_times import SAMPLE, harp, wav
from train import checkpoint
from train.augment import Augmentation
from train.checkpoint import CheckpointDocument
from train.data.opening import DEFAULT_SPEC
from train.evaluation.events import events_of
from train.evaluation.scorer import Candidate, CheckpointScorer, ModelScorer, open_scorer
from train.loop import Training, fit
from train.networks import build
from train.networks.lif import SpikingNetwork
from train.part import Part
from train.quantise import QuantisedNetwork

LEARN = Training(epochs=4, batch=16, rate=2e-2, average=0.0)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    ocean = train.data.open("synthetic:n=9,seed=2,snr=10..20")
    assert ocean.audio is not None
    sound = ocean.audio.ravel()[:33_100]
    sound[12_000:18_000] = 0  # a window in which there is nothing
    sf.write(tmp_path / "a.wav", sound, 2000, subtype="FLOAT")
    return tmp_path / "a.wav"


def kept(folder: Path, quantised: bool, curve: bool = True) -> Path:
    torch.manual_seed(0)
    network = build("conv" if quantised else "cnn", DEFAULT_SPEC.shape, {"channels": [4, 4, 4, 4]})
    document = CheckpointDocument(
        network="conv" if quantised else "cnn",
        settings={"channels": [4, 4, 4, 4]},
        quantised=quantised,
        frontend=DEFAULT_SPEC,
        calibration=logistic(0.5, 0.1) if curve else None,
        data="noise",
    )
    if quantised:
        assert isinstance(network, SpikingNetwork)
        # a network that has learned nothing does not spike
        ocean = train.data.open("synthetic:n=96,seed=1,snr=10..20")
        assert ocean.features is not None
        fit(
            network,
            Part(ocean.features, ocean.labels),
            Training(epochs=4, batch=16, rate=2e-2, average=0.0),
            Augmentation(),
        )
        network = QuantisedNetwork(network).eval()
    checkpoint.save(folder, network, document)
    return folder


def test_a_checkpoint_scores_as_its_model_file(recording: Path, tmp_path: Path) -> None:
    folder = kept(tmp_path / "net", quantised=True)
    wishes = Wishes("net", "1.0.0", OperatingPoint(threshold=0.5, threshold_low=0.3))
    made, _ = make(checkpoint.load(folder), wishes, synthetic_features(DEFAULT_SPEC.shape, 8), SYNTHETIC)
    save(made, tmp_path / "net.onnx")
    one, two = open_scorer(folder, 0.5), open_scorer(tmp_path / "net.onnx", 0.5)
    assert isinstance(one, CheckpointScorer)
    assert isinstance(two, ModelScorer)
    ours, theirs = one.score(recording), two.score(recording)
    np.testing.assert_array_equal(ours.starts, theirs.starts)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-6)
    assert ours.scores[13] == 0
    assert len(np.unique(ours.scores)) > 10
    assert (ours.window, ours.hop, ours.rate) == (theirs.window, theirs.hop, theirs.rate)
    assert one.about.learned_from == "noise"
    two.close()


def test_a_conventional_network_is_scored_with_or_without_a_curve(recording: Path, tmp_path: Path) -> None:
    with_curve, without = (
        CheckpointScorer(kept(tmp_path / name, quantised=False, curve=curve), 0.5).score(recording)
        for name, curve in (("a", True), ("b", False))
    )
    margin = np.log(without.scores[0] / (1 - without.scores[0]))
    assert with_curve.scores[0] == pytest.approx(1 / (1 + np.exp(-0.5 * margin - 0.1)), abs=1e-3)


def test_each_recording_is_judged_by_the_fold_that_kept_it_aside() -> None:
    folds = Candidate("folds", ((Path("0"), ("*_28_*", "song/a*")), (Path("1"), ("*_29_*",))))
    names = ("buoy/x_28_0.wav", "buoy/x_29_0.wav", "song/a.wav", "song/b.wav")
    assert [folds.model_for(name) for name in names] == [0, 1, 0, 0]


def test_the_shipped_model_is_known_by_its_name() -> None:
    scorer = open_scorer(model_path("right_whale"), 0.5)
    assert scorer.about.name == "right_whale"
    assert scorer.about.band_hz == (50.0, 250.0)
    scorer.close()


@pytest.mark.slow
def test_a_recorders_pauses_are_heard_as_by_a_replay(tmp_path: Path) -> None:
    """A HARP's file: no window reaches over a pause, and what was heard before it vouches for nothing behind it."""
    samples, rate = sf.read(SAMPLE, dtype="int16")
    path = tmp_path / "20230405_120000.x.wav"
    starts = [datetime(2023, 4, 5, 12, minutes) for minutes in (0, 10, 20)]
    wav(path, samples[: 45 * rate], rate, harp(starts, 15 * rate, rate))
    (recording,) = find_recordings([path])
    heard = replay_recording(recording, ReplaySettings(DetectorSettings(), scores=True))
    scorer = open_scorer(model_path("right_whale"), 0.5)
    found = scorer.score(path)
    scorer.close()
    assert found.seams.tolist() == [15 * 2000, 30 * 2000]
    np.testing.assert_array_equal(found.starts, heard.starts)
    np.testing.assert_array_equal(found.scores, heard.scores)
    ours = [(event.begin, event.end, event.peak_score, event.mean_score) for event in events_of(found, scorer.rules)]
    theirs = [one.event for one in heard.found]
    assert ours == [(event.begin, event.end, event.peak_score, event.mean_score) for event in theirs]
    assert len(ours) == 5
