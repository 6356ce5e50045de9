"""What does not suit the model is refused in the same words, with key and place, whoever opens the detector."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.cli import invoke

COMMANDS = {
    "run": ["run", "{}"],
    "replay": ["replay", "--config", "{}"],
    "replay with a page": ["replay", "--config", "{}", "--html", "{}.html"],
    "bench": ["bench", "--config", "{}"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "place", "sentence", "hint"),
    [
        (
            "hop_s: 0.33333",
            "3:10: detection.hop_s",
            "is 0.33333 s, which is not a whole number of samples at the model's 2000 Hz.",
            "The nearest possible hop is 0.3335 s.",
        ),
        (
            "hop_s: 3",
            "3:10: detection.hop_s",
            "is 3 s, longer than the model's windows of 2 s.",
            "possible hop is 2 s.",
        ),
        ("threshold_low: 1.0", "3:18: detection.threshold_low", "is 1, above the model's threshold", "Lower it"),
        ("min_windows: 1000", "3:16: detection.min_windows", "cannot be used: An event of at least", "Raise"),
    ],
)
def test_every_command_says_the_same(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    text: str,
    place: str,
    sentence: str,
    hint: str,
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"version: 1\ndetection:\n  {text}\nstorage: {{folder: {tmp_path}/state}}\n")
    assert invoke([word.format(file) for word in COMMANDS[command]]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"edge-daemon: {file}:{place} {sentence}")
    assert hint in told
    assert not (tmp_path / "c.yaml.html").exists()
    assert invoke(["config", "check", str(file)]) == 1
    checked = capsys.readouterr().out
    assert f"FAILED   model    {place.split()[1]} {sentence}" in checked
    assert hint in checked


def test_an_option_that_goes_before_the_configuration_is_blamed_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\ndetection: {hop_s: 0.25, threshold_low: 0.4, threshold: 0.5}\n")
    assert invoke(["replay", "--config", str(file), "--hop", "0.33333"]) == 2
    assert capsys.readouterr().err.startswith("edge-daemon: --hop is 0.33333 s, which is not a whole number")
    # here the file's own value is in the way of the option
    assert invoke(["replay", "--config", str(file), "--threshold", "0.3"]) == 2
    assert f"{file}:2:41: detection.threshold_low is 0.4, above threshold (0.3)." in capsys.readouterr().err


def test_without_a_configuration_the_option_is_blamed(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--hop", "0.33333"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("edge-daemon: --hop is 0.33333 s, which is not a whole number")
    assert "The nearest possible hop is 0.3335 s." in told
