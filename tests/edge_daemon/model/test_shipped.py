"""The models inside the package: found by name, whole, and named as their files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.cli import invoke
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.shipped import model_path, shipped_models


def test_names_and_paths() -> None:
    assert model_path("right_whale") == default_model_path()
    assert model_path("./right_whale") == Path("right_whale")  # pathlib drops the dot, the name has been looked at
    assert model_path("models/right_whale") == Path("models/right_whale")
    assert model_path(Path("/a/b.onnx")) == Path("/a/b.onnx")


def test_every_model_carries_the_name_that_it_goes_by() -> None:
    assert "right_whale" in shipped_models()
    for name, path in shipped_models().items():
        assert ModelFile.read(path).metadata.name == name


def test_the_command_line_takes_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["model", "info", "right_whale"]) == 0
    assert f"{default_model_path()}" in capsys.readouterr().out
    assert invoke(["model", "info", "right_wale"]) != 0
    assert "right_wale cannot be read" in capsys.readouterr().err
