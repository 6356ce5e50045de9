"""The picture of recall over false events an hour: nothing of a good model is covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_daemon.detection.event_rules import EventRules
from train.evaluation import chart
from train.evaluation.figures import Figures
from train.evaluation.interval import Estimate
from train.evaluation.model_result import FrontPoint, ModelResult, RulesResult


def result(label: str, recall: float) -> Any:
    """A model whose curve rises early."""
    found = Estimate(int(100 * recall), 100, recall, (recall - 0.05, min(recall + 0.05, 1.0)))
    figures = Figures(found, found, {"calls": Estimate(1, 1.0, 0.1, (0.05, 0.6))}, (), ())
    points = tuple(FrontPoint(rate, Estimate(1, 1, share, (share - 0.05, min(share + 0.05, 1.0))), EventRules())
                   for rate, share in ((0.0, recall - 0.1), (0.1, recall), (1.0, recall + 0.03)))  # fmt: skip
    own = RulesResult("operating point", None, None, {"all": figures})  # type: ignore[arg-type]
    fronts = {"all": {"calls": points, "every kind": points}}
    return ModelResult(label, None, (), (own,), fronts)  # type: ignore[arg-type]


@pytest.mark.parametrize("models", [1, 5])
def test_the_legend_covers_nothing(models: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    save = chart.save_figure
    monkeypatch.setattr(chart, "save_figure", lambda figure, path: (drawn.append(figure), save(figure, path)))
    names = ["right_whale", "right_whale_portable", "conv", "cnn", "at_sea-conv_second_output"]
    chart.draw_chart([result(name, 0.95 - 0.05 * at) for at, name in enumerate(names[:models])], tmp_path / "c.png")
    [figure] = drawn
    [legend], [axis] = figure.legends, figure.axes
    box, picture = legend.get_window_extent(), figure.bbox
    assert len(legend.get_texts()) == 2 * models + 1
    assert not box.overlaps(axis.get_tightbbox())
    assert picture.x0 <= box.x0 < box.x1 <= picture.x1
    assert picture.y0 <= box.y0
    assert axis.get_window_extent().height > 300, "the axes keep their size"
