"""Configuration: defaults, origins, references, migrations, reload, example file."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Literal, get_args

import jsonschema
import pytest
import yaml
from pydantic import create_model

from edge_daemon.cli import invoke
from edge_daemon.config import Config, changes, json_schema, load, load_text, loading, merge_live
from edge_daemon.config.catalogue import entries
from edge_daemon.config.document import YamlDocument, scalar
from edge_daemon.config.migration import migrate
from edge_daemon.config.problem import ConfigFileError, Place
from edge_daemon.config.profile import PROFILES
from edge_daemon.config.root import CURRENT_VERSION
from edge_daemon.config.template import template
from edge_daemon.errors import ConfigError
from edge_daemon.model.model_file import default_model_path


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^( *)#([a-z])", r"\1\2", text)


def test_defaults_are_valid_and_frozen() -> None:
    config = Config()
    assert config.audio.rate is None
    assert config.mqtt.effective_port == 1883
    assert config.storage.outbox_path == Path("/var/lib/edge-daemon/outbox.db")
    with pytest.raises(ValueError, match="frozen"):
        config.audio.rate = 2000  # type: ignore[misc]


def test_smallest_file_gives_the_defaults() -> None:
    assert load_text(b"version: 1\n").config == Config()


def test_every_key_is_described_and_every_number_is_bounded() -> None:
    described = list(entries())
    assert len(described) > 50
    for entry in described:
        assert entry.field.description, entry.path
        if entry.path[-1] in ("version", "device"):
            continue
        if {int, float} & {entry.field.annotation, *get_args(entry.field.annotation)}:
            low, _, high = entry.limits
            assert low is not None, entry.path
            assert high is not None, entry.path


def test_tls_changes_the_usual_port_and_a_given_port_stands() -> None:
    assert load_text(b"version: 1\nmqtt: {tls: {enabled: true}}").config.mqtt.effective_port == 8883
    assert load_text(b"version: 1\nmqtt: {port: 99, tls: {enabled: true}}").config.mqtt.effective_port == 99


def test_sections_written_without_keys_are_the_defaults() -> None:
    assert load_text(b"version: 1\nmqtt:\n  tls:\naudio:\n").config == Config()


def test_relative_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: 1\nmodel: {path: models/a.onnx}\nstorage: {folder: /data}\n")
    config = load(file).config
    assert config.model.path == tmp_path / "models" / "a.onnx"
    assert config.storage.folder == Path("/data")


def test_a_model_inside_the_package_goes_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: 1\nmodel: {path: right_whale}\n")
    assert load(file).config.model.path == default_model_path()
    file.write_text("version: 1\nmodel: {path: ./right_whale}\n")
    assert load(file).config.model.path == tmp_path / "right_whale"


def test_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_text(b"version: 1\nstorage: {folder: ~/d}").config.storage.folder == tmp_path / "d"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", 16),
        ("010", 10),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("", None),
        ("~", None),
        ("True", True),
        ("-7", -7),
        (".inf", ".inf"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    result = scalar(text)
    assert result == value
    assert type(result) is type(value)


# where values came from


def test_origins_name_default_file_and_environment() -> None:
    text = b"version: 1\nmqtt:\n  host: ${ENV:BROKER}\n  port: 1884\n"
    loaded = load_text(text, {"BROKER": "shore.example"})
    assert loaded.config.mqtt.host == "shore.example"
    origins = loaded.origins
    assert origins["mqtt", "host"].text("c.yaml") == "c.yaml:3, environment variable BROKER"
    assert origins["mqtt", "port"].text("c.yaml") == "c.yaml:4"
    assert origins["mqtt", "prefix"].text("c.yaml") == "default"
    assert set(origins) == {entry.path for entry in entries() if entry.section is None}


# references


def test_reference_alone_may_be_a_number_and_quoted_stays_text() -> None:
    env = {"PORT": "1999", "ID": "007"}
    assert load_text(b"version: 1\nmqtt:\n  port: ${ENV:PORT}\n", env).config.mqtt.port == 1999
    assert load_text(b'version: 1\ndevice: {id: "${ENV:ID}"}', env).config.device.id == "007"


def test_default_and_escape() -> None:
    loaded = load_text(b'version: 1\nmqtt: {host: "${ENV:NONE:-h}"}\ndevice: {name: "$${ENV:X}"}', {})
    assert loaded.config.mqtt.host == "h"
    assert loaded.config.device.name == "${ENV:X}"


def test_credential_is_read_and_marked_secret(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("mola\n")
    (tmp_path / "user").chmod(0o400)
    text = b'version: 1\nmqtt: {username: "${CREDENTIAL:user}"}'
    loaded = load_text(text, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.config.mqtt.username == "mola"
    assert loaded.origins["mqtt", "username"].secret


def test_world_readable_secret_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "s"
    secret.write_text("x")
    secret.chmod(0o644)
    with pytest.raises(ConfigFileError, match=r"2:18: mqtt\.username names .*every user.*chmod 600") as caught:
        load_text(f'version: 1\nmqtt: {{username: "${{FILE:{secret}}}"}}'.encode(), {})
    assert caught.value.problems[0].place == Place(2, 18)


@pytest.mark.parametrize(
    "text",
    [
        'mqtt: {port: "${FILE:SECRET}"}',
        'mqtt: {host: "${FILE:SECRET} x"}',
        'log: {level: "${FILE:SECRET}"}',
        'device: {id: "${FILE:SECRET}/"}',
        'schedule: {mode: daily, daily: ["${FILE:SECRET}"]}',
        'backend: {options: "${FILE:SECRET}"}',
    ],
)
def test_secrets_are_in_no_message(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    secret.chmod(0o600)
    with pytest.raises(ConfigFileError) as caught:
        load_text(f"version: 1\n{text}".replace("SECRET", str(secret)).encode(), {})
    assert "hunter2" not in str(caught.value)
    assert f"the value in file {secret} (not shown: a secret)" in str(caught.value)


# migration


@pytest.mark.parametrize("version", [None, "1", True, 2, 0, -1, 10**29])
def test_impossible_versions_are_refused(version: object) -> None:
    with pytest.raises(ConfigError):
        migrate({"version": version})


def test_an_old_file_loads_says_so_and_keeps_its_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The day version 2 renames a section: a file of version 1 goes on working, and errors name its own lines."""

    def renamed(data: dict) -> tuple[dict, int]:
        version = data["version"]
        return (data if version == 2 else {"version": 2, "mqtt": data["broker"], "log": data.get("log", {})}), version

    monkeypatch.setattr(loading, "CURRENT_VERSION", 2)
    monkeypatch.setattr(loading, "migrate", renamed)
    monkeypatch.setattr(loading, "Config", create_model("VersionTwo", __base__=Config, version=(Literal[2], ...)))
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\nbroker: {host: shore}\n")
    loaded = load(file, {})
    assert loaded.migrated_from == 1
    assert loaded.config.mqtt.host == "shore"
    assert invoke(["config", "check", "--syntax", str(file)]) == 0
    assert f"{file} is well-formed, version 1, migrated" in capsys.readouterr().out
    file.write_text("version: 2\nmqtt: {host: shore}\n")
    assert load(file, {}).migrated_from is None
    file.write_text("version: 1\nbroker: {host: shore}\nlog: {level: loud}\n")
    with pytest.raises(ConfigFileError, match=r"c\.yaml:3:14: log\.level"):
        load(file, {})


