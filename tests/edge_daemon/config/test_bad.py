"""Bad configurations: each gives one clear sentence with key, line and column, exit code 2, and no traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.config import ConfigFileError, load, load_text
from edge_daemon.config.profile import PROFILES
from edge_daemon.config.template import template
from edge_daemon.errors import ConfigError

# text of the file, key path, line, column, and a part of the sentence
BAD = [
    # the YAML itself
    ("", "", 1, 1, "is empty"),
    ("# only a comment\n", "", 1, 1, "is empty"),
    ("- a\n- b\n", "", 1, 1, "is not a list of `key: value` lines"),
    ("just text\n", "", 1, 1, "is not a list of `key: value` lines"),
    ("version: 1\nmqtt:\n\thost: x\n", "", 3, 1, "has a tab"),
    ("version: 1\nmqtt: {host: x\n", "", 3, 1, "not closed"),
    ('version: 1\nmqtt:\n  host: "x\n', "", 4, 1, "not closed"),
    ("version: 1\nmqtt:\n  host: x\n port: 1\n", "", 4, 2, "indentation"),
    ("version: 1\nmqtt: host: x\n", "", 2, 11, "has a misplaced colon"),
    ("version: 1\nmqtt:\n  host x\naudio: {}\n", "mqtt", 3, 3, "must be a group of `key: value` lines"),
    ("version: 1\nversion: 1\n", "version", 2, 1, "is given twice, first on line 1"),
    ("version: 1\nmqtt:\n  port: 1\n  host: x\n  port: 2\n", "mqtt.port", 5, 3, "is given twice, first on line 3"),
    ("version: 1\na: &a [x]\nb: *a\n", "", 2, 4, "starts with &"),
    ("version: 1\nmqtt:\n  host: *\n", "", 3, 10, "is not valid YAML"),
    ("version: 1\naudio:\n  device: !!python/object:os.system x\n", "", 3, 11, "has the tag"),
    ("version: 1\n? [a, b]\n: 1\n", "", 2, 3, "has a list or mapping as a key"),
    ("version: 1\n---\nversion: 1\n", "", 3, 1, "contains a second document"),
    ("version: 1\nx: " + "[" * 40 + "\n", "x" + "[0]" * 15, 2, 19, "nested deeper"),
    ("version: 1\ndevice:\n  name: a\x07b\n", "", 3, 10, "contains a character"),
    ('version: 1\ndevice:\n  name: "\\UFFFFFFFF"\n', "", 1, 1, "is not valid YAML"),
    # the version
    ("mqtt: {}\n", "version", 1, 1, "is missing"),
    ('version: "1"\n', "version", 1, 10, "must be a whole number"),
    ("log: {}\nversion: 99\n", "version", 2, 10, "is 99, but this program supports versions up to 1"),
    # unknown keys, and what was meant
    ("version: 1\nmqt: {}\n", "mqt", 2, 1, "Did you mean `mqtt`?"),
    ("version: 1\naudio:\n  chanel: 1\n", "audio.chanel", 3, 3, "Did you mean `channel`?"),
    ("version: 1\nmqtt:\n  tls:\n    cafile: a\n", "mqtt.tls.cafile", 4, 5, "Did you mean `ca_file`?"),
    ("version: 1\nthreshold: 0.5\n", "threshold", 2, 1, "Did you mean `detection.threshold`?"),
    ("version: 1\nmqtt: {broker: x}\n", "mqtt.broker", 2, 8, "Did you mean `host`?"),
    ("version: 1\naudio: {samplerate: 1}\n", "audio.samplerate", 2, 9, "Did you mean `rate`?"),
    ("version: 1\naudio: {sample_rate: 1}\n", "audio.sample_rate", 2, 9, "Did you mean `rate`?"),
    ("version: 1\nmqtt: {ca_file: x}\n", "mqtt.ca_file", 2, 8, "Did you mean `mqtt.tls.ca_file`?"),
    ("version: 1\ndevice: {lat: 1}\n", "device.lat", 2, 10, "Did you mean `latitude`?"),
    ("version: 1\nmqtt: {host: a..b}\n", "mqtt.host", 2, 14, "1 to 63"),
    (f"version: 1\nmqtt: {{host: {'a' * 64}.org}}\n", "mqtt.host", 2, 14, "1 to 63"),
    ("version: 1\nmqtt: {port: ${ENV:PORT}}\n", "", 2, 15, "Put it in quotes"),
    ("version: 1\nmqtt: {user: u, password: p}\n", "mqtt.password", 2, 17, "Passwords do not belong in this file"),
    ("version: 1\nlog: {zzz: 1}\n", "log.zzz", 2, 7, "Valid keys here: level"),
    # wrong types
    ("version: 1\nmqtt: {port: yes}\n", "mqtt.port", 2, 14, "must be a whole number, 1 to 65535, not 'yes'"),
    ("version: 1\nmqtt: {port: 1883.5}\n", "mqtt.port", 2, 14, "must be a whole number"),
    ("version: 1\nmqtt: {port: true}\n", "mqtt.port", 2, 14, "must be a whole number, 1 to 65535, not true"),
    ("version: 1\nmqtt: {enabled: yes}\n", "mqtt.enabled", 2, 17, "Write true"),
    ("version: 1\ndevice: {id: 7}\n", "device.id", 2, 14, 'Put it in quotes: "7"'),
    ("version: 1\ndetection: {hop_s: half}\n", "detection.hop_s", 2, 20, "must be a number, 0.05 to 10 s"),
    ("version: 1\nmqtt: 3\n", "mqtt", 2, 7, "must be a group of `key: value` lines, not 3"),
    ("version: 1\nschedule: {daily: 04:30-07:00}\n", "schedule.daily", 2, 19, "must be a list"),
    (
        "version: 1\nbackend: {python: /usr/bin/python3}\n",
        "backend.python",
        2,
        19,
        "is for workers only; backend.worker is false",
    ),
    ("version: 1\nbackend: {worker: true, worker_module: a b}\n", "backend.worker_module", 2, 40, "must be a module's"),
    ("version: 1\nbackend: {worker: true, worker_module: a..b}\n", "backend.worker_module", 2, 40, "not 'a..b'"),
    ("version: 1\nbackend: {options: [1]}\n", "backend.options", 2, 20, "must be a group of `key: value` lines"),
    ("version: 1\nstorage: {folder: [a]}\n", "storage.folder", 2, 19, "must be a path"),
    ("version: 1\nstorage: {folder: }\n", "storage.folder", 2, 18, "must be a path, not empty"),
    # impossible values
    ("version: 1\naudio: {rate: 99}\n", "audio.rate", 2, 15, "must be 1000 to 1000000 Hz, not 99"),
    ("version: 1\naudio: {device: -1}\n", "audio.device", 2, 17, "must be a device's name or its index"),
    ("version: 1\naudio: {channel: 3, channels: 2}\n", "audio.channel", 2, 18, "only 2 channels are opened"),
    ("version: 1\naudio: {block_ms: 2000, ring_s: 1, stall_s: 9}\n", "audio.ring_s", 2, 33, "must hold 2 blocks"),
    ("version: 1\naudio: {block_ms: 100, stall_s: 0.2}\n", "audio.stall_s", 2, 33, "Make it 0.3 s or longer"),
    ("version: 1\naudio: {stall_s: 0.2}\n", "audio.stall_s", 2, 18, "must hold 3 blocks of block_ms (250 ms)"),
    ("version: 1\nmqtt: {excerpt_kb: 20}\nclips: {enabled: false}\n", "mqtt.excerpt_kb", 2, 20, "needs clips"),
    ("version: 1\naudio: {block_ms: 1000}\n", "audio.block_ms", 2, 19, "3 such blocks must fit into stall_s (2 s)"),
    ("version: 1\naudio:\n  source: pipe\n", "audio.rate", 3, 3, "is required with source `pipe`"),
    ("version: 1\naudio: {pipe: /p}\n", "audio.pipe", 2, 15, "has no meaning with source `soundcard`"),
    ("version: 1\naudio: {sample_format: int17}\n", "audio.sample_format", 2, 24, "Did you mean `int16`?"),
    ("version: 1\ndetection: {threshold: 1.5}\n", "detection.threshold", 2, 24, "must be above 0, at most 1"),
    ("version: 1\ndetection: {threshold: .nan}\n", "detection.threshold", 2, 24, "must be a number"),
    (
        "version: 1\ndetection: {threshold: 0.5, threshold_low: 0.6}\n",
        "detection.threshold_low",
        2,
        44,
        "above threshold (0.5)",
    ),
    ("version: 1\ndetection: {context_s: 5}\n", "detection.context_s", 2, 24, "is 5, between 0 and 30"),
    ("version: 1\ndevice: {id: a/b}\n", "device.id", 2, 14, "may have only letters"),
    ("version: 1\ndevice: {latitude: 42.1}\n", "device.latitude", 2, 20, "is given without longitude"),
    ("version: 1\nmqtt: {host: 'mqtt://u:p@h'}\n", "mqtt.host", 2, 14, "must be only a host name or an address"),
    ("version: 1\nmqtt: {prefix: a/#}\n", "mqtt.prefix", 2, 16, "is not a topic"),
    ("version: 1\nmqtt: {password_file: /p}\n", "mqtt.password_file", 2, 23, "without username"),
    (
        "version: 1\nmqtt: {tls: {enabled: true, certificate_file: c}}\n",
        "mqtt.tls.certificate_file",
        2,
        47,
        "without key_file",
    ),
    ("version: 1\nmqtt: {tls: {ca_file: c}}\n", "mqtt.tls.ca_file", 2, 23, "TLS is not enabled"),
    ("version: 1\nmqtt: {reconnect_first_s: 500}\n", "mqtt.reconnect_first_s", 2, 27, "longer than"),
    ("version: 1\nschedule: {mode: cycle}\n", "schedule.on_minutes", 2, 11, "is required with mode `cycle`"),
    ("version: 1\nschedule: {mode: daily}\n", "schedule.daily", 2, 11, "is required with mode `daily`"),
    ('version: 1\nschedule: {mode: daily, daily: ["25:00-26:00"]}\n', "schedule.daily[0]", 2, 33, "04:30-07:00"),
    ("version: 1\nhydrophone: {sensitivity_db: -170}\n", "hydrophone.sensitivity_db", 2, 30, "without adc"),
    ("version: 1\neffort: {band_levels: true}\n", "effort.band_levels", 2, 23, "calibrated hydrophone"),
    ("version: 1\nhealth: {prometheus_port: 99999}\n", "health.prometheus_port", 2, 27, "1 to 65535"),
    ("version: 1\nlog: {level: verbose}\n", "log.level", 2, 14, "one of debug, info, warning, error"),
    # references
    ("version: 1\nmqtt: {host: '${ENV:NO_SUCH}'}\n", "mqtt.host", 2, 14, "NO_SUCH, which is not set"),
    ("version: 1\nmqtt: {host: '${HOME}'}\n", "mqtt.host", 2, 14, "contains a reference that is not valid"),
    ("version: 1\nmqtt: {username: '${CREDENTIAL:u}'}\n", "mqtt.username", 2, 18, "systemd did not pass it on"),
    ("version: 1\nmqtt: {username: '${FILE:/no/such}'}\n", "mqtt.username", 2, 18, "/no/such, which does not exist"),
    ("version: 1\nmqtt: {username: '${FILE:/}'}\n", "mqtt.username", 2, 18, "/, which is not a file"),
]


def test_there_are_enough_bad_examples() -> None:
    assert len(BAD) >= 50


@pytest.mark.parametrize(("text", "key", "line", "column", "part"), BAD, ids=range(len(BAD)))
def test_one_clear_sentence(tmp_path: Path, text: str, key: str, line: int, column: int, part: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load(file, {})
    error = caught.value
    found = {problem.key: problem for problem in error.problems}
    assert key in found, str(error)
    problem = found[key]
    shown = problem.text("c.yaml")
    assert (problem.place.line, problem.place.column) == (line, column), shown
    assert part in shown
    assert shown.startswith(f"c.yaml:{line}:{column}: {key or 'the file'} ")
    assert "\n" not in shown
    assert error.exit_code == 2


def test_all_problems_are_told_at_once_in_file_order() -> None:
    with pytest.raises(ConfigFileError) as caught:
        load_text(b"version: 1\nmqtt: {port: 0}\nx: 1\naudio: {rate: 1}\n")
    assert [problem.key for problem in caught.value.problems] == ["mqtt.port", "x", "audio.rate"]
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"version: 1\n\xe9\n"])
def test_not_utf8(content: bytes) -> None:
    with pytest.raises(ConfigFileError, match="is not UTF-8 text"):
        load_text(content)


def test_a_byte_order_mark_is_no_problem() -> None:
    assert load_text(b"\xef\xbb\xbfversion: 1\n").config.version == 1


def test_large_and_bulky_files_are_refused_quickly(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigFileError, match="the limit is 262144"):
        load(file)
    with pytest.raises(ConfigFileError, match="more than 5000 values"):
        load_text(b"version: 1\nx: [" + b"1," * 6000 + b"]")
    with pytest.raises(ConfigFileError, match="nested deeper"):
        load_text(b"{a: " * 50_000)


def test_absent_folder_and_special_files(tmp_path: Path) -> None:
    for path in (tmp_path / "no.yaml", tmp_path, Path("/dev/null"), Path("x" * 300)):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.exit_code == 2


def mutated(text: str, rng: random.Random) -> bytes:
    """A valid file with a few bytes, lines or characters changed, removed, doubled or moved."""
    content = bytearray(text, "utf-8")
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content))
        match rng.randrange(7):
            case 0:
                content[at] = rng.randrange(256)
            case 1:
                del content[at : at + rng.randint(1, 40)]
            case 2:
                content[at:at] = content[at : at + rng.randint(1, 60)]
            case 3:
                content[at:at] = rng.choice([b"\t", b"- ", b": ", b"[", b"{", b"'", b'"', b"&a ", b"*a", b"!!int "])
            case 4:
                lines = content.split(b"\n")
                rng.shuffle(lines)
                content = bytearray(b"\n".join(lines))
            case 5:
                content = bytearray(content.replace(b"#", b"", rng.randint(1, 60)))
            case _:
                content = bytearray(
                    content.replace(
                        rng.choice([b"1", b"true", b"localhost", b"0"]), rng.choice([b"-1", b"x", b"${", b"1e999"])
                    )
                )
        if not content:
            content = bytearray(b"x")
    return bytes(content)


def problems_of(content: bytes) -> list[str]:
    """One line for each problem; empty if the content loads."""
    try:
        load_text(content, {})
    except ConfigFileError as error:
        lines = str(error).splitlines()
        if len(lines) != len(error.problems) or not lines:
            raise AssertionError(f"not one line a problem: {error}") from error
        return lines
    return []


def problems_of_mutation(seed: int) -> list[str]:
    rng = random.Random(seed)
    text = template(PROFILES[rng.choice(sorted(PROFILES))])
    return problems_of(mutated(text, rng))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_mutations_never_give_anything_but_a_sentence(seed: int) -> None:
    assert all(problem.startswith("-:") for problem in problems_of_mutation(seed))


def test_mutations_are_refused_often_enough_to_tell_something() -> None:
    assert sum(bool(problems_of_mutation(seed)) for seed in range(20)) > 5


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="abv:1 \n-[]{}'\"#&*!|>%@`,?$\t", max_size=80))
def test_any_text_gives_a_configuration_or_a_sentence(text: str) -> None:
    problems_of(b"version: 1\n" + text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("host", ["mqtt://u:pa55@h", "u:pa55@h", "u:pa55", "h;pa55", "h?password=pa55", "pa55..h"])
def test_a_host_that_may_hold_a_password_is_refused_and_not_repeated(host: str) -> None:
    with pytest.raises(ConfigFileError, match="must be only a host name or an address") as caught:
        load_text(f"version: 1\nmqtt: {{host: '{host}'}}\n".encode())
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "::1", "fe80::1%wlan0", "broker.example.", "my_broker"])
def test_a_host(host: str) -> None:
    assert load_text(f"version: 1\nmqtt: {{host: '{host}'}}\n".encode()).config.mqtt.host == host
