"""TLS for the connection to the broker: always with the broker's certificate and name checked, version 1.2 or later."""

from __future__ import annotations

import ssl
from pathlib import Path

from edge_daemon.errors import ConfigValueError
from edge_daemon.mqtt.link import Tls
from edge_daemon.system.named_file import open_named


class ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave it open until it is collected."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, or close and raise."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def context(tls: Tls) -> ssl.SSLContext:
    """Context with our authority and, where given, our certificate.

    Raises:
        ConfigValueError: a file is absent, unreadable, or not what it should be.
    """
    for name in ("ca_file", "certificate_file", "key_file"):
        file: Path | None = getattr(tls, name)
        if file is not None:
            with open_named(f"mqtt.tls.{name}", file):
                pass
    try:
        made = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
    except (ssl.SSLError, OSError):
        wrong = f"names {tls.ca_file}, which holds no certificate"
        raise ConfigValueError("mqtt.tls.ca_file", wrong, "It must be a PEM file.") from None
    made.sslsocket_class = ClosingSocket
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file is not None:
        try:
            made.load_cert_chain(str(tls.certificate_file), None if tls.key_file is None else str(tls.key_file))
        except (ssl.SSLError, OSError):
            wrong = f"names {tls.certificate_file}; that and {tls.key_file} are not a certificate and its key"
            raise ConfigValueError("mqtt.tls.certificate_file", wrong, "Both must be PEM files.") from None
    return made
