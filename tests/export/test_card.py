"""The card of the model inside the package: the one that the project shows is the one that the file gives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edge_daemon.model.model_file import ModelFile, default_model_path
from export.card import markdown

CARD = Path(__file__).resolve().parents[2] / "docs/right_whale.md"


@pytest.fixture(scope="module")
def shipped() -> ModelFile:
    """The model inside the package."""
    return ModelFile.read(default_model_path())


def test_the_shown_card_is_the_files(shipped: ModelFile) -> None:
    assert CARD.read_text(encoding="utf-8") == markdown(shipped, CARD.with_suffix(".png").name), (
        "python -m export card edge_daemon/assets/right_whale.onnx --output docs/right_whale.md"
    )
    assert CARD.with_suffix(".png").is_file()


def test_its_commands_are_the_files_to_the_word(shipped: ModelFile) -> None:
    found = re.search(r"```sh\n(.*?)```", CARD.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    commands = found[1].replace("\\\n", " ").splitlines()
    told = shipped.metadata.provenance.command.split(" && ")
    assert len(told) == 6  # fit, calibrate, export, remake three times
    assert [shlex.split(command) for command in commands] == [shlex.split(command) for command in told]
