"""Keys that sign orders: Ed25519 by PyNaCl, which is imported when a key is used for the first time.

PyNaCl takes 2.3 MB of memory, `cryptography` 9.7 MB (Python 3.11 on x86-64, measured after `ssl` and `hashlib`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_daemon.errors import ConfigError, StorageError
from edge_daemon.orders.envelope import Sign, Verify
from edge_daemon.system.credentials import read_secret

if TYPE_CHECKING:
    from types import ModuleType

HINT = "Run: pip install 'edge-daemon[orders]'"


def key_name(public_key: str) -> str:
    """Short name of a public key (64 hexadecimal digits), by which its counter is kept: 12 digits of its SHA-256."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:12]


def require_library() -> None:
    """See that signatures can be checked here.

    Raises:
        ConfigError: PyNaCl is not installed.
    """
    _signing()


def verifier(public_keys: Sequence[str]) -> Verify:
    """Checks signatures by these keys, each 64 hexadecimal digits.

    Raises:
        ConfigError: PyNaCl is not installed.
    """
    from nacl.exceptions import CryptoError

    signing = _signing()
    keys = [(key_name(text), signing.VerifyKey(bytes.fromhex(text))) for text in public_keys]

    def verify(message: bytes, signature: bytes) -> str | None:
        for name, key in keys:
            try:
                key.verify(message, signature)
            except (CryptoError, ValueError):
                continue
            return name
        return None

    return verify


def make_key(path: Path) -> str:
    """Write a new private key into a file that nobody else may read; its public key, 64 hexadecimal digits.

    Raises:
        ConfigError: PyNaCl is not installed.
        StorageError: there is a file already, or it cannot be written.
    """
    key = _signing().SigningKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise StorageError(f"{path} exists already.", "A key that is replaced is lost: give another name.") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(bytes(key).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return bytes(key.verify_key).hex()


def signer(path: Path) -> tuple[Sign, str]:
    """What signs with the private key in a file, and its public key.

    Raises:
        ConfigError: PyNaCl is not installed, or the file holds no key, or everybody can read it.
    """
    signing = _signing()
    text = read_secret(path, "--key")
    try:
        key = signing.SigningKey(bytes.fromhex(text))
    except Exception:  # noqa: BLE001 - of PyNaCl's own kinds; the text is a secret and stays out of the message
        raise ConfigError(f"{path} holds no key for orders.", "edge-daemon orders keygen makes one.") from None
    return lambda message: bytes(key.sign(message).signature), bytes(key.verify_key).hex()


def _signing() -> ModuleType:
    try:
        import nacl.signing
    except ImportError:
        raise ConfigError("Orders need the package PyNaCl, which is not installed.", HINT) from None
    module: ModuleType = nacl.signing
    return module
