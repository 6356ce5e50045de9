"""HTTPS with a certificate of its own, and behind a real proxy; whose word on scheme and visitor counts."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.edge_daemon.shore.buoy_documents import detection
from tests.integration.conftest import make_authority, make_certificate
from tests.integration.shore.conftest import Buoys, RealStation, free_port, wait_for_port

pytestmark = pytest.mark.slow
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
    location / {{
{location}
    }}
  }}
}}
"""


def proxy_settings(station_port: str) -> str:
    """The guide's own lines for nginx, for a station at another port."""
    guide = (Path(__file__).parents[3] / "docs" / "shore.md").read_text()
    found = re.search(r"```nginx\nlocation / \{\n(.*?)\n\}\n```", guide, re.DOTALL)
    assert found is not None
    return found[1].replace("127.0.0.1:8765", f"127.0.0.1:{station_port}")


@pytest.fixture
def trust(tmp_path: Path) -> ssl.SSLContext:
    """A client that trusts our authority alone; the server's certificate lies in the folder."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    authority = make_authority(tmp_path)
    make_certificate(tmp_path, "server")
    return ssl.create_default_context(cafile=str(authority))


def port_of(station: RealStation) -> int:
    return int(station.url.rpartition(":")[2])


def log_in(connection: http.client.HTTPConnection, password: str = "", **headers: str) -> http.client.HTTPResponse:
    fields = urlencode({"name": "ann", "password": password or "password of ann"})
    connection.request("POST", "/login", fields, FORM | headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_with_a_certificate_of_its_own(
    make_real_station: Callable[..., RealStation], tmp_path: Path, trust: ssl.SSLContext
) -> None:
    files = {"certificate_file": str(tmp_path / "server.crt"), "key_file": str(tmp_path / "server.key")}
    station = make_real_station(web=files)
    station.user("ann", "look")
    station.start()
    port = port_of(station)
    secure = http.client.HTTPSConnection("localhost", port, context=trust, timeout=30)
    answer = log_in(secure, Origin=f"https://localhost:{port}")
    assert answer.status == 303
    cookie = str(answer.getheader("set-cookie"))
    assert {"secure", "httponly", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}
    assert answer.getheader("strict-transport-security") == "max-age=31536000"
    secure.request("GET", "/api/fleet", headers={"Cookie": cookie.partition(";")[0]})
    assert secure.getresponse().status == 200
    secure.close()
    with pytest.raises(ssl.SSLCertVerificationError):  # who does not know the authority does not come in
        http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(), timeout=30).connect()
    plain = http.client.HTTPConnection("localhost", port, timeout=30)
    plain.request("GET", "/login")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()


@pytest.fixture
def proxied(
    make_real_station: Callable[..., RealStation], tmp_path: Path, trust: ssl.SSLContext
) -> Iterator[tuple[RealStation, http.client.HTTPSConnection]]:
    """A station behind a real nginx, set up as the guide says, and a connection to that."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("needs nginx: apt-get install nginx-light")
    station, port = make_real_station(web={"behind_proxy": True}), free_port()
    station.user("ann", "look")
    station.start()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(folder=tmp_path, port=port, location=proxy_settings(str(port_of(station)))))
    proxy = subprocess.Popen([program, "-c", str(config), "-p", str(tmp_path)], stderr=subprocess.DEVNULL)
    wait_for_port(port)
    connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=30)
    yield station, connection
    connection.close()
    proxy.send_signal(signal.SIGQUIT)
    proxy.wait(20)


def test_behind_a_proxy(proxied: tuple[RealStation, http.client.HTTPSConnection], buoys: Buoys) -> None:
    station, connection = proxied
    answer = log_in(connection, Origin=f"https://localhost:{connection.port}")
    assert answer.status == 303
    cookie = str(answer.getheader("set-cookie"))
    assert "; secure" in cookie.lower()
    assert answer.getheader("strict-transport-security") is not None
    assert str(answer.getheader("location")) == "/fleet"
    # a detection comes through at once: the proxy holds nothing of the stream back
    connection.request("GET", "/events", headers={"Cookie": cookie.partition(";")[0]})
    stream = connection.getresponse()
    assert stream.readline() == b"retry: 2000\n"
    buoys.send(detection("buoy-1", 1, time.time_ns()))
    lines = iter(stream.readline, b"")
    assert next(line for line in lines if line.startswith(b"event: ")) == b"event: detection\n"
    assert station.process is not None


def test_behind_a_proxy_each_visitor_has_tries_of_its_own(
    proxied: tuple[RealStation, http.client.HTTPSConnection],
) -> None:
    """What a visitor says of itself in the header is replaced by the proxy."""
    _, connection = proxied
    answers = [log_in(connection, f"guess {n}", **{"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(12)]
    assert answers == [403] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("behind", "source", "believed"),
    [(True, "127.0.0.1", True), (True, "127.0.0.2", False), (False, "127.0.0.1", False)],
)
def test_whose_word_on_the_scheme_counts(
    make_real_station: Callable[..., RealStation], behind: bool, source: str, believed: bool
) -> None:
    station = make_real_station(web={"behind_proxy": behind})
    station.user("ann", "look")
    station.start()
    connection = http.client.HTTPConnection("127.0.0.1", port_of(station), timeout=30, source_address=(source, 0))
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    answer = log_in(connection, **said)
    assert ("secure" in str(answer.getheader("set-cookie")).lower()) is believed
    assert (answer.getheader("strict-transport-security") is not None) is believed
    if not believed:  # another visitor in every header is still one at the door: ten tries
        tries = [log_in(connection, "guess", **{"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(10)]
        assert tries == [403] * 9 + [429]
    connection.close()
