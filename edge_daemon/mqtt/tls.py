"""TLS for the connection to the broker: always with the broker's certificate and name checked, version 1.2 or later."""

from __future__ import annotations

import ssl

from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.link import Tls


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
        ConfigError: a file is absent, unreadable, or not what it should be.
    """
    for file in (tls.ca_file, tls.certificate_file, tls.key_file):
        if file is not None:
            try:
                with file.open("rb"):
                    pass
            except OSError as error:
                raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    try:
        made = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
    except (ssl.SSLError, OSError):
        raise ConfigError(f"{tls.ca_file} holds no certificate", "It must be a PEM file.") from None
    made.sslsocket_class = ClosingSocket
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file is not None:
        try:
            made.load_cert_chain(str(tls.certificate_file), None if tls.key_file is None else str(tls.key_file))
        except (ssl.SSLError, OSError):
            raise ConfigError(
                f"{tls.certificate_file} and {tls.key_file} are not a certificate and its key",
                "Both must be PEM files.",
            ) from None
    return made
