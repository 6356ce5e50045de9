"""Secrets: what is handed over, and each reason for which none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.errors import ConfigValueError
from edge_daemon.system.credentials import MAX_BYTES, read_credential, read_secret


def secret(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "mqtt-password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(("content", "text"), [(b"s3cret\n", "s3cret"), (b" a b \r\n", " a b "), ("ü".encode(), "ü")])
def test_the_line_end_is_not_part_of_it(tmp_path: Path, content: bytes, text: str) -> None:
    path = secret(tmp_path, content)
    assert read_secret(path, "mqtt.password_file") == text
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_credential("mqtt-password", environment, "mqtt.password_credential") == text


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"", 0o600, "which is empty"),
        (b"\n", 0o600, "which is empty"),
        (b"s3cret", 0o604, "which every user of this machine can read"),
        (b"x" * (MAX_BYTES + 1), 0o600, "which is longer than 65536 bytes"),
        (b"\xff", 0o600, "which is not UTF-8 text"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes, mode: int, reason: str) -> None:
    path = secret(tmp_path, content, mode)
    with pytest.raises(ConfigValueError, match=reason) as caught:
        read_secret(path, "mqtt.password_file")
    assert caught.value.message.startswith(f"mqtt.password_file names {path}")
    with pytest.raises(ConfigValueError, match=reason):
        read_credential("mqtt-password", {"CREDENTIALS_DIRECTORY": str(tmp_path)}, "mqtt.password_credential")
