"""A file that is spoilt while the daemon runs, or was so at its start: told, looked at again, and the last one kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import Config
from edge_daemon.errors import ConfigError, EdgeDaemonError
from edge_daemon.live.config_file import ConfigInForce
from edge_daemon.live.config_watch import ConfigWatch
from edge_daemon.live.daemon import Daemon
from edge_daemon.live.reload import Reread

SECOND = 10**9
REFUSAL = ConfigError("config.yaml:3:1: nonsense is not a key.")
SPOILT = (
    "the configuration file cannot be used; the last one that worked is in force:"
    " config.yaml:3:1: nonsense is not a key."
)


def refuse() -> Config:
    raise REFUSAL


def watch(**given: Any) -> ConfigWatch:
    return ConfigWatch(ConfigInForce(Config(), **given), random.Random(1))


def test_a_refused_reload_is_a_problem_until_the_file_is_mended() -> None:
    watched = watch()
    assert not watched.mended(10**6 * SECOND, Config)  # nothing is wrong: it is not looked at
    assert not watched.take(Reread(Config(), REFUSAL, ()))
    assert watched.problems == (SPOILT,)
    assert not watched.mended(0, Config)  # it has just been read
    assert not watched.mended(1 * SECOND, Config)
    assert not watched.mended(60 * SECOND, refuse)
    assert not watched.mended(61 * SECOND, Config)  # pauses grow
    assert watched.mended(180 * SECOND, Config)
    assert watched.take(Reread(Config(), None, ()))
    assert watched.problems == ()
    assert watched.failure is None


def test_what_needs_a_restart_is_not_kept_before_it() -> None:
    watched = watch()
    assert not watched.take(Reread(Config(), None, ("mqtt.host",)))
    assert watched.problems == ()


def test_a_mended_file_after_a_start_without_it_says_what_needs_a_restart() -> None:
    watched = watch(from_file=False, again=True, problems=(SPOILT,))
    assert watched.problems == (SPOILT,)
    assert not watched.mended(0, Config)
    assert watched.mended(60 * SECOND, Config)
    assert not watched.take(Reread(Config(), None, ("mqtt.host", "audio.rate")))
    assert watched.problems == ("restart the daemon to apply mqtt.host, audio.rate of the mended file",)
    assert watched.failure is None


def test_a_part_that_was_left_out_is_left_out_after_a_reload_too() -> None:
    watched = watch(again=True, problems=("health.prometheus_port cannot be used.",))
    assert watched.take(Reread(Config(), None, ()))
    assert watched.problems == ("health.prometheus_port cannot be used.",)


def test_mqtt_that_was_passed_over_is_taken_up_by_a_new_start() -> None:
    watched = watch(publishes=False, again=True, problems=("nothing is published: …",))
    assert watched.failure is None
    assert not watched.mended(0, Config)
    assert not watched.mended(60 * SECOND, refuse)
    assert watched.mended(1000 * SECOND, Config)
    watched.take(Reread(Config(), None, ("mqtt.enabled",)))
    assert watched.failure is not None


class File:
    """What the daemon reads and keeps."""

    def __init__(self, config: Config) -> None:
        self.content: Config | EdgeDaemonError = config
        self.kept = 0

    def read(self) -> Config:
        if isinstance(self.content, EdgeDaemonError):
            raise self.content
        return self.content

    def keep(self) -> None:
        self.kept += 1


def test_health_status_and_log_say_that_a_reload_was_refused(
    make_buoy: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    buoy = make_buoy(begin=False)
    file = File(buoy.config)
    buoy.daemon = Daemon(buoy.config, buoy.dependencies, read=file.read, keep=file.keep)
    buoy.daemon.begin()
    buoy.settle(lambda: file.kept == 1)
    buoy.until(2)
    assert SPOILT not in buoy.daemon.health.document().reasons
    file.content = REFUSAL
    with caplog.at_level("ERROR", "edge_daemon"):
        buoy.daemon._reload()
    buoy.until(4)
    document = buoy.daemon.health.document()
    assert SPOILT in document.reasons
    assert document.state == "warning"
    assert buoy.daemon.health.status().endswith(SPOILT)
    assert any(f"STATUS={buoy.daemon.health.status()}" in message for message in buoy.channel.sent)
    assert "was not applied" in caplog.text
    assert file.kept == 1
    file.content = buoy.config
    buoy.until(70)
    assert SPOILT not in buoy.daemon.health.document().reasons
    buoy.settle(lambda: file.kept == 2)


def test_a_start_on_the_kept_configuration_is_told_from_the_first_document_on(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(begin=False)
    file = File(buoy.config)
    file.content = REFUSAL
    given = ConfigInForce(buoy.config, from_file=False, again=True, problems=(SPOILT,))
    buoy.daemon = Daemon(buoy.config, buoy.dependencies, read=file.read, keep=file.keep, in_force=given)
    buoy.daemon.begin()
    buoy.until(1)
    assert buoy.daemon.newest_health.reasons[0] == SPOILT
    assert file.kept == 0


def test_without_mqtt_it_ends_once_mqtt_can_be_had(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy(begin=False)
    file = File(buoy.config)
    file.content = REFUSAL
    given = ConfigInForce(buoy.config, publishes=False, again=True, problems=("nothing is published: …",))
    buoy.daemon = Daemon(buoy.config, buoy.dependencies, read=file.read, keep=file.keep, in_force=given)
    buoy.at.append((200.0, lambda: setattr(file, "content", buoy.config)))
    thread, errors = buoy.in_a_thread()
    thread.join(60)
    assert not thread.is_alive()
    assert [str(error) for error in errors] == ["Section mqtt can be used again. The next start publishes."]
    assert buoy.seconds > 200


def test_a_kept_configuration_that_cannot_be_written_is_no_failure(
    make_buoy: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    buoy = make_buoy(begin=False)

    def fail() -> None:
        raise RuntimeError("nobody thought of this")

    buoy.daemon = Daemon(buoy.config, buoy.dependencies, read=lambda: buoy.config, keep=fail)
    buoy.daemon.begin()
    buoy.settle(lambda: "nobody thought of this" in caplog.text)
    buoy.until(2)
    assert buoy.daemon._failure is None
