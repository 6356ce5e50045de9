"""The Loihi simulator: traces by hand, the reference's spikes for portable models, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_daemon.backends import conformance, create
from edge_daemon.backends.loihi.__main__ import main
from edge_daemon.backends.loihi.backend import (
    LoihiBackend,
    chip_weights,
    integrate,
    place,
    reasons_against,
    run_chip,
    run_layer,
)
from edge_daemon.backends.loihi.mapping import count_synapses, map_network
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, run
from export.conformance import network as kit_network
from export.graph import model_file, network_document


def dense(weight: list[list[int]], threshold: int, shift: int = 0, leak: int = 128) -> Layer:
    out = len(weight)
    return Layer(
        name="layer",
        kind="dense",
        weight=np.array(weight, np.int8),
        bias=np.zeros(out, np.int32),
        threshold=np.full(out, threshold, np.int32),
        beta_256=np.array([leak], np.int32),
        reset="zero",
        shift=shift,
    )


def test_a_membrane_by_hand() -> None:
    # weights 10, threshold 15: aligned 640 and 960. 640; 320 + 640 = 960 is not above; 480 + 640 = 1120 fires; 640 anew
    raster = run_layer(place(dense([[10]], 15)), np.ones((4, 1, 1, 1, 1), np.bool_))
    assert raster.membranes.ravel().tolist() == [640, 960, 1120, 640]
    assert raster.spikes.ravel().tolist() == [False, False, True, False]


def test_decay_rounds_towards_zero() -> None:
    state = np.array([7, -7, 1, -1])
    assert integrate(state, np.zeros(4, np.int64), 2048).tolist() == [3, -3, 0, 0]
    # 4096 − 1000 = 3096 parts of 4096: 7 · 3096 / 4096 = 5.29
    assert integrate(state, np.zeros(4, np.int64), 1000).tolist() == [5, -5, 0, 0]


def test_currents_wrap_and_membranes_are_limited() -> None:
    full = 1 << 23
    # (2^17 + 1) · 64 = 2^23 + 64 wraps to −2^23 + 64; 2^17 · 64 = 2^23 is limited to 2^23 − 1
    arriving = np.array([(1 << 17) + 1, 1 << 17, -(1 << 17)])
    assert integrate(np.zeros(3, np.int64), arriving, 2048).tolist() == [64 - full, full - 1, full - 1]
    assert integrate(np.array([full - 1]), np.array([100_000]), 0).tolist() == [full - 1]


def test_weights_of_both_signs_lose_their_lowest_bit() -> None:
    assert chip_weights(np.array([3, -3, 4, -127], np.int8)).tolist() == [2, -4, 4, -128]
    assert chip_weights(np.array([3, 0, 127], np.int8)).tolist() == [3, 0, 127]
    assert chip_weights(np.array([-3, 0], np.int8)).tolist() == [-3, 0]


def test_portable_models_give_the_references_spikes_and_scores() -> None:
    model, vectors = conformance.shipped()
    backend = create(model, "loihi")
    found = backend.infer(vectors.features)
    np.testing.assert_array_equal(found.spike_counts, vectors.expected.spike_counts)
    np.testing.assert_array_equal(found.layer_spikes, vectors.expected.layer_spikes)
    np.testing.assert_array_equal(found.score, vectors.expected.score)


def test_rasters_are_the_references() -> None:
    model, vectors = conformance.shipped()
    network = model.network()
    rasters = run_chip(network, [place(layer) for layer in network.layers[1:]], vectors.features)
    trace = run(network, vectors.features, keep=True)
    assert len(rasters) == len(network.layers)
    for number, (raster, spikes) in enumerate(zip(rasters, trace.spikes, strict=True)):
        np.testing.assert_array_equal(raster.spikes, spikes, err_msg=f"layer {number}")
        assert spikes.any()


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (replace(dense([[1], [2]], 8), threshold=np.array([8, 9], np.int32)), "several thresholds"),
        (dense([[1]], 9, shift=1), "not a whole number of weight units"),
        (dense([[1]], 8, shift=-1), "not a whole number of weight units"),
        (dense([[1]], 1 << 17), "17 bits"),
        (dense([[1]], 8, leak=0), "keeps nothing between steps"),
    ],
)
def test_what_the_chip_cannot_hold_is_refused(layer: Layer, reason: str) -> None:
    with pytest.raises(BackendError, match=reason):
        place(layer)


def test_models_that_are_not_portable_are_refused(tiny_model: Path) -> None:
    with pytest.raises(BackendError, match=r"resets by the rule 'subtract'.*effective bits.*max-pools.*biases"):
        create(ModelFile.read(tiny_model), "loihi")


def kit_with(steps: int, shift: int = 3, leak: int = 128) -> ModelFile:
    """The kit's model with other time steps and other deeper layers, of the same thresholds in weight units."""
    known, leaks = kit_network(), np.array([leak], np.int32)
    layers = (
        known.layers[0],
        *(
            replace(layer, beta_256=leaks, shift=shift, threshold=layer.threshold >> layer.shift << shift)
            for layer in known.layers[1:]
        ),
    )
    network = replace(known, layers=layers, time_steps=steps)
    metadata = conformance.shipped()[0].metadata.model_copy(update={"network": network_document(network)})
    return ModelFile.from_bytes(model_file(network, metadata))


