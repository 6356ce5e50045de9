"""A PostgreSQL server of our own on loopback, for one test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import free_port


def program(name: str) -> str:
    """A program of PostgreSQL's; Debian keeps the server's outside PATH."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found


@pytest.fixture
def address() -> Iterator[str]:
    """A server of our own on loopback; it refuses to run as root, and its user may not look into pytest's folders."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        yield from served(Path(folder))


def served(folder: Path) -> Iterator[str]:
    """Its address while it runs."""
    initdb, postgres, port = program("initdb"), program("postgres"), free_port()
    words: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("needs runuser, since PostgreSQL does not run as root")
        words = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data = folder / "data"
    made = subprocess.run(
        [*words, initdb, "-D", str(data), "-U", "shore", "-A", "trust", "--no-sync", "-E", "UTF8"],
        capture_output=True, timeout=110, check=False, cwd="/",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr.decode()
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*words, postgres, *options], stdout=log, stderr=log, cwd="/")
    url = f"postgresql://shore@127.0.0.1:{port}/postgres"
    deadline = time.monotonic() + 60
    import psycopg

    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(30)
