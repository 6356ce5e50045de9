"""Recall and false alarms on the card: with all that can be measured, and with the little of a hand-written file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.model.model_file import ModelFile
from export.card_continuous import continuous

pytest.importorskip("matplotlib")

MEASURED = {
    "data": "a night", "hours": 12.5, "calls": 1234, "counted": "Events touch calls.", "chosen": "Not looked at.",
    "figures": [
        {
            "rules": "operating point", "threshold": 0.7, "threshold_low": 0.4667, "min_windows": 2,
            "recall": 0.814, "recall_interval": [0.7, 0.9], "recall_one_to_one": 0.72,
            "false_alarms_per_hour": 11.04, "false_alarms_interval": [4, 20],
            "elsewhere": [
                {"kind": "song", "hours": 1.0, "false_alarms_per_hour": 0.0, "false_alarms_interval": [0, 3.69]},
            ],
            "by_snr": [
                {"high_db": 0, "calls": 400, "recall": 0.5, "recall_interval": [0.4, 0.6]},
                {"low_db": 0, "high_db": 5, "calls": 800, "recall": 0.9, "recall_interval": [0.85, 0.95]},
                {"low_db": 5, "calls": 34, "recall": 1.0},
            ],
        },
        {
            "rules": "≤ 1/h", "threshold": 0.9,
            "recall": 0.5, "false_alarms_per_hour": 1.0, "false_alarms_interval": [0, 2],
        },
    ],
    "front": [[0.0, 0.3, 0.2, 0.4], [1.0, 0.5, 0.4, 0.6], [30.0, 0.9, 0.85, 0.95]],
}  # fmt: skip


def test_everything_that_was_measured() -> None:
    assert continuous([MEASURED]) == [
        "## Continuous sound",
        "",
        "a night (12.5 h, 1,234 calls): Events touch calls. Not looked at.",
        "",
        "| rules | threshold, lower, windows, rise, context | recall | one to one | false alarms an hour | in song |",
        "| --- | --- | --- | --- | --- | --- |",
        "| operating point | 0.7, 0.467, 2 | 0.81 (0.70 to 0.90) | 0.72 | 11 (4 to 20) | 0 (0 to 3.7) |",
        "| ≤ 1/h | 0.9 | 0.50 |  | 1 (0 to 2) |  |",
        "",
        "Recall by signal-to-noise ratio of the call:",
        "",
        "| rules | below 0 dB, 400 calls | 0 to 5 dB, 800 calls | 5 dB and more, 34 calls |",
        "| --- | --- | --- | --- |",
        "| operating point | 0.50 (0.40 to 0.60) | 0.90 (0.85 to 0.95) | 1.00 |",
        "",
    ]


def test_a_short_file_says_what_it_has_and_that_few_events_are_rough() -> None:
    short = {"data": "a night", "hours": 9.9, "calls": 40, "figures": [{"recall": 0.5, "false_alarms_per_hour": 1.0}]}
    assert continuous([short])[2:] == [
        "a night (9.9 h, 40 calls).",
        "",
        "| rules | threshold, lower, windows, rise, context | recall | one to one | false alarms an hour |",
        "| --- | --- | --- | --- | --- |",
        "|  |  | 0.50 |  | 1 |",
        "",
        "Rates that rest on fewer than 10 false alarms in the hours listened to are rough.",
        "",
    ]
    assert "was not measured" in continuous(None)[2]


def test_the_picture_has_a_panel_more_where_recall_was_measured(tiny_model: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    from export.cardpicture import draw

    model = ModelFile.read(tiny_model)
    draw(model, tmp_path / "without.png")
    model.metadata = model.metadata.model_copy(update={"metrics": {"continuous": [MEASURED]}})
    draw(model, tmp_path / "with.png")
    assert imread(tmp_path / "without.png").shape[0] == 1100
    assert imread(tmp_path / "with.png").shape[0] == 1500
