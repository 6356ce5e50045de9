"""The detector: opened in one way, refused in one way, and as many side by side as one likes."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.audio.source import Block, Gap
from edge_daemon.backends.guarded import GuardedBackend
from edge_daemon.config import Config, load_text
from edge_daemon.config.backend import BackendSection
from edge_daemon.config.detection import DetectionSection
from edge_daemon.detection.detector import Detector, DetectorSettings, open_detector, plan
from edge_daemon.detection.pipeline import Output, Pipeline
from edge_daemon.errors import BackendError, ConfigValueError, ModelError
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.shipped import shipped_models
from edge_daemon.position.position import Position

RATE = 2000
WINDOW_S = 2.0

# settings


def test_a_configuration_says_all_of_a_detector() -> None:
    text = b"""
version: 1
model: {path: other.onnx}
backend: {name: event, threads: 2}
detection: {hop_s: 0.25, threshold: 0.7, threshold_low: 0.2, min_windows: 3, merge_gap_s: 1.5, max_length_s: 30,
            refractory_s: 5, min_rise_hz: 25, context_s: 60}
"""
    config = load_text(text, {}, Path("/somewhere/config.yaml")).config
    assert DetectorSettings.from_config(config) == DetectorSettings(
        model=Path("/somewhere/other.onnx"),
        hop_s=0.25,
        threshold=0.7,
        threshold_low=0.2,
        min_windows=3,
        min_rise_hz=25.0,
        context_s=60.0,
        merge_gap_s=1.5,
        max_length_s=30.0,
        refractory_s=5.0,
        backend=BackendSection(name="event", threads=2),
    )


def test_what_a_configuration_leaves_open_is_the_default() -> None:
    assert DetectorSettings.from_config(Config()) == DetectorSettings(backend=BackendSection())
    assert DetectorSettings().model == default_model_path()
    assert DetectorSettings().hop_s == DetectionSection().hop_s


# what suits the model


@pytest.mark.parametrize(
    ("hop_s", "says"),
    [
        (
            0.33333,
            "which is not a whole number of samples at the model's 2000 Hz. The nearest possible hop is 0.3335 s.",
        ),
        (0.0, "less than a sample at the model's 2000 Hz. The nearest possible hop is 0.0005 s."),
        (-1.0, "less than a sample at the model's 2000 Hz. The nearest possible hop is 0.0005 s."),
        (
            2.1,
            "longer than the model's windows of 2 s."
            " Sound between windows would go unheard. The nearest possible hop is 2 s.",
        ),
    ],
)
def test_a_hop_that_cannot_be_is_refused_with_the_nearest_that_can(tiny_model: Path, hop_s: float, says: str) -> None:
    with pytest.raises(ConfigValueError) as caught:
        plan(DetectorSettings(tiny_model, hop_s))
    assert caught.value.key == "detection.hop_s"
    assert str(caught.value) == f"detection.hop_s is {hop_s:g} s, {says}"


HOPS = st.floats() | st.floats(-0.1, 2.1) | st.integers(1, 4000).map(lambda samples: samples / RATE)


@settings(max_examples=40)  # each reads the model
@given(HOPS)
def test_a_hop_is_a_whole_number_of_samples_or_refused(tiny_model: Path, hop_s: float) -> None:
    try:
        hop = plan(DetectorSettings(tiny_model, hop_s)).hop
    except ConfigValueError as error:
        nearest = re.search(r"The nearest possible hop is (\S+) s\.$", error.hint)
        assert nearest is not None
        hop = plan(DetectorSettings(tiny_model, float(nearest[1]))).hop  # what is offered can be had
        assert np.isnan(hop_s) or hop == round(min(max(hop_s * RATE, 1), WINDOW_S * RATE))
    else:
        assert hop == pytest.approx(hop_s * RATE, abs=1e-6)
    assert 1 <= hop <= WINDOW_S * RATE


def test_rules_that_cannot_be_are_refused_with_their_key(tiny_model: Path) -> None:
    for key, asked in {
        "detection.threshold_low": DetectorSettings(tiny_model, threshold_low=1.0),
        "detection.threshold": DetectorSettings(tiny_model, threshold=1.5),
        "detection.max_length_s": DetectorSettings(tiny_model, min_windows=100, max_length_s=2.0),
        "detection.min_windows": DetectorSettings(tiny_model, min_windows=1000),
    }.items():
        with pytest.raises(ConfigValueError) as caught:
            plan(asked)
        assert caught.value.key == key


def test_a_model_that_is_not_there_is_no_matter_of_keys(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        plan(DetectorSettings(tmp_path / "no.onnx"))


# opening


def test_a_backend_is_guarded_only_where_a_section_says_how(tiny_model: Path, without_kernel: Path) -> None:
    with closing(open_detector(DetectorSettings(tiny_model))) as plain:
        assert (plain.backend.name, plain.problem) == ("onnx", "")
        assert not isinstance(plain.backend, GuardedBackend)
    broken = BackendSection(name="nosuch", fallback="event")
    with closing(open_detector(DetectorSettings(tiny_model, backend=broken))) as guarded:
        assert guarded.backend.name == "event"
        assert "no backend named 'nosuch'" in guarded.problem
    with pytest.raises(BackendError):
        open_detector(DetectorSettings(tiny_model, backend=broken.model_copy(update={"fallback": None})))


def test_closing_gives_the_backend_back(tiny_model: Path) -> None:
    detector = open_detector(DetectorSettings(tiny_model, backend=BackendSection()))
    detector.close()
    with pytest.raises(BackendError, match="closed"):
        detector.backend.infer(np.zeros((1, *detector.model.metadata.frontend.shape), np.uint8))


def test_what_detections_of_a_stream_have_in_common(tiny_model: Path, without_kernel: Path) -> None:
    with closing(open_detector(DetectorSettings(tiny_model, threshold=0.7))) as detector:
        position = Position(latitude=42.0, longitude=-70.0)
        origin = detector.origin("buoy-7", "dive", file="dive.wav", channel=2, position=position)
    model = ModelFile.read(tiny_model)
    assert (origin.device, origin.stream, origin.file, origin.channel) == ("buoy-7", "dive", "dive.wav", 2)
    assert (origin.model.name, origin.model.digest) == (model.metadata.name, model.digest)
    assert (origin.label, origin.backend, origin.threshold, origin.rate) == (model.metadata.label, "onnx", 0.7, RATE)
    assert origin.position == position


# several on one sound


def sound() -> Iterator[Block | Gap]:
    """The sample inside the package in blocks of odd lengths, with a hole in the middle."""
    samples, rate = soundfile.read(str(resources.files("edge_daemon") / "assets" / "sample.flac"), dtype="float32")
    assert rate == RATE
    lost = Gap(41_000, 700, "overflow")
    edges = [*range(0, lost.start, 777), lost.start, *range(lost.end, len(samples), 1234), len(samples)]
    for begin, end in pairwise(edges):
        yield lost if begin == lost.start else Block(samples[begin:end], begin)


def alone(detector: Detector) -> list[Output]:
    pipeline = detector.pipeline(RATE)
    return [*map(pipeline.push, sound()), pipeline.finish()]


def told(outputs: list[Output]) -> list[object]:
    """Everything that became known, and when, the stream itself aside."""
    return [(output.windows, output.found, output.gaps) for output in outputs]


def test_two_detectors_on_one_sound_give_what_each_gives_alone() -> None:
    models = shipped_models()
    with ExitStack() as stack:
        detectors = [
            stack.enter_context(closing(open_detector(DetectorSettings(models[name], hop_s))))
            for name, hop_s in (("right_whale", 0.5), ("right_whale_portable", 0.25))
        ]
        expected = [told(alone(detector)) for detector in detectors]
        pipelines = [detector.pipeline(RATE) for detector in detectors]
        together: list[list[Output]] = [[] for _ in detectors]
        for item in sound():  # the same block is handed to one after the other
            for pipeline, outputs in zip(pipelines, together, strict=True):
                outputs.append(pipeline.push(item))
        for pipeline, outputs in zip(pipelines, together, strict=True):
            outputs.append(pipeline.finish())
    assert [told(outputs) for outputs in together] == expected
    counts = [sum(len(output.found) for output in outputs) for outputs in together]
    assert all(count >= 4 for count in counts)
    assert expected[0] != expected[1]


def test_a_detector_makes_as_many_pipelines_as_there_are_streams(tiny_model: Path) -> None:
    with closing(open_detector(DetectorSettings(tiny_model))) as detector:
        expected = told(alone(detector))
        pipelines: list[Pipeline] = [detector.pipeline(RATE) for _ in range(2)]
        late: list[Block | Gap] = []
        outputs: list[list[Output]] = [[], []]
        for item in sound():  # the second stream lags behind by three blocks
            outputs[0].append(pipelines[0].push(item))
            late.append(item)
            if len(late) > 3:
                outputs[1].append(pipelines[1].push(late.pop(0)))
        outputs[1] += [pipelines[1].push(item) for item in late]
        for pipeline, one in zip(pipelines, outputs, strict=True):
            one.append(pipeline.finish())
    assert told(outputs[0]) == told(outputs[1]) == expected
    assert any(output.windows for output in outputs[0])


def test_short_streams_are_scored_only_where_that_is_asked_for(tiny_model: Path) -> None:
    short = Block(np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32), 0)
    with closing(open_detector(DetectorSettings(tiny_model))) as detector:
        for pad_short in (False, True):
            pipeline = detector.pipeline(RATE, batch=4, pad_short=pad_short)
            pipeline.push(short)
            assert len(pipeline.finish().windows) == pad_short


def test_settings_cross_process_boundaries() -> None:
    asked = DetectorSettings.from_config(Config())
    assert pickle.loads(pickle.dumps(asked)) == asked  # noqa: S301 - our own bytes
