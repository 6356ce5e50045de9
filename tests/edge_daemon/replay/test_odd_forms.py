"""A recording whose header is unlike its neighbours' is said: nothing in the file itself contradicts a rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.replay.odd_forms import Form, odd_forms
from edge_daemon.replay.plan import plan_replay
from edge_daemon.replay.recording import Recording

SOUND = 0.01 * np.random.default_rng(3).standard_normal(4000)


def odd(*rates: int, recorder: str = "A") -> list[int]:
    recordings = [Recording(f"{n}.au", f"{n}.au", str(n), 0) for n in range(len(rates))]
    return list(odd_forms([(n, recorder, Form(rate, 1)) for n, rate in enumerate(rates)], recordings))


def test_one_among_several_is_odd() -> None:
    assert odd(2000, 2000, 4000, 2000) == [2]
    assert odd(2000, 2000, 2000) == []
    assert odd(2000, 4000) == [], "nobody knows which of two"
    assert odd(2000, 4000, 8000) == [], "nothing is usual"
    assert odd(*(2000, 2000, 64000) * 5) == [], "a recorder that takes turns"
    assert odd(*(2000,) * 38, 4000, 4000) == [38, 39], "two of forty"


def test_recorders_are_compared_with_themselves_only() -> None:
    recordings = [Recording(f"{n}.au", f"{n}.au", str(n), 0) for n in range(5)]
    forms = [(n, "A" if n < 3 else "B", Form(2000 if n < 3 else 96000, 1 + n // 4)) for n in range(5)]
    assert odd_forms(forms, recordings) == {}


@pytest.mark.parametrize("kind", ["AU", "CAF", "AIFF", "VOC", "WAV"])
@pytest.mark.parametrize("join", [True, False])
def test_a_rate_that_stands_once_is_compared(tmp_path: Path, kind: str, join: bool) -> None:
    given = []
    for number, rate in enumerate((2000, 4000, 2000, 2000)):  # no times in the names: a count is enough
        path = tmp_path / f"site{number}.{kind.lower()}"
        soundfile.write(path, SOUND, rate, "PCM_16", format=kind)
        given.append(Recording(str(path), path.name, path.stem, 0))
    plan = plan_replay(given, join=join)
    assert list(plan.odd) == [1]
    assert "4,000 Hz and 1 channel by its header, 3 others of its recorder have 2,000 Hz" in plan.odd[1].sentence
