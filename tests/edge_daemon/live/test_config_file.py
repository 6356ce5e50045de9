"""A start with a file that cannot be used: refused the first time, survived when one has worked before."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_daemon.config import Config
from edge_daemon.config.backend import BackendSection
from edge_daemon.errors import ConfigError, EdgeDaemonError
from edge_daemon.live.config_file import ConfigFile, ConfigInForce
from edge_daemon.model.model_file import default_model_path

GOOD = """\
version: 1
device: {id: buoy-7}
audio: {source: pipe, pipe: hydrophone, rate: 2000, sample_format: float32}
mqtt: {host: shore, prefix: sea, username: whale, password_file: secret}
storage: {folder: state}
"""


class Place:
    """A configuration file and the folders around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "config.yaml"
        self.environment = {"STATE_DIRECTORY": str(folder / "given")}
        self.secret = folder / "secret"
        self.secret.write_text("s3cret\n")
        self.secret.chmod(0o600)

    @property
    def file(self) -> ConfigFile:
        return ConfigFile(self.path, self.environment)

    def start(self, make: Callable[[ConfigInForce], ConfigInForce] = lambda chosen: chosen) -> ConfigInForce:
        """A start of the program."""
        return self.file.start(make)

    def works(self, text: str = GOOD) -> Config:
        """A daemon starts with this file, and says that it is ready."""
        self.path.write_text(text)
        file = self.file
        chosen = file.start(lambda chosen: chosen)
        file.keep()
        assert chosen.problems == ()
        return chosen.config


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def nothing(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILT: dict[str, Callable[[Path], object]] = {
    "gone": nothing,
    "a folder": a_folder,
    "empty": lambda path: path.write_text(""),
    "zeros": lambda path: path.write_bytes(bytes(400)),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:150]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00version"),
    "an unknown key": lambda path: path.write_text(GOOD + "nonsense: 1\n"),
    "an impossible value": lambda path: path.write_text(GOOD.replace("rate: 2000", "rate: many")),
    "a newer version": lambda path: path.write_text(GOOD.replace("version: 1", "version: 99")),
    "a hop that no model has": lambda path: path.write_text(GOOD + "detection: {hop_s: 3}\n"),
    "a backend that is not there": lambda path: path.write_text(GOOD + "backend: {name: quantum}\n"),
    "a variable that is not set": lambda path: path.write_text(GOOD.replace("shore", "${ENV:NOT_SET}")),
    "a broken section of MQTT": lambda path: path.write_text(GOOD.replace("host: shore", "port: 70000")),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "far too long": lambda path: path.write_text(GOOD + "# and so on\n" * 50_000),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_file_ends_the_first_start_and_no_later_one(
    place: Place, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    place.path.write_text(GOOD)
    SPOILT[fault](place.path)
    with pytest.raises(ConfigError) as first:
        place.start()
    assert first.value.exit_code == 2
    if place.path.is_dir():
        place.path.rmdir()
    place.path.unlink(missing_ok=True)

    config = place.works()
    SPOILT[fault](place.path)
    with caplog.at_level(logging.ERROR, "edge_daemon"):
        logging.getLogger("edge_daemon").propagate = True
        chosen = place.start()
    assert chosen.config == config
    assert not chosen.from_file
    assert chosen.publishes
    (problem,) = chosen.problems
    assert problem.startswith("the configuration file cannot be used; the last one that worked is in force: ")
    assert str(place.path) in problem
    assert "\n" not in problem


def test_the_kept_one_is_found_by_what_the_spoilt_file_still_says(place: Place) -> None:
    """In a container that is made anew, only the storage folder stays."""
    place.works()
    shutil.rmtree(place.folder / "given")
    place.path.write_text(GOOD + "nonsense: 1\n")
    assert place.start().config.device.id == "buoy-7"


def test_two_files_do_not_mix_up_their_copies(place: Place) -> None:
    place.works()
    other = place.folder / "other.yaml"
    other.write_text("")
    with pytest.raises(ConfigError, match="is empty"):
        ConfigFile(other, place.environment).start(lambda chosen: chosen)


def test_a_good_file_that_differs_is_taken_and_kept(place: Place) -> None:
    place.works()
    assert place.works(GOOD.replace("buoy-7", "buoy-8")).device.id == "buoy-8"
    place.path.write_text("")
    assert place.start().config.device.id == "buoy-8"


def test_secrets_are_not_kept(place: Place) -> None:
    place.environment["BROKER"] = "shore"
    place.works(
        GOOD.replace("host: shore", "host: '${ENV:BROKER}'").replace("whale", "'${FILE:" + str(place.secret) + "}'")
    )
    kept = [path.read_text() for path in place.folder.rglob("kept-config-*.yaml")]
    assert len(kept) == 2
    assert not [text for text in kept if "s3cret" in text]


@pytest.mark.parametrize("what", ["password", "authority"])
def test_what_mqtt_lacks_stops_a_first_start_and_is_left_to_the_publisher_later(place: Place, what: str) -> None:
    authority = place.folder / "ca.pem"
    text = GOOD.replace("username", f"tls: {{enabled: true, ca_file: {authority}}}, username")
    pem = Path(__file__).parent / "authority.pem"
    shutil.copy(pem, authority)
    place.path.write_text(text)
    lost = place.secret if what == "password" else authority
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(ConfigError, match="does not exist"):
        place.start()
    lost.write_bytes(content)
    lost.chmod(0o600)
    place.works(text)
    for spoil in (lost.unlink, lambda: lost.write_bytes(b""), lambda: lost.chmod(0o604)):
        spoil()
        chosen = place.start()
        assert chosen == ConfigInForce(chosen.config, again=True)
        assert chosen.config.mqtt.enabled


def test_a_reference_of_mqtt_that_leads_nowhere_stops_mqtt_alone(place: Place) -> None:
    place.works(GOOD.replace("whale", "'${FILE:" + str(place.secret) + "}'"))
    place.secret.unlink()
    chosen = place.start()
    assert not chosen.config.mqtt.enabled
    assert chosen.config.mqtt.prefix == "sea"  # it is in the topics of what waits
    assert chosen.config.audio.rate == 2000
    assert (chosen.from_file, chosen.publishes) == (True, False)
    (problem,) = chosen.problems
    assert problem.startswith("nothing is published: ")
    assert "mqtt.username" in problem


def test_without_its_model_it_listens_with_the_one_inside_the_package(place: Place) -> None:
    model = place.folder / "mine.onnx"
    shutil.copy(default_model_path(), model)
    text = GOOD + "model: {path: mine.onnx}\ndetection: {threshold: 0.9}\n"
    place.works(text)
    model.write_bytes(b"rotten")
    chosen = place.start()
    assert chosen.config.model.path is None
    assert chosen.config.detection.threshold is None  # it was another model's
    (problem,) = chosen.problems
    assert "model.path cannot be used" in problem


def test_without_its_backend_it_listens_with_the_usual_one(place: Place) -> None:
    place.works(GOOD + "backend: {name: event}\n")
    place.path.write_text(GOOD + "backend: {name: quantum}\n")
    assert place.start().config.backend.name == "event"
    for kept in place.folder.rglob("kept-config-*.yaml"):
        kept.write_text(place.path.read_text())  # the package that brought it is gone
    chosen = place.start()
    assert chosen.config.backend == BackendSection()
    assert "There is no backend named 'quantum'" in chosen.problems[0]


def test_what_cannot_be_made_of_the_file_is_made_of_the_kept_one(place: Place) -> None:
    place.works()
    place.path.write_text(GOOD.replace("2000", "4000"))

    def make(chosen: ConfigInForce) -> ConfigInForce:
        if chosen.config.audio.rate == 4000:
            raise EdgeDaemonError("There is no way from 4000 Hz.")
        return chosen

    chosen = place.start(make)
    assert chosen.config.audio.rate == 2000
    assert "There is no way from 4000 Hz." in chosen.problems[0]


def test_the_error_is_the_files_where_nothing_works(place: Place) -> None:
    place.works()
    place.path.write_text("version: 1\nnonsense: 3\n")
    for kept in place.folder.rglob("kept-config-*.yaml"):
        kept.write_text("rotten")
    with pytest.raises(ConfigError, match=r"config\.yaml:2:1: nonsense"):
        place.start()


def test_a_full_disk_is_no_reason_not_to_start(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    place.path.write_text(GOOD)
    file = place.file
    file.start(lambda chosen: chosen)
    monkeypatch.setattr("edge_daemon.live.kept_config.whole_file", full)
    file.keep()
    assert not list(place.folder.rglob("kept-config-*.yaml"))


def test_what_is_kept_is_what_was_written(place: Place) -> None:
    text = "# naïve — µPa\r\n" + GOOD
    place.path.write_bytes(text.encode())
    file = place.file
    file.start(lambda chosen: chosen)
    file.keep()
    copies = list(place.folder.rglob("kept-config-*.yaml"))
    assert [copy.read_bytes() for copy in copies] == [text.encode()] * 2
