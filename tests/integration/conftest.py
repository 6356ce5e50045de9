"""The real parts that integration tests share: a mosquitto broker with TLS and passwords, on loopback, and a microphone
of PulseAudio's null sink → its monitor → ALSA → PortAudio, which needs no sound card."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_daemon.clock.time_source import SystemTime
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.outbox.outbox import Outbox
from tests.integration.nasty_broker import NastyBroker

ROOT = Path(__file__).parents[2]
PULSE = """
load-module module-null-sink sink_name=vmic rate=16000 channels=1 format=s16le norewinds=1
load-module module-native-protocol-unix socket={folder}/pulse.sock auth-anonymous=1
set-default-source vmic.monitor
set-default-sink vmic
"""
ASOUND = """
</usr/share/alsa/alsa.conf>
pcm.vmic {{ type pulse server "unix:{folder}/pulse.sock" device "vmic.monitor"
  hint {{ show on description "virtual mic" }} }}
"""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox on disk."""
    made = Outbox(tmp_path / "outbox.db", time=SystemTime(), rng=random.Random(1))
    yield made
    made.close()


@contextlib.contextmanager
def publishing(settings: MqttSection, outbox: Outbox) -> Iterator[Publisher]:
    """A publisher that is stopped in the end, and then stops."""
    publisher = Publisher(settings, "buoy-07", outbox, rng=random.Random(2), environment={})
    publisher.start()
    try:
        yield publisher
    finally:
        assert publisher.stop()


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until the condition holds; fail after a time that no healthy machine needs."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def free_port() -> int:
    """A port on loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)


def make_authority(folder: Path, name: str = "ca") -> Path:
    """A certificate authority of our own: NAME.crt and NAME.key."""
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=test {name}",
        "-keyout", f"{name}.key", "-out", f"{name}.crt", cwd=folder,
    )  # fmt: skip
    return folder / f"{name}.crt"


def make_certificate(folder: Path, name: str, authority: str = "ca") -> None:
    """A certificate for localhost, signed by our authority: NAME.crt and NAME.key."""
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
        "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=folder,
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
        "-CAcreateserial", "-days", "2", "-extfile", extensions.name, "-out", f"{name}.crt", cwd=folder,
    )  # fmt: skip


class Mosquitto:
    """A broker process of our own: TLS, a password file, persistence; can be killed and started again.

    Attributes:
        port: TLS port on 127.0.0.1.
        folder: its certificates (`ca.crt`, and `client.crt`, `client.key` signed by it), passwords and database.
    """

    def __init__(self, folder: Path, *, client_certificates: bool = False, settings: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._subscribers: list[subprocess.Popen[bytes]] = []
        self._subscriptions: list[tuple[str, Path]] = []
        make_authority(folder)
        for name in ("server", "client"):
            make_certificate(folder, name)
        self.set_password("buoy", "right")
        self.set_password("shore", "ashore")
        data = folder / "data"
        data.mkdir()
        (folder / "mosquitto.conf").write_text(
            f"user {'root' if os.geteuid() == 0 else 'mosquitto'}\n"
            f"listener {self.port} 127.0.0.1\n"
            f"cafile {folder}/ca.crt\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\ntls_version tlsv1.2\n"
            f"require_certificate {'true' if client_certificates else 'false'}\n"
            f"allow_anonymous false\npassword_file {folder}/passwords\n"
            f"persistence true\npersistence_location {data}/\nautosave_interval 1\nlog_type all\n"
            + settings.replace("FOLDER", str(folder))
        )

    def set_password(self, user: str, password: str) -> None:
        """Change a password; a running broker takes it after `reload`."""
        (self.folder / "passwords").touch(mode=0o600)
        subprocess.run(
            ["mosquitto_passwd", "-b", str(self.folder / "passwords"), user, password],
            check=True, capture_output=True, timeout=20,
        )  # fmt: skip

    def reload(self) -> None:
        """Make the broker read its password file again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        """Start, and wait until the port answers."""
        log = (self.folder / "broker.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                ["mosquitto", "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
            )

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "broker.log").read_text()
            return False

        wait_until(answers)
        # mosquitto_sub does not come back by itself after a killed broker
        self._end_subscribers()
        for topic, output in self._subscriptions:
            self._watch(topic, output)

    def kill(self) -> None:
        """End with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def persisted(self) -> None:
        """Wait until durable sessions and what waits for them are on disk; only then do they outlive a SIGKILL.

        What the broker has acknowledged and not yet forwarded or saved dies with it: that loss is its own.
        """
        wait_until((self.folder / "data" / "mosquitto.db").exists)
        time.sleep(2.5)  # it saves every two seconds

    def subscribe(self, topic: str, output: Path) -> None:
        """A `mosquitto_sub` with a durable session that adds `TOPIC RETAINED PAYLOAD` lines to a file."""
        output.touch()
        self._subscriptions.append((topic, output))
        self._watch(topic, output)

    def _watch(self, topic: str, output: Path) -> None:
        with output.open("ab") as out:
            subscriber = subprocess.Popen(
                [
                    "mosquitto_sub", "-h", "localhost", "-p", str(self.port), "--cafile", str(self.folder / "ca.crt"),
                    "-u", "shore", "-P", "ashore", "-t", topic, "-q", "1", "-i", f"shore-{output.name}", "-c",
                    "-F", "%t %r %p",
                ],
                stdout=out, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._subscribers.append(subscriber)

    def _end_subscribers(self) -> None:
        for subscriber in self._subscribers:
            subscriber.kill()
            subscriber.wait(20)
        self._subscribers.clear()

    def close(self) -> None:
        """End all processes that were started here."""
        self._end_subscribers()
        if self.process is not None and self.process.poll() is None:
            self.kill()


class Microphone:
    """A PulseAudio server of our own with a virtual microphone, to be killed and started at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pulse.pa").write_text(PULSE.format(folder=folder))
        (folder / "asound.conf").write_text(ASOUND.format(folder=folder))
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_SERVER": f"unix:{self.folder}/pulse.sock",
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
        }

    def start(self) -> None:
        (self.folder / "pulse.sock").unlink(missing_ok=True)
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-F"]
        self.server = subprocess.Popen(
            [*command, str(self.folder / "pulse.pa")],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers, 30.0)

    def answers(self) -> bool:
        asked = subprocess.run(["pactl", "info"], env=self.environment, capture_output=True, check=False)
        return asked.returncode == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait(10)
            self.server = None

    def play(self, path: Path) -> None:
        subprocess.run(["paplay", "--device=vmic", str(path)], env=self.environment, check=True, timeout=3600)


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[Microphone]:
    for program in ("pulseaudio", "pactl", "paplay"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install pulseaudio pulseaudio-utils")
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        pytest.skip("needs ALSA's pulse plug-in: apt-get install libasound2-plugins")
    if subprocess.run([sys.executable, "-c", "import sounddevice"], capture_output=True, check=False).returncode:
        pytest.skip("needs PortAudio: apt-get install libportaudio2")
    made = Microphone(tmp_path)
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Make brokers (not started yet); skips where mosquitto or openssl is not installed."""
    for program in ("mosquitto", "mosquitto_sub", "mosquitto_passwd", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install mosquitto mosquitto-clients openssl")
    made: list[Mosquitto] = []

    def make(*, client_certificates: bool = False, settings: str = "") -> Mosquitto:
        folder = tmp_path / f"mosquitto{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, client_certificates=client_certificates, settings=settings))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def nasty_broker() -> Iterator[NastyBroker]:
    """A broker that misbehaves as it is told."""
    made = NastyBroker()
    yield made
    made.close()


@pytest.fixture
def until() -> Callable[..., None]:
    """`wait_until` for tests, which cannot import from here."""
    return wait_until
