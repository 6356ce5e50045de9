import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_daemon.errors import ModelError
from edge_daemon.model.frontend import LogMelSpec
from edge_daemon.model.network import run
from train.ancestor import Ancestor
from train.checkpoint import CheckpointDocument, digest, load, save
from train.networks import build
from train.quantise import QuantisedNetwork, to_integer_network

SETTINGS = {"channels": [3, 4, 5, 6], "time_steps": 3}


def document(quantised: bool = True) -> CheckpointDocument:
    return CheckpointDocument(network="conv", settings=SETTINGS, quantised=quantised, frontend=LogMelSpec())


def quantised_network() -> QuantisedNetwork:
    torch.manual_seed(0)
    network = build("conv", (50, 101), SETTINGS)
    network(torch.randint(0, 256, (16, 50, 101)).float())
    return QuantisedNetwork(network.eval())


def test_what_was_saved_is_loaded_to_the_last_integer(tmp_path: Path) -> None:
    network = quantised_network()
    save(tmp_path / "model", network, document())
    again = load(tmp_path / "model")
    features = np.random.default_rng(0).integers(0, 256, (5, 50, 101), dtype=np.uint8)
    one, two = run(to_integer_network(network), features), run(again.integer_network(), features)
    assert np.array_equal(one.margin, two.margin)
    assert np.array_equal(one.layer_spikes, two.layer_spikes)
    assert again.document == document()


def test_real_numbers_are_kept_too_but_have_no_integer_form(tmp_path: Path) -> None:
    network = build("conv", (50, 101), SETTINGS)
    save(tmp_path, network, document(quantised=False))
    again = load(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.network.parameters(), strict=True))
    with pytest.raises(ModelError, match="real numbers"):
        again.integer_network()


def test_a_document_that_contradicts_the_network_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="disagree about its kind of numbers"):
        save(tmp_path, quantised_network(), document(quantised=False))


def test_no_pickle_in_the_folder(tmp_path: Path) -> None:
    save(tmp_path, quantised_network(), document())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.json", "weights.safetensors"]


@pytest.mark.parametrize("damage", ["missing", "cut", "json", "shape"])
def test_damage_is_told_in_a_sentence(tmp_path: Path, damage: str) -> None:
    save(tmp_path, quantised_network(), document())
    weights, text = tmp_path / "weights.safetensors", tmp_path / "checkpoint.json"
    if damage == "missing":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    elif damage == "json":
        text.write_text("{")
    else:
        found = json.loads(text.read_text())
        found["settings"]["channels"] = [4, 4, 5, 6]
        text.write_text(json.dumps(found))
    with pytest.raises(ModelError):
        load(tmp_path)


def test_digest_changes_with_features_labels_and_shape() -> None:
    features, labels = np.zeros((4, 2, 3), np.uint8), np.zeros(4, np.uint8)
    found = {digest(features, labels), digest(features.reshape(4, 3, 2), labels), digest(features, labels + 1)}
    features[0, 0, 0] = 1
    assert len(found | {digest(features, labels)}) == 4


def test_a_checkpoint_of_before_has_no_ancestors_and_keeps_none(tmp_path: Path) -> None:
    save(tmp_path, quantised_network(), document())
    path = tmp_path / "checkpoint.json"
    text = json.loads(path.read_text())
    assert text.pop("ancestors") == []
    path.write_text(json.dumps(text))
    assert load(tmp_path).document == document()
    assert not document().made_from
    for training in ({"start": "right_whale"}, {"teachers": ["runs/conv-0"]}, {"fine_tuned": {"data": "verdicts"}}):
        assert document().model_copy(update={"training": training}).made_from
    assert not document().model_copy(update={"training": {"start": None, "teachers": []}}).made_from
    ancestor = Ancestor(role="start", name="right_whale", version="0.6.0", licence=None, call_band_hz=(50, 250))
    save(tmp_path, quantised_network(), document().model_copy(update={"ancestors": (ancestor,)}))
    assert load(tmp_path).document.ancestors == (ancestor,)
