"""Errors: what they say, which key they blame, and that they cross process boundaries whole."""

from __future__ import annotations

import pickle

import pytest

from edge_daemon.audio.capture.device import DeviceSettingsError
from edge_daemon.errors import AudioError, ConfigValueError, EdgeDaemonError, ModelError, about


def test_a_value_that_cannot_be_used_is_a_sentence_about_its_key() -> None:
    error = ConfigValueError("detection.hop_s", "is 3 s, longer than the model's windows of 2 s", "Choose 2 s or less.")
    assert error.message == "detection.hop_s is 3 s, longer than the model's windows of 2 s."
    assert str(error) == f"{error.message} Choose 2 s or less."
    assert (error.key, error.exit_code) == ("detection.hop_s", 2)


def test_an_error_without_a_key_is_about_the_one_that_was_looked_at() -> None:
    with pytest.raises(ConfigValueError) as caught, about("model.path"):
        raise ModelError("M.onnx is empty.", "Copy it again.")
    assert caught.value.key == "model.path"
    assert str(caught.value) == "model.path cannot be used: M.onnx is empty. Copy it again."


def test_an_error_keeps_the_key_that_it_knows() -> None:
    with pytest.raises(DeviceSettingsError) as caught, about("audio.device"):
        raise DeviceSettingsError("audio.rate", "'USB' can't sample at 7 Hz.", "Set audio.rate.")
    assert caught.value.key == "audio.rate"
    assert caught.value.message == "'USB' can't sample at 7 Hz."


@pytest.mark.parametrize(
    "error",
    [
        AudioError("No sound.", "Check the cable."),
        ConfigValueError("audio.pipe", "names /p, which is not a named pipe", "Make one: mkfifo /p"),
        DeviceSettingsError("audio.rate", "'USB' can't sample at 7 Hz.", "Set audio.rate."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_process_boundaries_whole(error: EdgeDaemonError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert (again.key, again.predicate) == (error.key, error.predicate)
