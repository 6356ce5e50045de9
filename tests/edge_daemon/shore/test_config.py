"""The station's configuration: the daemon's conventions, places of mistakes, the commands around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.cli import invoke
from edge_daemon.config.problem import ConfigFileError
from edge_daemon.errors import ConfigError
from edge_daemon.shore.config_file import load_station, station_template
from edge_daemon.shore.settings import DatabaseSection, StationConfig


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "shore.yaml"
    path.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load_station(path, {})
    return caught.value.message.removeprefix(str(path))


def test_the_template_holds_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "shore.yaml"
    path.write_text(station_template())
    assert load_station(path, {}).config == StationConfig()
    assert "#port: 8765" in station_template()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("web:\n  prot: 1\n", ":2:3: web.prot is not a known key. Did you mean `port`?"),
        ("web:\n  port: 99999\n", ":2:9: web.port must be 0 to 65535, not 99999."),
        ("mqtt:\n  host: user:secret@host\n", ":2:9: mqtt.host must be only a host name or an address."),
        ("mqtt:\n  password_file: x\n", ":2:18: mqtt.password_file is given without username."),
        ("mqtt:\n  protocol: mqtt311\n  share: a\n", ":3:10: mqtt.share needs MQTT 5."),
        ("database:\n  url: mysql://x\n", ":2:8: database.url must begin with postgresql://."),
        ("web:\n  key_file: x\n", ":2:13: web.key_file is given without certificate_file."),
        ("alerts:\n  rules:\n    - calls: 2\n", ":3:7: alerts.rules[0].name is required."),
        ("alerts:\n  rules:\n    - name: a\n      to: [b]\n", "alerts.rules[0].to names 'b', which is no channel."),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(tmp_path, text)


def test_secrets_come_from_outside_and_stay_out_of_texts(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("s3cret\n")
    (tmp_path / "db").chmod(0o600)
    path = tmp_path / "shore.yaml"
    path.write_text("database:\n  url: postgresql://shore:${CREDENTIAL:db}@host/shore\n")
    loaded = load_station(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.config.database.address == "postgresql+psycopg://shore:s3cret@host/shore"
    assert "s3cret" not in loaded.redact(f"cannot reach {loaded.config.database.address}")


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shore.yaml"
    path.write_text("database:\n  file: shore.db\n")
    assert load_station(path, {}).config.database.file == tmp_path / "shore.db"
    assert DatabaseSection().file.is_absolute()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_station(tmp_path / "none.yaml", {})


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shore.yaml"
    assert invoke(["shore", "init", "--output", str(path)]) == 0
    assert invoke(["shore", "init", "--output", str(path)]) == 2
    path.write_text("database:\n  file: shore.db\nweb:\n  port: 0\n  public: true\nalerts:\n  rules:\n    - name: a\n")
    capsys.readouterr()
    assert invoke(["shore", "check", "--offline", "--config", str(path)]) == 0
    told = capsys.readouterr().out
    assert "ok       database" in told
    assert "WARNING  users" in told
    assert "WARNING  web.public" in told
    assert "WARNING  alerts.channels" in told
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("short\n"))
    put = ["shore", "user", "put", "ann", "--password-stdin", "--config", str(path)]
    assert invoke(put) == 2
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("long enough it is\n"))
    assert invoke(put) == 0
    assert invoke(["shore", "user", "list", "--config", str(path)]) == 0
    assert "judge  ann" in capsys.readouterr().out
    assert invoke(["shore", "user", "remove", "ann", "--config", str(path)]) == 0
    assert invoke(["shore", "user", "remove", "ann", "--config", str(path)]) == 2
    assert invoke(["shore", "migrate", "--to", "base", "--yes", "--config", str(path)]) == 0


def test_a_database_that_cannot_be_had_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shore.yaml"
    path.write_text("database:\n  file: nowhere/shore.db\nweb:\n  port: 0\n")
    assert invoke(["shore", "check", "--offline", "--config", str(path)]) == 1
    assert "FAILED   database: The database cannot be used: unable to open database file." in capsys.readouterr().out
