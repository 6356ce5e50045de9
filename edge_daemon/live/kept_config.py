"""The last configuration that worked, kept for a start at which the file cannot be used.

A file that an editor, a failing card or a power cut has spoilt is found out at the next start, and at sea that is after
a power cut, with nobody there. So the file is copied when the daemon has started with it: as it stands, with references
to secrets and without the secrets.

The copy must be found while nobody can read where `storage.folder` is. So it lies in the folder that the service
manager gives us ($STATE_DIRECTORY; without one, where programs of this user keep their state), and in the storage
folder as well, for a container of which only that folder stays.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from edge_daemon.config import Loaded, load_text
from edge_daemon.config.document import MAX_BYTES, parse
from edge_daemon.config.problem import ProblemsFound
from edge_daemon.config.root import Config
from edge_daemon.errors import ConfigError, StorageError
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.system.regular_file import content

log = logging.getLogger(__name__)


class KeptConfig:
    """The kept copy of one configuration file.

    Args:
        path: the file.
        environment: the process's.
    """

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path.absolute()
        self._environment = environment

    def keep(self, loaded: Loaded) -> None:
        """Copy a configuration that has worked; a disk that cannot take it is told in the log."""
        text = loaded.content.decode("utf-8", errors="surrogateescape")
        for place in self._places(loaded.config.storage.folder):
            try:
                if place.is_file() and content(place, MAX_BYTES + 1) == loaded.content:
                    continue
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with whole_file(place) as file:
                    file.write(text)
            except (OSError, StorageError, UnicodeEncodeError) as error:
                log.warning("the configuration could not be kept", extra={"place": place, "reason": str(error)})

    def loaded(self, *, without_mqtt: bool = False) -> Loaded:
        """The kept configuration, as if it were the file.

        Args:
            without_mqtt: leave section `mqtt` out, whose references may lead nowhere.

        Raises:
            ConfigError: no copy can be used.
        """
        refusal = ConfigError(f"No configuration is kept for {self._path}.")
        for place in self._places(self._named_folder()):
            try:
                text = content(place, MAX_BYTES + 1)
                return load_text(text, self._environment, self._path, without_mqtt=without_mqtt)
            except ConfigError as error:
                refusal = error
            except OSError:
                continue
        raise refusal

    @property
    def exists(self) -> bool:
        """Whether a start with this file has worked before."""
        return any(place.is_file() for place in self._places(self._named_folder()))

    def _places(self, folder: Path) -> list[Path]:
        """Where the copy is, the surest first."""
        given = [Path(one) for one in self._environment.get("STATE_DIRECTORY", "").split(":") if one.startswith("/")]
        home = self._environment.get("XDG_STATE_HOME") or f"{self._environment.get('HOME', '')}/.local/state"
        own = given[:1] or ([Path(home) / "edge-daemon"] if home.startswith("/") else [])
        name = f"kept-config-{hashlib.sha256(os.fsencode(self._path)).hexdigest()[:12]}.yaml"
        return [place / name for place in dict.fromkeys([*own, folder])]

    def _named_folder(self) -> Path:
        """The storage folder that the spoilt file still names, or else the usual one."""
        usual = Config().storage.folder
        try:
            section = parse(content(self._path, MAX_BYTES)).data.get("storage")
        except (OSError, ValueError, ProblemsFound):
            return usual
        folder = section.get("folder") if isinstance(section, dict) else None
        return self._path.parent / folder if isinstance(folder, str) and "\0" not in folder else usual