@pytest.mark.parametrize(
    ("steps", "fields", "reason"),
    [
        (4, {"leak": 230}, r"leak of 230/256 takes 21 bits .* 4 time steps.*the chip has 6"),
        (25, {}, "leak of 128/256 takes 24 bits of fraction in 25 time steps, but the model has 3"),
        (4, {"shift": 0}, "takes 3 bits of fraction in 4 time steps, but the model has 0"),
        (8, {"shift": 7}, "takes 7 bits of fraction in 8 time steps, but the chip has 6"),
    ],
)
def test_models_that_the_chip_rounds_otherwise_are_refused(steps: int, fields: dict[str, int], reason: str) -> None:
    with pytest.raises(BackendError, match=rf"The chip would not produce this model's spikes: .*{reason}"):
        create(kit_with(steps, **fields), "loihi")


def test_seven_steps_are_exact() -> None:
    model = kit_with(7, shift=6)
    features = conformance.shipped()[1].features
    expected = conformance.reference(model, features).expected
    found = create(model, "loihi").infer(features)
    np.testing.assert_array_equal(found.layer_spikes, expected.layer_spikes)
    np.testing.assert_array_equal(found.score, expected.score)


def test_sums_beyond_24_bits_are_refused() -> None:
    # 1,041 weights of 126: 131,166 · 64 is more than 2^23, where a current wraps round
    wide = dense([[126] * 1041, [-2] * 1041], 1000, shift=1)
    (reason,) = reasons_against(wide, place(wide), (1041, 1, 1), 1)
    assert "can reach 8394624 of the chip's units, but its 24 bits end at 8388608" in reason
    narrow = dense([[126] * 1040], 1000, shift=1)
    assert reasons_against(narrow, place(narrow), (1040, 1, 1), 1) == []
    # the membrane: below zero nothing resets it, and at leak one half it reaches twice the current
    deep = dense([[-126] * 600, [2] * 600], 8000, shift=6)
    assert reasons_against(deep, place(deep), (600, 1, 1), 1) == []
    assert "24 bits end" in reasons_against(deep, place(deep), (600, 1, 1), 7)[0]
    # seven frames of spikes summed are seven times as many synapses
    pooled = replace(dense([[126] * 200], 1000, shift=1), pool="global_sum")
    assert reasons_against(pooled, place(pooled), (200, 1, 5), 1) == []
    assert "24 bits end" in reasons_against(pooled, place(pooled), (200, 1, 7), 1)[0]


def test_odd_weights_of_seven_bits_are_doubled() -> None:
    layer = dense([[63, -3]], 15, shift=3, leak=128)
    chip = place(replace(layer, threshold=np.full(1, 15 << 3, np.int32)))
    assert (chip.synapses.weight.tolist(), chip.threshold, chip.unit) == ([[126, -6]], 30, 2.0 ** (7 - 3))
    assert place(dense([[65, -3]], 15)).synapses.weight.tolist() == [[64, -4]], "eight bits: the lowest one is lost"


