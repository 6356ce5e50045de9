"""`edge-daemon run`: listen, for months."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.say import say
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.system import journal

if TYPE_CHECKING:
    from edge_daemon.live.daemon import Daemon


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path), envvar="EDGE_DAEMON_CONFIG")
def run(config: Path | None) -> int:
    """Listen to the hydrophone and report calls, as the file CONFIG says (default: /etc/edge-daemon/config.yaml).

    SIGTERM or Ctrl-C stops it within five seconds, and nothing is lost. SIGHUP reads CONFIG again: keys that can
    change while running change, and the log names the others. If CONFIG cannot be used at a later start, the last one
    that worked is used, and health says so. Exit code 0: stopped, 1: failed, 2: CONFIG is wrong, 3: stopped, but
    something could be neither sent nor written to disk; then the log holds it in full.
    """
    import contextlib
    import signal

    # Unhandled, SIGHUP ends a process, and a start takes seconds.
    asked_to_reload: list[int] = []
    signal.signal(signal.SIGHUP, lambda sign, _: asked_to_reload.append(sign))

    from edge_daemon.config import DEFAULT_PATH
    from edge_daemon.errors import about
    from edge_daemon.live.config_file import ConfigFile, ConfigInForce
    from edge_daemon.live.daemon import Daemon
    from edge_daemon.live.dependencies import system_dependencies
    from edge_daemon.storage.folder_lock import lock_folder

    file = ConfigFile(config or DEFAULT_PATH, os.environ)

    def make(in_force: ConfigInForce) -> tuple[Daemon, contextlib.ExitStack]:
        chosen = in_force.config
        with contextlib.ExitStack() as opened:
            lock = lock_folder(chosen.storage.folder)
            if lock is not None:
                opened.enter_context(lock)
            daemon = Daemon(
                chosen,
                system_dependencies(chosen),
                read=file.read,
                keep=file.keep,
                in_force=in_force,
                ordered=file,
            )
            if (port := chosen.health.prometheus_port) is not None:
                from edge_daemon.health.prometheus import Endpoint  # here: a web server takes a megabyte

                try:
                    with about("health.prometheus_port"):
                        endpoint = Endpoint(port, daemon.health.document)
                    opened.callback(endpoint.close)
                except EdgeDaemonError as error:
                    if not in_force.again:
                        raise
                    daemon.health.config_problems += (str(error),)  # nobody at sea needs it to hear
            return daemon, opened.pop_all()

    daemon, opened = file.start(make)
    with opened:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: daemon.stop())
        signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
        if asked_to_reload:
            daemon.reload()  # the file may have been read before it was changed
        code = _listen(daemon)
    if daemon.restart and code == 0:
        _start_anew()
    return code


def _start_anew() -> None:
    """Run the same command in this process's place: nobody but us may be there to start it again."""
    import signal
    import sys

    journal.flushed()
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # stays so until the new program has a handler; it reads the file anyway
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 the very words we were started with


def _listen(daemon: Daemon) -> int:
    """Run it; leaves without another word where a driver, or whoever reads the log, would be waited for once more."""
    failure: EdgeDaemonError | None = None
    try:
        daemon.run()
    except EdgeDaemonError as error:
        failure = error
    except RuntimeError:
        if not journal.flushed():
            os._exit(1)  # Python would tell whoever does not read standard error
        raise
    read = journal.flushed()
    if daemon.hangs or not read:  # all is written and sent
        if failure is not None and read:
            say(f"edge-daemon: {failure}", err=True)
        if daemon.restart and failure is None:
            _start_anew()
        os._exit(0 if failure is None else failure.exit_code)
    if failure is not None:
        raise failure
    return 0
