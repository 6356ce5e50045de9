"""`docs/study.md`: its tables, rendered from the result files between marks in the page.

A mark is `<!-- study: NAME ARGUMENTS -->`, the end `<!-- end -->`; what stands between is made, the rest is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from edge_daemon.errors import UsageError
from train.study.cell import read_cells
from train.study.cell_table import cell_tables
from train.study.gap import gap
from train.study.heat_map import draw
from train.study.network_table import network_table
from train.study.trial_table import trial_table
from train.sweep import Grid

HEAT_MAP = "heat_map.png"
MADE = re.compile(r"(<!-- study: (?P<what>[^>]*?) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def render(text: str, root: Path) -> str:
    """The page with what is between its marks made anew.

    Args:
        text: of the page, which lies in a folder below `root`.
        root: folder that the paths in its marks are below.

    Raises:
        UsageError: a mark that asks for something unknown.
    """

    def made(found: re.Match[str]) -> str:
        name, *arguments = found["what"].split()
        if name not in SECTIONS:
            raise UsageError(f"The page asks for {name!r}.", f"Known are {', '.join(SECTIONS)}.")
        return found[1] + "\n" + "\n".join(SECTIONS[name](root, *arguments)).strip("\n") + "\n\n"

    return MADE.sub(made, text)


def draw_maps(text: str, root: Path) -> list[Path]:
    """Draw the heat maps of all grids that the page shows, those with results; one colour scale.

    Returns:
        Pictures written, `HEAT_MAP` beside the results.
    """
    drawn = []
    for found in MADE.finditer(text):
        name, *arguments = found["what"].split()
        if name == "grid":
            grid, folder = Grid.read(root / arguments[0]), root / arguments[1]
            if cells := read_cells(grid, folder):
                drawn.append(draw(grid, cells, folder / HEAT_MAP))
    return drawn


def _grid(root: Path, grid: str, folder: str) -> list[str]:
    read = Grid.read(root / grid)
    lines = cell_tables(read, read_cells(read, root / folder))
    picture = Path(folder) / HEAT_MAP
    return [*lines, "", f"![Heat map of these medians](../{picture})"] if (root / picture).exists() else lines


def _trials(root: Path, grid: str, folder: str) -> list[str]:
    read = Grid.read(root / grid)
    return trial_table(read, read_cells(read, root / folder))


def _networks(root: Path, folder: str, split: str) -> list[str]:
    return network_table(root / folder, "blocked" if split == "blocked" else "random")


def _gap(root: Path, *places: str) -> list[str]:
    (first_grid, first, second_grid, second) = places
    return gap(
        read_cells(Grid.read(root / first_grid), root / first),
        root / first,
        read_cells(Grid.read(root / second_grid), root / second),
        root / second,
    )


SECTIONS: dict[str, Callable[..., list[str]]] = {
    "grid": _grid,
    "trials": _trials,
    "networks": _networks,
    "gap": _gap,
}
