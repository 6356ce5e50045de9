"""How numbers and names are written into cells."""

from __future__ import annotations

from edge_daemon.system.printable import spreadsheet_cell


def seconds_text(samples: int, rate: int) -> str:
    """Seconds with enough digits to be exact, or to tell samples apart where no decimal fraction is.

    Args:
        samples: count of samples, ≥ 0.
        rate: samples per second.

    Returns:
        Six digits after the point (2 kHz: 4 would do), or nine for rates that do not divide a million.
    """
    digits = 6 if 10**6 % rate == 0 else 9
    scaled = (samples * 10**digits * 2 + rate) // (2 * rate)  # integers: no float is exact after a year of sound
    whole, fraction = divmod(scaled, 10**digits)
    return f"{whole}.{fraction:0{digits}d}"


def plain(text: str) -> str:
    """Text that fits a tab-separated cell: tabs and line ends become spaces, bytes that are no UTF-8 become signs.

    A quote at its begin becomes another one: readers would take all that follows, over line ends, for one cell.
    """
    valid = text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    one_line = " ".join(valid.replace("\t", " ").splitlines())
    return spreadsheet_cell(f"'{one_line[1:]}" if one_line.startswith('"') else one_line)
