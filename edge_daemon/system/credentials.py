"""Secrets: read from a file that only the daemon can read, or from a systemd credential; never from the settings file.

systemd hands a unit's credentials (`LoadCredential=NAME:PATH`) over as files in the folder $CREDENTIALS_DIRECTORY,
which only that unit sees. Both kinds are read again at each connection attempt, so a changed password file needs no
restart; of a credential systemd makes a copy at the unit's start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from edge_daemon.errors import ConfigValueError
from edge_daemon.system.named_file import open_named

MAX_BYTES = 64 * 1024


def read_secret(path: Path, key: str) -> str:
    """Text of a secret's file, which `key` of the configuration names, without the final line end.

    Raises:
        ConfigValueError: the file is absent, unreadable, readable by everybody, empty, too long, or not text.
    """
    text = _read(path, key)
    if not text:
        raise ConfigValueError(key, f"names {path}, which is empty", "Write the secret into it.")
    return text


def read_credential(name: str, environment: Mapping[str, str], key: str) -> str:
    """Text of a systemd credential, which `key` of the configuration names, without the final line end.

    Raises:
        ConfigValueError: not started by systemd with that credential, or it cannot be read.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ConfigValueError(
            key,
            f"refers to the credential {name}, but systemd did not pass it on",
            f"Add LoadCredential={name}:/path to the unit; when started by hand, set CREDENTIALS_DIRECTORY.",
        )
    if "/" in name or name in ("", ".", ".."):
        raise ConfigValueError(key, f"refers to the credential {name!r}, which is not a plain name")
    path = Path(folder) / name
    if not path.exists():
        raise ConfigValueError(
            key,
            f"refers to the credential {name}, but {path} does not exist",
            f"The unit needs LoadCredential={name}:/path; a check by hand looks beside the configuration.",
        )
    text = _read(path, key)
    if not text:  # the installer's file, to be filled in; or what the unit passes on where the file is gone
        raise ConfigValueError(
            key,
            f"refers to the credential {name}, which is empty",
            f"Write it into the file that LoadCredential={name}: names in the unit; the next start reads it.",
        )
    return text


def environment_by_hand(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment for a person's look at a configuration, without a service manager around.

    systemd passes credentials in its own folder; the unit takes them from next to the configuration, where a command
    by hand finds them.

    Args:
        folder: the configuration's.
        environment: the process's.
    """
    return {"CREDENTIALS_DIRECTORY": str(folder.absolute()), **environment}


def _read(path: Path, key: str) -> str:
    with open_named(key, path) as file:
        if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
            wrong = f"names {path}, which every user of this machine can read"
            raise ConfigValueError(key, wrong, f"Run: chmod 600 {path}")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigValueError(key, f"names {path}, which is longer than {MAX_BYTES} bytes", "Is it the right file?")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigValueError(key, f"names {path}, which is not UTF-8 text") from None
