"""A plug-in that is a package of its own: installed into a fresh environment, found, and right."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from edge_daemon.backends import conformance
from edge_daemon.model.shipped import shipped_models
from export.nir import write_nir

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
PLUGIN = Path(__file__).resolve().parent.parent / "plugins" / "edge-daemon-nir"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the plug-in; what is heavy (torch, ours) is seen where it is installed already."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / name / "site-packages"
    root = PLUGIN.parent.parent.parent
    (packages / "base.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n{root}\n")
    pip = [folder / "bin" / "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*pip, "norse==1.1.0"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"norse cannot be installed: {done.stderr.splitlines()[-1:]}")
    done = subprocess.run([*pip, PLUGIN], capture_output=True, text=True, check=False)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip(f"hatchling cannot be had: {done.stderr.splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "python"


@pytest.fixture(scope="module", params=["the kit's", "the package's"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portable model with its NIR file beside it."""
    if request.param == "the package's":
        return shipped_models()["right_whale_portable"]
    path = tmp_path_factory.mktemp("model") / "portable.onnx"
    model_file, _ = conformance.shipped()
    path.write_bytes(model_file.data)
    write_nir(model_file.network(), path.with_suffix(".nir"))
    return path


def call(python: Path, *arguments: str | Path) -> str:
    done = subprocess.run([python, "-m", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed(python: Path, model: Path) -> None:
    entries = json.loads(call(python, "edge_daemon", "backends", "--json", "--model", model))
    entry = next(entry for entry in entries if entry["name"] == "nir")
    assert (entry["package"], entry["version"], entry["runs_model"]) == ("edge-daemon-nir", "0.1.0", True)
    assert "file" in entry["options"]


def test_it_conforms(python: Path, model: Path) -> None:
    options = json.dumps({"file": str(model.with_suffix(".nir"))})
    text = call(python, "edge_daemon.backends.conformance", "nir", "--model", model, "--options", options)
    assert "nir conforms: 15 of 15 checks passed." in text


COMPARE = """
import sys
import numpy as np
from edge_daemon.backends import create
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import run
from edge_daemon.model.shipped import shipped_models

model_file = ModelFile.read(shipped_models()["right_whale_portable"])
features = np.load(sys.argv[1], allow_pickle=False)["X"]
features = features[np.linspace(0, len(features) - 1, 200).astype(int)]
expected, backend = run(model_file.network(), features), create(model_file, "nir")
parts = [backend.infer(features[i : i + 25]) for i in range(0, 200, 25)]
for name in ("spike_counts", "layer_spikes"):
    found = np.concatenate([getattr(part, name) for part in parts])
    print(name, int((found != getattr(expected, name)).any(axis=1).sum()), len(np.unique(found, axis=0)))
score = np.concatenate([part.score for part in parts])
print("score", int((score != model_file.metadata.calibration.score(expected.margin)).sum()), len(np.unique(score)))
"""


@pytest.mark.data
def test_200_real_clips_are_the_references(python: Path, shared_data: Path, tmp_path: Path) -> None:
    script = tmp_path / "compare.py"
    script.write_text(COMPARE)
    command = [python, "-W", "ignore", script, shared_data / "right_whale_logmel.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _, _ in lines] == ["spike_counts", "layer_spikes", "score"]
    for name, differing, distinct in lines:
        assert int(differing) == 0, f"{name} differs on {differing} clips"
        assert int(distinct) > 5, f"{name} is nearly always the same, and would agree with anything"


def test_a_replay_finds_the_same(python: Path, model: Path, tmp_path: Path) -> None:
    found = {}
    for backend in ("nir", "onnx"):
        folder = tmp_path / backend
        sample = Path(conformance.__file__).parent.parent / "assets" / "sample.flac"
        options = ["--model", model, "--backend", backend, "--output", folder, "--scores"]
        call(python, "edge_daemon", "replay", sample, *options)
        (scores,) = folder.rglob("*scores*.csv")
        (lines,) = folder.rglob("*.jsonl")
        detections = [json.loads(line) for line in lines.read_text().splitlines()]
        assert {detection["backend"] for detection in detections} == {backend}
        spans = [(d["begin_s"], d["end_s"], d["peak_score"], d["mean_score"]) for d in detections]
        with scores.open() as rows:
            found[backend] = (spans, list(csv.reader(rows)))
    assert found["nir"] == found["onnx"]
    assert len(found["onnx"][0]) > 0
