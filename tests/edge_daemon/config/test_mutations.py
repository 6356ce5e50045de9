"""Spoilt configurations through the real commands: whatever stands in the file, people read sentences, not tracebacks.

`test_config_bad` spoils the bytes and looks at the loader; here values are spoilt too, and what survives the loader is
checked as `config check` does, network and sound card aside.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_daemon.checks import run
from edge_daemon.checks.verdict import Verdict
from edge_daemon.cli import invoke
from edge_daemon.config import load
from edge_daemon.config.catalogue import entries, find
from edge_daemon.config.profile import PROFILES
from edge_daemon.config.template import template
from edge_daemon.errors import ConfigError

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 10**30, -0.0, 1e-320, 1e308, float("nan"), float("inf"), "", " ", "0", "on", "nan",
    "x" * 5000, "../..", "/dev/null", "/proc/1/x", "a\0b", "ü🐋", "${ENV:NO_SUCH}", "${FILE:/no}", "${", "!!binary x",
    [], [1], [[[]]], {}, {"a": 1}, {"": None}, "2026-01-01", "12:30", "1_000", "0x10", "\n", "\ud7ff", "-", "~",
)  # fmt: skip


def plausible(path: tuple[str, ...], rng: random.Random) -> Any:
    """A value of the kind that the key wants: in its range if it is a number, any text if it is one."""
    entry = find(path)
    if entry is None or entry.section is not None:
        return {}
    low, _, high = entry.limits
    if low is not None or high is not None:
        value = rng.uniform(0 if low is None else low, 1e6 if high is None else high)
        return round(value) if "int" in str(entry.field.annotation) else value
    if "bool" in str(entry.field.annotation):
        return rng.random() < 0.5
    return rng.choice([value for value in VALUES if isinstance(value, str)])


def spoilt(rng: random.Random, sections: Collection[str] = ()) -> str:
    """A profile's file in which up to three keys (of these sections) have another value, some of them another name."""
    document = yaml.safe_load(template(PROFILES[rng.choice(sorted(PROFILES))]))
    document = {key: value if value is not None else {} for key, value in document.items()}
    keys = [entry.path for entry in entries() if not sections or entry.path[0] in sections]
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(keys)
        if rng.random() < 0.1:
            path = (*path[:-1], path[-1] + rng.choice(["s", "_", "é", " "]))
        target = document
        for name in path[:-1]:
            if not isinstance(target.get(name), dict):
                target[name] = {}
            target = target[name]
        target[path[-1]] = plausible(path, rng) if rng.random() < 0.7 else rng.choice(VALUES)
    return yaml.safe_dump(document, allow_unicode=rng.random() < 0.5, default_flow_style=rng.random() < 0.3)


@pytest.fixture
def harmless_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [check for check in run.checks({}) if check.name in ("model", "folders", "clock")]
    monkeypatch.setattr(run, "checks", lambda _environment: kept)


@pytest.mark.slow
def test_two_hundred_spoilt_files_never_give_a_traceback(
    tmp_path: Path, harmless_checks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(20)
    file = tmp_path / "c.yaml"
    codes = []
    for _ in range(200):
        file.write_text(spoilt(rng), encoding="utf-8", errors="surrogatepass")
        content = file.read_text(encoding="utf-8", errors="replace")
        code = invoke(["config", "check", "--json", str(file)])  # an exception would end the test
        told = capsys.readouterr()
        document = json.loads(told.out)
        assert told.err == "", content
        assert code in (0, 1, 2), content
        assert document["good"] == (code == 0)
        if code == 2:
            assert document["problems"], content
            assert all(problem["text"] and problem["line"] for problem in document["problems"]), content
        if code == 1:
            assert any(verdict["state"] == "failed" and verdict["hint"] for verdict in document["verdicts"]), document
        codes.append(code)
    assert codes.count(2) > 50
    assert codes.count(0) + codes.count(1) > 30


def test_show_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(21)
    file = tmp_path / "c.yaml"
    for _ in range(60):
        file.write_text(spoilt(rng), encoding="utf-8", errors="surrogatepass")
        code = invoke(["config", "show", str(file)])
        told = capsys.readouterr()
        assert code in (0, 2)
        assert bool(told.out) == (code == 0)
        assert told.err.startswith("edge-daemon: ") == (code == 2)
        assert "Traceback" not in told.err


@pytest.mark.slow
def test_what_the_start_refuses_is_what_the_check_reports(tmp_path: Path) -> None:
    """Whatever stands in a file that loads: no refusal without a failed verdict of the same words, and vice versa."""
    rng = random.Random(22)
    file = tmp_path / "c.yaml"
    at_start = [
        run.Check(check.name, check.at_start, lambda _config: Verdict("", "ok", ""))
        for check in run.checks({})
        if check.at_start is not None
    ]
    refused = passed = 0
    for _ in range(250):
        file.write_text(
            spoilt(rng, ("model", "detection", "backend", "storage")), encoding="utf-8", errors="surrogatepass"
        )
        try:
            loaded = load(file, {})
        except ConfigError:
            continue
        failed = [verdict for verdict in run.checkup(loaded.config, at_start) if verdict.state == "failed"]
        if not failed:
            passed += 1
            run.check_start(loaded, {})
            continue
        refused += 1
        with pytest.raises(ConfigError) as caught:
            run.check_start(loaded, {})
        assert str(caught.value).endswith(f" {failed[0].text} {failed[0].hint}".rstrip())
    assert refused > 20
    assert passed > 20
