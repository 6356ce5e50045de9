"""A clip as a file: 24-bit FLAC or WAV with GUANO metadata inside."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from edge_daemon import __version__
from edge_daemon.clips import guano
from edge_daemon.clips.clip import Clip
from edge_daemon.clock.utc import moment
from edge_daemon.position.position import Position


def guano_fields(clip: Clip) -> dict[str, str]:
    """The clip's GUANO metadata; fields that the specification does not know are under EdgeDaemon."""
    request, rate = clip.request, clip.rate
    at = moment(clip.begin_utc_ns)
    event_s = [(sample - clip.begin) / rate for sample in (request.begin, request.end)]
    fields = {
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "Samplerate": str(rate),
        "Length": f"{len(clip.samples) / rate:.6f}",
        "Serial": request.device,
        "Model": request.source,
        "Firmware Version": f"edge-daemon {__version__}",
        **_location(request.position),
        "Species Auto ID": request.label,
        "Original Filename": clip.name,
        "EdgeDaemon|Detection": request.id,
        "EdgeDaemon|Score": f"{request.score:.6f}",
        "EdgeDaemon|Event": f"{event_s[0]:.6f} {event_s[1]:.6f}",
        "EdgeDaemon|Clock": request.clock,
        "EdgeDaemon|Model": request.model,
        "EdgeDaemon|Gaps": ", ".join(f"{g.start / rate:.6f} {g.end / rate:.6f} {g.cause}" for g in clip.gaps),
    }
    return {key: value for key, value in fields.items() if value}


def _location(position: Position | None) -> dict[str, str]:
    if position is None:
        return {}
    fix = position.fix
    return {
        "Loc Position": f"{position.latitude:.6f} {position.longitude:.6f}",
        "Loc Accuracy": "" if fix is None or fix.accuracy_m is None else f"{fix.accuracy_m:.1f}",
        "EdgeDaemon|Fix": "" if fix is None else f"{fix.type} {fix.age_s:.1f} s",
    }


def encode_clip(clip: Clip) -> bytes:
    """The file of a clip, in the format of its name: 24 bit, mono, GUANO metadata inside.

    24 bit, because a quiet sea uses only the lowest bits of 16, and lossless packing does not pay for empty ones.
    """
    import soundfile

    text = guano.encode(guano_fields(clip))
    file_format = "WAV" if clip.name.endswith(".wav") else "FLAC"
    buffer = BytesIO()
    with soundfile.SoundFile(buffer, "w", clip.rate, 1, "PCM_24", format=file_format) as file:
        if file_format == "FLAC":
            file.comment = text
            file.date = guano_fields(clip)["Timestamp"]
            file.artist = clip.request.device
        # libsndfile would cut off where FLAC rounds; the same clip is to be the same samples in either
        steps = np.clip(np.rint(clip.samples * np.float64(2**23)), -(2**23), 2**23 - 1).astype(np.int32)
        # not `write`, which asks the array for its interface, names that Python interns (see `clips.files`)
        file.buffer_write((steps << 8).tobytes(), "int32")
    return guano.attach_to_wav(buffer.getvalue(), text) if file_format == "WAV" else buffer.getvalue()
