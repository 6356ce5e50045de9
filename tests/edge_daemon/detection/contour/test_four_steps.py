"""A picture in four steps is what the compact form writes shortest."""

from __future__ import annotations

from edge_daemon.detection.contour.picture import CallPicture
from edge_daemon.documents.compact.sequences import COARSE


def test_each_level_goes_to_a_step_near_it() -> None:
    fine = CallPicture(0, 1, 50.0, 15.6, bytes(range(16)), 4)
    steps = list(fine.in_four_steps().levels)
    assert steps == [0] * 5 + [6] * 3 + [9] * 3 + [13] * 5
    assert tuple(sorted(set(steps))) == COARSE
    assert fine.in_four_steps().in_four_steps() == fine.in_four_steps()
