"""Text files as people save tables: in several encodings, with several line ends."""

from __future__ import annotations

from pathlib import Path

from train.data.dataset import DataError


def read_text(path: Path, hint: str) -> str:
    """Text of a file, each line ended by a line feed.

    Args:
        path: the file.
        hint: what to do if it cannot be read.

    Raises:
        DataError: it cannot be read, or is in none of the encodings that `decoded` knows.
    """
    try:
        return decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint) from error


def decoded(raw: bytes) -> str:
    """UTF-16 with a byte-order mark, UTF-8 with or without one, else Windows' western code page; line feeds end lines.

    Raises:
        UnicodeDecodeError: none of them.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw[: len(raw) // 2 * 2].decode("utf-16")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252")
    return text.replace("\r\n", "\n").replace("\r", "\n")
