"""Secrets are kept out of texts, whichever way they come."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.cli import invoke
from edge_daemon.config import ConfigFileError, load_text
from edge_daemon.errors import BackendError, ConfigValueError, EdgeDaemonError
from edge_daemon.system import journal
from edge_daemon.system.redaction import Redaction

SECRET = "north-atlantic-47"  # noqa: S105 - for a user name


def test_a_secret_goes_and_longer_words_stay() -> None:
    redact = Redaction(["buoy", "a b", ""])
    assert redact("user buoy, buoys, 'buoy' a b") == "user (secret), buoys, '(secret)' (secret)"
    assert Redaction()("user buoy") == "user buoy"


@given(st.text("abc 12-", min_size=1), st.text("abc 12-"), st.text("abc 12-"))
def test_no_secret_is_left_between_blanks(secret: str, before: str, after: str) -> None:
    if secret.strip():
        assert f" {secret} " not in Redaction([secret])(f"{before} {secret} {after}")


def test_the_longer_of_two_secrets_goes_whole() -> None:
    assert Redaction(["buoy", "buoy-7"])("buoy-7 buoy") == "(secret) (secret)"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "user"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("key", ["username", "client_id", "prefix", "host"])
def test_the_journal_shows_no_secret_whichever_key_it_stands_for(
    secret_file: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_text(f'version: 1\nmqtt: {{{key}: "${{FILE:{secret_file}}}"}}\n'.encode(), {})
    assert getattr(loaded.config.mqtt, key) == SECRET
    assert SECRET not in repr(loaded.redact)
    monkeypatch.setattr(journal, "_redaction", Redaction())
    stream = io.StringIO()
    journal.set_up("info", stream, {})
    journal.hide(loaded.redact)
    log = logging.getLogger("edge_daemon.test")
    log.info(f"hello {SECRET}", extra={"old": SECRET, "reason": f"no {SECRET} here"})
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count("(secret)") == 4


@pytest.mark.parametrize(
    "error", [ConfigValueError("mqtt.username", f"is {SECRET}", SECRET), BackendError(SECRET, SECRET)]
)
def test_errors_after_loading_show_no_secret(secret_file: Path, error: EdgeDaemonError) -> None:
    loaded = load_text(f'version: 1\nmqtt: {{username: "${{FILE:{secret_file}}}"}}\n'.encode(), {})
    with pytest.raises((ConfigFileError, EdgeDaemonError)) as caught, loaded.locating_errors():
        raise error
    assert SECRET not in f"{caught.value} {caught.value.message} {caught.value.hint}"


def test_config_check_shows_no_secret(secret_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        f'version: 1\nmqtt: {{host: "${{FILE:{secret_file}}}", port: 1}}\n'
        f"audio: {{source: pipe, rate: 8000}}\nstorage: {{folder: {tmp_path}}}\n"
    )
    invoke(["config", "check", str(file)])
    told = capsys.readouterr()
    assert "broker" in told.out
    assert "(secret)" in told.out
    assert SECRET not in told.out + told.err
