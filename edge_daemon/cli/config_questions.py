"""The questions of `config init`: the few whose answers cannot be guessed, each checked before the next question.

Questions go to standard error, so that a file printed on standard output stays a file.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click

from edge_daemon.cli.say import say
from edge_daemon.config.loading import DEFAULT_PATH, load_text
from edge_daemon.config.problem import ConfigFileError
from edge_daemon.config.template import template
from edge_daemon.errors import sentence
from edge_daemon.system.credentials import environment_by_hand

Key = tuple[str, ...]
_NUMBERS: Collection[Key] = (
    ("device", "latitude"),
    ("device", "longitude"),
    ("audio", "rate"),
    ("hydrophone", "sensitivity_db"),
    ("hydrophone", "gain_db"),
    ("hydrophone", "adc_full_scale_v"),
)
REMOVE = "-"
"""An answer that removes what is set."""
CREDENTIAL = "mqtt-password"
"""Name of the password's file next to the configuration, and of the unit's credential."""


class Questionnaire:
    """Asks, and keeps the answers that a configuration accepts.

    Args:
        values: what is set before the first question, by key.
        folder: where the configuration will be; the password's file goes there.
    """

    def __init__(self, values: Mapping[Key, Any], folder: Path) -> None:
        self.values = dict(values)
        self._folder = folder

    def ask_all(self) -> None:
        """All questions, in the order of the file; an empty answer takes the value in brackets, or nothing.

        The value in brackets is the one that is set already; `-` removes it.
        """
        self._ask("Name of this device", ("device", "id"))
        self._ask_position()
        self._ask_device()
        self._ask("Sampling rate in Hz (empty: the sound card's own)", ("audio", "rate"))
        self._ask_hydrophone()
        self._ask_broker()

    def _set(self, *keys: Key) -> str:
        """What is set already, as one would type it; empty if one of the keys is not."""
        return " ".join(str(self.values[key]) for key in keys) if all(key in self.values for key in keys) else ""

    def _ask(self, question: str, key: Key) -> None:
        """Ask until the answer is empty or accepted; numbers are taken as numbers where the key wants them."""
        while (text := _prompt(question, before := self._set(key)).strip()) and text != before:
            if text == REMOVE:
                self.values.pop(key, None)
                return
            if self._accept({key: text}):
                return

    def _accept(self, answers: Mapping[Key, Any]) -> bool:
        """Keep the answers if a configuration with them is good, else say what is wrong."""
        typed = {key: _number(value) if key in _NUMBERS else value for key, value in answers.items()}
        try:
            environment = environment_by_hand(self._folder, os.environ)  # what was there before may have references
            load_text(template(self.values | typed).encode(), environment)
        except ConfigFileError as error:
            for problem in error.problems:
                say(f"  {sentence(problem.key, problem.sentence)} {problem.hint}".rstrip(), err=True)
            return False
        self.values |= typed
        return True

    def _ask_position(self) -> None:
        question = "Position in degrees, north and east (like 42.35 -70.25; empty: unknown)"
        keys = ("device", "latitude"), ("device", "longitude")
        while (text := _prompt(question, before := self._set(*keys)).strip()) and text != before:
            if text == REMOVE:
                for key in keys:
                    self.values.pop(key, None)
                return
            words = text.replace(",", " ").split()
            if len(words) != 2:
                say("  Enter two numbers; south and west are negative.", err=True)
            elif self._accept({("device", "latitude"): words[0], ("device", "longitude"): words[1]}):
                return

    def _ask_device(self) -> None:
        there = _inputs()
        for line in there or ["(no sound input is connected; you can plug it in later)"]:
            say(f"  {line}", err=True)
        while True:
            before = self._set(("audio", "device"))
            text = _prompt("Sound input (index, name or part of it; empty: the default)", before).strip()
            if text == REMOVE:
                self.values.pop(("audio", "device"), None)
            if text in ("", before, REMOVE):
                return
            # a name outlives the plugging in of another device, an index does not
            names = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in there}
            value: str | int = names.get(text, int(text) if text.isdecimal() else text)
            if self._accept({("audio", "device"): value}):
                return

    def _ask_hydrophone(self) -> None:
        keys = [("hydrophone", name) for name in ("sensitivity_db", "gain_db", "adc_full_scale_v")]
        if not _confirm_as_before("Is the hydrophone calibrated (its sensitivity known)?", keys[0] in self.values):
            for key in keys:
                self.values.pop(key, None)
            return
        questions = (
            ("Sensitivity in dB re 1 V/uPa (like -170)", ""),
            ("Gain of the preamplifier in dB", "0"),
            ("Voltage (peak) that gives a full-scale sample", "1"),
        )
        while True:
            answers: dict[Key, Any] = {
                key: _prompt(question, self._set(key) or usual)
                for key, (question, usual) in zip(keys, questions, strict=True)
            }
            if self._accept(answers):
                return

    def _ask_broker(self) -> None:
        self._ask("Broker (name or address)", ("mqtt", "host"))
        encrypted = ("mqtt", "tls", "enabled")
        if not _confirm_as_before("Encrypted connection (TLS)?", self.values.get(encrypted) is True):
            self.values = {key: value for key, value in self.values.items() if key[:2] != ("mqtt", "tls")}
        else:
            self._accept({encrypted: True})
            self._ask("File with the broker's certificate authority (empty: the system's)", ("mqtt", "tls", "ca_file"))
        self._ask("User name for the broker (empty: none)", ("mqtt", "username"))
        if ("mqtt", "username") in self.values:
            self._ask_password()
        else:
            for name in ("password_file", "password_credential"):
                self.values.pop(("mqtt", name), None)

    def _ask_password(self) -> None:
        """The password goes into a file of its own; the service hands it over as a credential."""
        secret = self._folder.resolve() / CREDENTIAL
        given = self.values.get(("mqtt", "password_file"))
        if given is not None:
            secret = self._folder.resolve() / str(given)
        elif ("mqtt", "password_credential") in self.values:
            pass
        elif self._folder.resolve() == DEFAULT_PATH.parent:
            self._accept({("mqtt", "password_credential"): CREDENTIAL})
        else:
            self._accept({("mqtt", "password_file"): str(secret)})
        if _filled(secret):
            say(f"  The password is already in {secret}.", err=True)
            return
        password = click.prompt(
            "Password (not shown; empty: write its file later)",
            hide_input=True, default="", show_default=False, err=True,
        )  # fmt: skip
        if password:
            _write_secret(secret, password)
        else:
            say(f"  Write it later: {secret}, then chmod 600 {secret}", err=True)


def _filled(secret: Path) -> bool:
    """Whether a password stands in its file: the installer makes an empty one."""
    try:
        return bool(secret.read_bytes().strip(b"\r\n"))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # somebody's, whom we must not overwrite


def _write_secret(path: Path, password: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)  # before anything stands in it
            file.write(password + "\n")
    except OSError as error:
        say(f"  {path} cannot be written ({error.strerror}); write it yourself.", err=True)
    else:
        say(f"  Written: {path}, readable only by its owner.", err=True)


def _number(text: Any) -> Any:
    """A number if it is one, else the text as it is, which the configuration refuses with a sentence."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _inputs() -> list[str]:
    """Sound inputs as "index name"; empty where there is none or no PortAudio."""
    from edge_daemon.audio.capture.portaudio import PortAudioDriver
    from edge_daemon.errors import AudioError

    try:
        return [f"{device.index} {device.name}" for device in PortAudioDriver().devices()]
    except AudioError as error:
        say(f"  {error}", err=True)
        return []


def _prompt(question: str, default: str) -> str:
    answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
    return answer


def _confirm(question: str, default: bool = False) -> bool:
    return click.confirm(question, default=default, err=True)


def _confirm_as_before(question: str, before: bool) -> bool:
    return _confirm(question, True) if before else _confirm(question)