@given(data=st.data(), steps=st.integers(1, 9), leak=st.sampled_from([256, 128, 192, 64, 224, 230]))
def test_what_is_accepted_agrees_with_the_reference(data: st.DataObject, steps: int, leak: int) -> None:
    """Spikes, read-out membranes and scores of random networks that the backend takes."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    shift, odd = data.draw(st.integers(0, 9)), data.draw(st.booleans())

    def layer(name: str, out: int, inputs: int) -> Layer:
        weight = rng.integers(-64, 64, (out, inputs)) if odd else 2 * rng.integers(-64, 64, (out, inputs))
        return Layer(
            name=name,
            kind="dense",
            weight=weight.astype(np.int8),
            bias=np.zeros(out, np.int32),
            threshold=np.full(out, int(rng.integers(1, 200)) << shift, np.int32),
            beta_256=np.array([leak], np.int32),
            reset="zero",
            shift=shift,
        )

    network = IntegerNetwork((layer("host", 20, 12), layer("one", 9, 20), layer("two", 2, 9)), steps, (3, 4))
    features = rng.integers(0, 256, (20, 3, 4)).astype(np.uint8)
    chip = [place(layer) for layer in network.layers[1:]]
    shapes = network.shapes()[1:-1]
    assume(not any(map(reasons_against, network.layers[1:], chip, shapes, [steps] * 2)))
    trace = run(network, features, keep=True)
    for raster, spikes, membranes, unit in zip(
        run_chip(network, chip, features), trace.spikes, trace.membranes, [1.0, *(c.unit for c in chip)], strict=True
    ):
        np.testing.assert_array_equal(raster.spikes, spikes)
        np.testing.assert_array_equal(raster.membranes / unit, membranes)


def test_mapping_by_hand() -> None:
    # 1 × 4 × 5 neurons on the host; a 3 × 3 kernel with stride 2 and padding 1 on 4 × 5: 2 × 3 places. Rows use
    # 2 + 3 of the kernel's rows, columns 2 + 3 + 2: 5 · 7 connections for each of two channels; then 12 → 2, dense.
    first = Layer(
        name="first",
        kind="conv",
        weight=np.ones((1, 1, 1, 1), np.int8),
        bias=np.zeros(1, np.int32),
        threshold=np.ones(1, np.int32),
        beta_256=np.array([128], np.int32),
        reset="zero",
    )
    second = replace(
        first,
        name="second",
        weight=np.ones((2, 1, 3, 3), np.int8),
        bias=np.zeros(2, np.int32),
        threshold=np.ones(2, np.int32),
        stride=(2, 2),
        padding=(1, 1),
    )
    output = dense([[1] * 12, [1, 0] * 6], 1)
    mapping = map_network(IntegerNetwork((first, second, output), 2, (4, 5)))
    assert (mapping.host_neurons, mapping.neurons, mapping.synapses) == (20, 12 + 2, 2 * 35 + 12 + 6)
    assert [layer.bits for layer in mapping.layers] == [70 * 8 + 12 * 48, 18 * 8 + 2 * 48]
    assert (mapping.cores("Loihi"), mapping.cores("Loihi 2")) == (2, 2)
    assert mapping.lines()[-1].startswith("Loihi 2: 2 of 128 cores, fits")
    assert count_synapses(replace(output, pool="global_sum", weight=np.ones((2, 4), np.int8)), (2, 2, 3)) == 2 * 12


def test_closed_and_wrong_features_are_refused() -> None:
    model, vectors = conformance.shipped()
    backend = create(model, "loihi")
    assert isinstance(backend, LoihiBackend)
    with pytest.raises(BackendError, match="features must be uint8"):
        backend.infer(vectors.features[:, :, :-1])
    backend.infer(vectors.features[:2])
    assert backend.health()["windows"] == 2.0
    assert backend.health()["chip_neurons"] == float(backend.mapping.neurons)
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.infer(vectors.features[:1])


def test_the_mapping_of_a_file_is_printed(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    portable = tmp_path / "portable.onnx"
    portable.write_bytes(conformance.shipped()[0].data)
    for file, code, text in (
        (portable, 0, "chip: third, 728 neurons, 45,590 synapses, 50.0 kB"),
        (tiny_model, 1, "Layer second max-pools its currents"),
        (tmp_path / "absent.onnx", 1, "cannot be read"),
    ):
        monkeypatch.setattr("sys.argv", ["loihi_mapping", str(file)])
        assert main() == code
        output = capsys.readouterr()
        assert text in output.out + output.err
