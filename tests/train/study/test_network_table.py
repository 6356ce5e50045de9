from pathlib import Path

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from train.study.judged import read_judged
from train.study.network_table import network_table

RESULTS = Path(__file__).resolve().parents[3] / "train/results/right_whale_logmel"


def test_the_committed_margins_give_the_committed_aucs() -> None:
    lines = network_table(RESULTS, "random", ("conv", "template"))
    assert len(lines) == 2 + 2
    assert lines[2].startswith("| `conv` | 35,527 | 0.9745 | 0.9735 | +0.0010")
    assert "| < 0.01 |" in lines[3], "a matched filter is behind"


def test_other_clips_are_refused(tmp_path: Path) -> None:
    for name, place in (("a", [3, 1]), ("b", [1, 3]), ("c", [1, 2])):
        label = [int(p == 1) for p in place]
        np.savez(tmp_path / f"{name}.npz", place=place, label=label, margin=np.array(place, np.float32))
    assert read_judged(tmp_path / "a.npz", tmp_path / "b.npz").second.tolist() == [1, 3], "matched by clip, not by row"
    with pytest.raises(UsageError, match="other clips"):
        read_judged(tmp_path / "a.npz", tmp_path / "c.npz")
    with pytest.raises(UsageError, match="cannot be read"):
        read_judged(tmp_path / "a.npz", tmp_path / "d.npz")
