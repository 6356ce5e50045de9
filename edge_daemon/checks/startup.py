"""Refusing a configuration that is well-formed but cannot work, with the key and its place, before anything is started.

Refused is what only a person can mend, by another file or another value. What may mend itself (an absent sound card, a
silent broker, a full disk) is no reason to refuse: the daemon starts and waits for it.
"""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge_daemon.backends.registry import installed, load
from edge_daemon.config import Loaded
from edge_daemon.config.backend import BackendSection
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.detection.detector import DetectorSettings, plan
from edge_daemon.errors import BackendError, ConfigValueError, about
from edge_daemon.model.shipped import named_models
from edge_daemon.mqtt.link import Tls
from edge_daemon.mqtt.publisher import password_of
from edge_daemon.mqtt.tls import context
from edge_daemon.storage.read_only import why_read_only

log = logging.getLogger(__name__)

_FOR_GOOD = (errno.EACCES, errno.EPERM, errno.ENOENT)
"""Why a folder cannot be written, if only a person can mend it; a full or read-only disk may mend itself."""


def check(loaded: Loaded, environment: Mapping[str, str] | None = None) -> None:
    """Look at everything that a configuration names, sound card aside.

    Args:
        loaded: the configuration.
        environment: for credentials; the process's own if None.

    Raises:
        ConfigError: the first thing that cannot work.
    """
    with loaded.locating_errors():
        config = loaded.config
        with about("model.path"):
            _check_model_path(config.model.path)
            plan(DetectorSettings.from_config(config))
        _check_backend(config.backend)
        if config.mqtt.enabled:
            _check_mqtt(config.mqtt, os.environ if environment is None else environment)
        _check_folder(config.storage.folder)


def _check_model_path(path: Path | None) -> None:
    try:
        there = path is None or path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise ConfigValueError(
            "model.path", f"names a file that cannot be checked: {error.strerror}", named_models()
        ) from None
    if not there:
        raise ConfigValueError("model.path", f"names {path}, which does not exist", named_models())
    if path is not None and not path.is_file():
        raise ConfigValueError("model.path", f"names {path}, which is not a file")


def _check_backend(section: BackendSection) -> None:
    # what another Python has is not known here
    named = {"backend.name": section.name if section.python is None else None, "backend.fallback": section.fallback}
    for key, name in named.items():
        if name is not None and name not in installed():
            with about(key):
                load(name)
    if section.python is not None:
        from edge_daemon.backends.worker.client import worker_command

        with about("backend.python"):
            worker_command(section.python)
    if section.worker:
        return  # a library that must not be in this process is not imported here either; the worker checks its options
    try:
        backend = load(section.name)
    except BackendError:
        return  # the fallback takes over, and health says so
    try:
        backend.Options.model_validate(section.options)
    except ValueError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise ConfigValueError(
            "backend.options", f"are refused by the backend {section.name}: {'; '.join(lines[1:3])}"
        ) from None


def _check_mqtt(section: MqttSection, environment: Mapping[str, str]) -> None:
    password_of(section, environment)
    tls = section.tls
    if not tls.enabled:
        return
    for name in ("ca_file", "certificate_file", "key_file"):
        file: Path | None = getattr(tls, name)
        if file is not None:
            _check_readable(f"mqtt.tls.{name}", file)
    with about("mqtt.tls.ca_file"):
        context(Tls(tls.ca_file))
    with about("mqtt.tls.certificate_file"):
        context(Tls(tls.ca_file, tls.certificate_file, tls.key_file))


def _check_readable(key: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except FileNotFoundError:
        raise ConfigValueError(key, f"names {file}, which does not exist") from None
    except OSError as error:
        raise ConfigValueError(key, f"names {file}, which cannot be read: {error.strerror}") from None


def _check_folder(folder: Path) -> None:
    try:
        for place in (folder, *folder.parents):
            if place.is_dir():
                break
            if place.exists() or place.is_symlink():
                raise ConfigValueError("storage.folder", f"names {folder}, but {place} is not a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in _FOR_GOOD:
            raise ConfigValueError(
                "storage.folder", f"names {folder}, which cannot be written: {error.strerror}"
            ) from None
        told = f"nothing can be stored in storage.folder, so a power cut will lose unsent detections: {error.strerror}."
        log.warning(f"{told} {why_read_only(folder)}".rstrip(), extra={"folder": folder})