def test_the_first_versions_keys_are_taken_for_ever() -> None:
    """`version-1.yaml` holds every key of version 1: who renames or removes one writes a migration."""
    text = (Path(__file__).parent / "configurations" / "version-1.yaml").read_text(encoding="utf-8")
    loaded = load_text(text.encode(), {})
    assert loaded.config.version == CURRENT_VERSION
    assert loaded.config.audio.device == "hydrophone"
    assert loaded.config.mqtt.tls.ca_file == Path("/etc/edge-daemon/ca.crt")
    assert loaded.config.hydrophone.calibrated
    assert loaded.config.schedule.mode == "cycle"


# reload


def test_changes_say_what_needs_a_restart_and_merge_takes_the_rest() -> None:
    old = load_text(b"version: 1\n").config
    new = load_text(b"version: 1\nlog: {level: debug}\nmqtt: {host: b, drain_rate: 3}\n").config
    found = changes(old, new)
    assert [(change.key, change.live) for change in found] == [
        ("mqtt.host", False),
        ("mqtt.drain_rate", True),
        ("log.level", True),
    ]
    merged = merge_live(old, new)
    assert (merged.mqtt.host, merged.mqtt.drain_rate, merged.log.level) == ("localhost", 3.0, "debug")
    assert changes(old, old) == []


# example file and schema


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_example_file_holds_the_profile_and_nothing_else(profile: str) -> None:
    values = {("device", "id"): "x", **PROFILES[profile]}  # type: ignore[index]
    text = template(values, "title")
    loaded = load_text(text.encode())
    written = {path for path, origin in loaded.origins.items() if origin.kind == "file"}
    assert written == {("version",), *values}
    assert max(len(line) for line in text.splitlines()) <= 110


def test_uncommenting_every_default_changes_nothing() -> None:
    text = uncommented(template({}))
    loaded = load_text(text.encode())
    assert loaded.config == Config()
    assert {origin.kind for origin in loaded.origins.values()} == {"file"}


def test_example_file_refuses_unknown_paths() -> None:
    with pytest.raises(KeyError):
        template({("mqtt", "hots"): "x"})


def test_schema_accepts_the_example_and_refuses_what_the_loader_refuses() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for values in ({}, *PROFILES.values()):
        validator.validate(yaml.safe_load(template(values)))
        validator.validate(yaml.safe_load(uncommented(template(values))))
    for bad in ({}, {"version": 1, "x": 1}, {"version": 1, "mqtt": {"port": 0}}, {"version": 2}):
        assert not validator.is_valid(bad)


def test_schema_takes_references_where_the_loader_does() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    for section in (
        {"mqtt": {"port": "${ENV:P:-1884}", "enabled": "${ENV:E}", "protocol": "${ENV:V}", "host": "${ENV:H}"}},
        {"detection": {"threshold": "${ENV:T:-0.5}"}},
        {"mqtt": None},
    ):
        validator.validate({"version": 1, **section})
    for bad in (
        {"mqtt": {"port": "1884"}},
        {"mqtt": {"port": "${P"}},
        {"mqtt": {"protocol": "mqtt9"}},
        {"mqtt": "${ENV:M}"},
    ):
        assert not validator.is_valid({"version": 1, **bad})


def test_error_survives_pickling() -> None:
    with pytest.raises(ConfigFileError) as caught:
        load_text(b"version: 1\nx: 1\n")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert again.problems == caught.value.problems
    assert str(again) == str(caught.value)


def test_place_of_an_absent_key_is_its_nearest_ancestor() -> None:
    document = YamlDocument(keys={("a",): Place(3, 1)}, values={("a",): Place(3, 4)})
    assert document.place(("a", "b", 0)) == Place(3, 4)
    assert document.place(("z",)) == Place(1, 1)
