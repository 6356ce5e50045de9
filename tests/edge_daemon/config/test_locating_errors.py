"""Errors from beyond the configuration file get the place of the key that they blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.audio.capture.device import DeviceSettingsError
from edge_daemon.config import ConfigFileError, load, load_text
from edge_daemon.errors import ConfigError, ConfigValueError, ModelError


def test_an_error_about_a_key_gets_its_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\ndetection:\n  hop_s: 3\n")
    loaded = load(file, {})
    with pytest.raises(ConfigFileError) as caught, loaded.locating_errors():
        raise ConfigValueError("detection.hop_s", "is 3 s, longer than a window", "Lower it.")
    assert str(caught.value) == f"{file}:3:10: detection.hop_s is 3 s, longer than a window. Lower it."
    with pytest.raises(ConfigFileError) as caught, loaded.locating_errors():
        raise DeviceSettingsError("detection.hop_s", "'USB' can't do that.", "Unplug it.")
    assert str(caught.value) == f"{file}:3:10: detection.hop_s cannot be used: 'USB' can't do that. Unplug it."


def test_an_error_about_a_key_that_the_file_does_not_give_has_no_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\n")
    with pytest.raises(ConfigError) as caught, load(file, {}).locating_errors():
        raise ConfigValueError("model.path", "names /m, which does not exist", "Copy it again.")
    assert str(caught.value) == f"{file}: model.path names /m, which does not exist. Copy it again."


def test_an_error_about_no_key_stays_what_it_is() -> None:
    error = ModelError("The model is damaged.", "Copy it again.")
    with pytest.raises(ModelError) as caught, load_text(b"version: 1\n", {}).locating_errors():
        raise error
    assert caught.value is error
