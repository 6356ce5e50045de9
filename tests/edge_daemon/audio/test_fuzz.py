"""500 damaged sound files: each ends in a clean error or in a result, in bounded time and memory.

Decoding runs in a child process with a memory limit and a time-out, so that a crash of the decoder's C code fails this
test instead of ending it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

FILES_PER_KIND = 50
KINDS = [
    ("WAV", "PCM_16", 1),
    ("WAV", "PCM_24", 2),
    ("WAV", "FLOAT", 1),
    ("WAV", "MS_ADPCM", 1),
    ("RF64", "PCM_16", 1),
    ("W64", "PCM_24", 1),
    ("AIFF", "PCM_16", 2),
    ("AIFF", "FLOAT", 1),
    ("FLAC", "PCM_16", 1),
    ("OGG", "VORBIS", 1),
]
# What a replay does with a file up to the windows, for every file named on standard input.
CHILD = """
import json, resource, sys
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.detection.windower import Window, Windower
from edge_daemon.errors import AudioError
import numpy as np

room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for path in sys.stdin.read().splitlines():
    try:
        with FileSource(path) as source:
            resampler, windower = Resampler(source.rate, 2000), Windower(4000, 1000, pad_short=True)
            windows = sound = lost = 0
            item = source.read()
            while item is not None:
                sound += item.end - item.start if isinstance(item, Block) else 0
                lost += item.length if isinstance(item, Gap) else 0
                for part in resampler.push(item):
                    for made in windower.push(part):
                        windows += isinstance(made, Window)
                        assert not isinstance(made, Window) or np.isfinite(made.samples).all()
                item = source.read()
            for part in resampler.finish():
                windows += sum(isinstance(made, Window) for made in windower.push(part))
            windows += sum(isinstance(made, Window) for made in windower.finish())
            assert sound + lost == source.frames, (sound, lost, source.frames)
            print(json.dumps([path, "result", windows]), flush=True)
    except AudioError as error:
        assert error.message and error.hint
        print(json.dumps([path, "error", str(error)]), flush=True)
"""


def damaged(content: bytes, rng: random.Random) -> bytes:
    """One to six faults: flipped bits, overwritten, inserted or missing bytes, mostly near the headers."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        near_header = rng.random() < 0.7
        at = rng.randrange(min(len(data), 120) if near_header else len(data)) if data else 0
        fault = rng.choice(["flip", "extreme", "insert", "remove", "cut"])
        if fault == "flip" and data:
            data[at] ^= 1 << rng.randrange(8)
        elif fault == "extreme":
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"])
        elif fault == "insert":
            data[at:at] = rng.randbytes(rng.randint(1, 40))
        elif fault == "remove":
            del data[at : at + rng.randint(1, 40)]
        elif fault == "cut" and rng.random() < 0.3:
            del data[rng.randrange(len(data) + 1) :]
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def test_damaged_files_end_in_an_error_or_a_result(tmp_path: Path, kind: tuple[str, str, int]) -> None:
    container, width, channels = kind
    rng = random.Random(f"{container} {width}")
    noise = np.random.default_rng(8).standard_normal((9000, channels)).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "good", noise, 2000, format=container, subtype=width)
    good = (tmp_path / "good").read_bytes()
    paths = [tmp_path / "good"]
    for number in range(FILES_PER_KIND):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(damaged(good, rng))
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    outcomes = [json.loads(line) for line in child.stdout.splitlines()]
    done = len(outcomes)
    assert child.returncode == 0, f"{paths[done] if done < len(paths) else '?'}: {child.stderr[-2000:]}"
    assert "Traceback" not in child.stderr
    assert done == len(paths)
    assert outcomes[0][1:] == ["result", 6]  # (9000 − 4000) // 1000 + 1
    assert any(outcome[1] == "error" for outcome in outcomes)
    assert any(outcome[1] == "result" for outcome in outcomes[1:])
