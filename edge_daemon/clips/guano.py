"""GUANO: what a recording is, as text inside the recording.

GUANO ("Grand Unified Acoustic Notation Ontology", version 1.0, https://guano-md.org) is the metadata format that bat
recorders agreed on: UTF-8 lines `key: value`, `GUANO|Version` first, makers' own keys behind a namespace and a bar.
In a WAV file it is the sub-chunk `guan`. The specification invites other formats to follow; in FLAC the same text
is the Vorbis comment COMMENT, so a clip of either format is one file that explains itself.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

VERSION = "1.0"


def encode(fields: Mapping[str, str]) -> str:
    """The text of these fields, the version first.

    Args:
        fields: values by key, such as "Timestamp", "Loc Position" or "EdgeDaemon|Score"; line breaks in a value become
            the two characters `\\n`, as the specification has it for texts of several lines.

    Raises:
        ValueError: a key is empty or holds a colon or a line break.
    """
    lines = [f"GUANO|Version: {VERSION}"]
    for key, value in fields.items():
        if not key.strip() or ":" in key or "\n" in key:
            raise ValueError(f"{key!r} cannot be a key of GUANO metadata")
        lines.append(f"{key}: " + "\\n".join(str(value).splitlines()).strip())
    return "\n".join(lines) + "\n"


def parse(text: str) -> dict[str, str]:
    """Values by key; lines without a colon are passed over, and `\\n` stays as it is written."""
    fields = {}
    for line in text.split("\n"):
        key, colon, value = line.partition(":")
        if colon:
            fields[key.strip(" \t\r\0")] = value.strip(" \t\r\0")
    return fields


def attach_to_wav(wav: bytes, text: str) -> bytes:
    """A RIFF WAVE file with the text as its last sub-chunk, padded with a space to an even length.

    Raises:
        ValueError: the bytes are not a RIFF WAVE file.
    """
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise ValueError("not a RIFF WAVE file")
    body = wav[8:] + b"\0" * (len(wav) % 2)
    metadata = text.encode()
    metadata += b" " * (len(metadata) % 2)
    body += b"guan" + struct.pack("<I", len(metadata)) + metadata
    return b"RIFF" + struct.pack("<I", len(body)) + body


def from_wav(wav: bytes) -> dict[str, str]:
    """The fields in a RIFF WAVE file's `guan` sub-chunk; empty if it has none."""
    position = 12
    while position + 8 <= len(wav):
        name, length = wav[position : position + 4], struct.unpack_from("<I", wav, position + 4)[0]
        if name == b"guan":
            return parse(wav[position + 8 : position + 8 + length].decode(errors="replace"))
        position += 8 + length + length % 2
    return {}


def read(path: Path) -> dict[str, str]:
    """The GUANO fields of a WAV or FLAC file; empty if it has none.

    Raises:
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    if content[:4] == b"RIFF":
        return from_wav(content)
    import io

    import soundfile

    with soundfile.SoundFile(io.BytesIO(content)) as file:
        comment = str(file.comment)
    return parse(comment) if comment.startswith("GUANO|Version") else {}
