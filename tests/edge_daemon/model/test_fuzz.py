"""200 damaged model files: each is refused with a sentence, or runs; never a traceback, a crash, a hang."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILES = 200
LIMIT_S = 100
MEMORY_BYTES = 4 << 30

CHILD = """
import json, resource, sys
import numpy as np
from edge_daemon.backends import create
from edge_daemon.model.model_file import ModelFile
from edge_daemon.errors import EdgeDaemonError
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
good = open(sys.argv[1], "rb").read()
rng = np.random.default_rng(11)
features = rng.integers(0, 256, (2, 50, 101)).astype(np.uint8)
outcomes = {{"ran": 0, "refused": 0}}
for number in range({files}):
    data = bytearray(good)
    kind = number % 4
    for _ in range(int(rng.integers(1, 30))):
        place = int(rng.integers(0, len(data)))
        if kind == 0:
            data[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[place] = int(rng.integers(0, 256))
        elif kind == 2:
            del data[place : place + int(rng.integers(1, 50))]
        else:
            data[place:place] = rng.bytes(int(rng.integers(1, 50)))
    try:
        backend = create(ModelFile.from_bytes(bytes(data)))
        found = backend.infer(features)
        assert found.score.shape == (2,)
        outcomes["ran"] += 1
    except EdgeDaemonError as error:
        assert error.message
        outcomes["refused"] += 1
print(json.dumps(outcomes))
"""


@pytest.mark.slow
def test_damaged_model_files(tiny_model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(files=FILES, memory=MEMORY_BYTES), str(tiny_model)],
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("{"), done.stdout[:500]
    outcomes = json.loads(done.stdout)
    assert sum(outcomes.values()) == FILES
    assert outcomes["refused"] > FILES / 2
