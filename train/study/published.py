"""What the study prints (2025, all 30,000 clips of the challenge); its single cells are in the paper only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StudyFigure:
    """A range of median AUCs that the study prints.

    Attributes:
        what: it is of.
        least: lower end of its range.
        greatest: upper end.
        time_steps: least and greatest number of time steps of the cells whose range it is.
    """

    what: str
    least: float
    greatest: float
    time_steps: tuple[int, int]

    def covers(self, time_steps: object) -> bool:
        """Whether a cell with so many time steps is one of them."""
        least, greatest = self.time_steps
        return isinstance(time_steps, int) and least <= time_steps <= greatest

    def disagreement(self, auc: float) -> float:
        """How far an AUC lies outside the range: above it positive, below it negative, inside 0."""
        return max(auc - self.greatest, 0.0) + min(auc - self.least, 0.0)


STUDY = {
    "mlp1d": (StudyFigure("1-D input, every cell", 0.712, 0.759, (1, 50)),),
    "mlp2d": (
        StudyFigure("2-D input, one time step", 0.50, 0.74, (1, 1)),
        StudyFigure("2-D input, 10 time steps or more", 0.92, 0.927, (10, 50)),
    ),
}
"""By network."""


def figure_of(network: str, time_steps: object) -> StudyFigure | None:
    """The study's figure that a cell of a network's table belongs to; None where there is none."""
    return next((figure for figure in STUDY.get(network, ()) if figure.covers(time_steps)), None)
