"""Opening a sound file: libsndfile knows its format, and the contents know the rest."""

from __future__ import annotations

from typing import Any, BinaryIO

from edge_daemon.audio.decoding.contents import OPENING_ERRORS, Contents
from edge_daemon.audio.decoding.plain import WIDTHS, PackedContents, PlainContents, with_true_sizes
from edge_daemon.audio.decoding.stretch import Sequential
from edge_daemon.errors import AudioError

_PACKED = {("PAF", "PCM_24"), ("SDS", "PCM_S8"), ("SDS", "PCM_16"), ("SDS", "PCM_24")}  # not one sample after the other


def open_contents(file: BinaryIO, name: str) -> Contents:
    """Look at a file.

    Args:
        file: open for reading, at its beginning.
        name: for errors.

    Raises:
        AudioError: it is no sound file that libsndfile knows.
    """
    try:
        # By descriptor, so that the content decides and not the name's extension.
        sound = Sequential(file.fileno(), closefd=False)
    except OPENING_ERRORS as error:
        sound = with_true_sizes(file) or _flac_without_notes(file)
        if sound is None:
            raise _refused(name, error) from None
    try:
        return _contents(file, sound)
    except BaseException:
        sound.close()
        raise


def _contents(file: BinaryIO, sound: Any) -> Contents:
    mpeg = sound.format in {"MP3", "MPEG"} or (sound.format != "WAV" and sound.subtype.startswith("MPEG"))
    if mpeg or sound.format in {"FLAC", "OGG"}:
        # not for a WAV file: a dozen patterns to compile before it is begun
        from edge_daemon.audio.decoding.framed import FlacContents, MpegContents, OggContents

        if mpeg:
            return MpegContents(file, sound)
        if sound.format == "OGG":
            return OggContents(file, sound)
        try:
            return FlacContents(file, sound)
        except ValueError:
            return PackedContents(file, sound)
    if sound.subtype in WIDTHS and (sound.format, sound.subtype) not in _PACKED:
        return PlainContents(file, sound)
    return PackedContents(file, sound)


def _flac_without_notes(file: BinaryIO) -> Any:
    from edge_daemon.audio.decoding.framed import flac_without_notes

    return flac_without_notes(file)


def _refused(name: str, error: Exception) -> AudioError:
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if "does not exist" in reason:  # what libsndfile says when nothing in it knows the contents
        reason = "unknown contents"
    return AudioError(
        f"'{name}' is not a sound file that edge-daemon can read ({reason}).",
        "Use WAV, RF64, WAVE64, AIFF, FLAC or Ogg; the file may be damaged.",
    )
