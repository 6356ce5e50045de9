"""The cells of a thumbnail: two in a byte, in Base64."""

from __future__ import annotations

import base64


def picture_cells(text: str, rows: int) -> list[list[int]]:
    """Rows of cells, 0 … 15, in the order in which they are written.

    Raises:
        ValueError: the cells are no Base64, or do not fill the rows.
    """
    data = base64.b64decode(text, validate=True)
    cells = [half for byte in data for half in (byte >> 4, byte & 15)]
    columns = len(cells) // rows
    if columns < 1 or len(cells) - columns * rows > 1:
        raise ValueError(f"{len(cells)} cells do not fill {rows} rows")
    return [cells[row * columns : (row + 1) * columns] for row in range(rows)]
