"""GUANO text in WAV and FLAC, byte by byte and read back by the library's own reader."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clips import guano


def wav(samples: int = 5) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.linspace(-0.5, 0.5, samples), 2000, format="WAV", subtype="PCM_24")
    return buffer.getvalue()


def test_version_comes_first_and_lines_are_escaped() -> None:
    text = guano.encode({"Timestamp": "2009-03-29T12:15:03Z", "Note": "one\ntwo", "EdgeDaemon|Score": "0.9"})
    assert text == ("GUANO|Version: 1.0\nTimestamp: 2009-03-29T12:15:03Z\nNote: one\\ntwo\nEdgeDaemon|Score: 0.9\n")


@pytest.mark.parametrize("key", ["", " ", "a:b", "a\nb"])
def test_refuses_impossible_keys(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a key"):
        guano.encode({key: "x"})


def test_reads_the_specifications_own_example() -> None:
    text = "GUANO|Version:  1.0\n\nTimestamp:  2012-03-29T03:58:01+04:00\n\nSB|DiscrProb:  0.913\n  \0"
    assert guano.parse(text) == {
        "GUANO|Version": "1.0",
        "Timestamp": "2012-03-29T03:58:01+04:00",
        "SB|DiscrProb": "0.913",
    }


@pytest.mark.parametrize("samples", [4, 5])  # 5 samples of 24 bit make an odd chunk before ours
@pytest.mark.parametrize("text", ["GUANO|Version: 1.0\n", "GUANO|Version: 1.0\nNote: µ\n"])
def test_the_chunk_is_where_riff_wants_it_and_the_sound_is_untouched(samples: int, text: str) -> None:
    content = guano.attach_to_wav(wav(samples), text)
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert len(content) % 2 == 0
    position = content.index(b"guan")
    assert position % 2 == 0
    length = struct.unpack_from("<I", content, position + 4)[0]
    assert position + 8 + length == len(content)
    assert content[position + 8 :].decode().rstrip(" ") == text
    sound, rate = soundfile.read(io.BytesIO(content))
    assert rate == 2000
    np.testing.assert_array_equal(sound, soundfile.read(io.BytesIO(wav(samples)))[0])


def test_is_found_before_the_sound_as_well() -> None:
    plain = wav()
    body = plain[8:12] + b"guan" + struct.pack("<I", 20) + b"GUANO|Version: 1.0\n " + plain[12:]
    assert guano.from_wav(b"RIFF" + struct.pack("<I", len(body)) + body) == {"GUANO|Version": "1.0"}
    assert guano.from_wav(plain) == {}


def test_other_files_are_refused() -> None:
    with pytest.raises(ValueError, match="RIFF"):
        guano.attach_to_wav(b"fLaC and more", "")


_texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(st.dictionaries(_texts.filter(lambda key: ":" not in key and "GUANO" not in key), _texts, max_size=6))
def test_what_is_encoded_is_parsed(fields: dict[str, str]) -> None:
    text = guano.encode(fields)
    assert guano.parse(text) == {"GUANO|Version": "1.0", **fields}
    assert guano.from_wav(guano.attach_to_wav(wav(), text)) == guano.parse(text)


def test_reads_both_kinds_of_file(tmp_path: Path) -> None:
    text = guano.encode({"Note": "µ"})
    (tmp_path / "a.wav").write_bytes(guano.attach_to_wav(wav(), text))
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 2000, 1) as file:
        file.comment = text
        file.write(np.zeros(10))
    soundfile.write(tmp_path / "plain.flac", np.zeros(10), 2000)
    assert guano.read(tmp_path / "a.wav") == guano.read(tmp_path / "a.flac") == guano.parse(text)
    assert guano.read(tmp_path / "plain.flac") == {}
