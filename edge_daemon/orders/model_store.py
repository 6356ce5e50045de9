"""Models that came from shore: the pieces of the next one, and the files of those that are in use.

Each piece is a file of its own, there as a whole or not at all, so the transfer goes on after days and power cuts where
it stopped, and nothing needs to be kept in step with it. A model is put together when all pieces are there, and has its
name, its digest, only when the digest has been checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from pydantic import ValidationError

from edge_daemon.errors import StorageError
from edge_daemon.orders.arguments import ModelArguments, PieceArguments
from edge_daemon.orders.overlay import model_path
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.storage.atomic_file import write_whole
from edge_daemon.storage.part_file import SUFFIX
from edge_daemon.system.regular_file import content, open_regular

SPARE_BYTES = 50_000_000
"""Room that a model must leave on the disk."""
BLOCK = 1 << 20


class ModelStore:
    """The folder of models from shore.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pieces = folder / "incoming"
        self._announced = folder / "incoming.json"

    @property
    def announced(self) -> ModelArguments | None:
        """The model whose pieces are taken; None without one."""
        try:
            return ModelArguments.model_validate_json(content(self._announced))
        except (OSError, ValidationError):
            return None

    def announce(self, model: ModelArguments) -> None:
        """Take pieces of this model from now on; those of another one, or of another size, go.

        Raises:
            OrderRefusedError: there is no room for it.
            StorageError: the disk cannot be written.
        """
        if model == self.announced:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget_pieces()
            self._forget_parts()
            room = os.statvfs(self._folder)
            blocks = model.pieces * -(-model.piece_bytes // room.f_frsize)
            if (room.f_bavail - blocks) * room.f_frsize < model.size + SPARE_BYTES:
                raise OrderRefusedError("value", "there is no room for this model on the disk")
            self._pieces.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._announced, json.dumps(model.model_dump()).encode())
        except OSError as error:
            raise _failed(self._folder, error) from error

    def take(self, piece: PieceArguments, data: bytes) -> None:
        """Keep a piece.

        Raises:
            OrderRefusedError: it is not one of the announced model.
            StorageError: the disk cannot be written.
        """
        model = self.announced
        if model is None or model.digest != piece.digest:
            raise OrderRefusedError("value", "no such model was announced")
        if piece.number >= model.pieces or len(data) != model.length(piece.number):
            raise OrderRefusedError("value", "the model has no such piece")
        try:
            self._pieces.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._piece(piece.number), data)
        except OSError as error:
            raise _failed(self._pieces, error) from error

    def missing(self, model: ModelArguments) -> list[int]:
        """Numbers of the pieces that are to come; none if the whole model is there."""
        if self.good(model.digest):
            return []
        there = {}
        with contextlib.suppress(OSError):
            there = {entry.name: entry.stat().st_size for entry in os.scandir(self._pieces)}
        return [number for number in range(model.pieces) if there.get(self._piece(number).name) != model.length(number)]

    def assemble(self, model: ModelArguments) -> None:
        """Make the model's file of its pieces, all of which are there.

        Raises:
            OrderRefusedError: the digest is another one; then all pieces go.
            StorageError: the disk cannot be read or written.
        """
        if self.good(model.digest):
            return
        path, digest = model_path(self._folder, model.digest), hashlib.sha256()
        part = self._folder / f".{model.digest[:16]}{SUFFIX}"
        try:
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for number in range(model.pieces):
                    data = content(self._piece(number), model.piece_bytes + 1)
                    digest.update(data)
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != model.digest:
                part.unlink()
                self._forget_pieces()
                raise OrderRefusedError("value", "the pieces do not make the model that was announced")
            part.replace(path)
        except OSError as error:
            raise _failed(self._folder, error) from error

    def good(self, digest: str) -> bool:
        """Whether a model is there, and none of its bits has changed."""
        found = hashlib.sha256()
        try:
            with open_regular(model_path(self._folder, digest)) as file:
                while block := file.read(BLOCK):
                    found.update(block)
        except OSError:
            return False
        return found.hexdigest() == digest

    def tidy(self, needed: frozenset[str], proven: str | None) -> None:
        """Remove models that nobody goes back to, and the pieces of the one that has proved itself.

        Those of a model whose trial has failed stay: it may have been the power, and they were costly.
        """
        model = self.announced
        if model is not None and model.digest == proven:
            self._forget_pieces()
        self._forget_parts()
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.onnx"):
                if path.stem not in needed:
                    path.unlink()

    def _forget_parts(self) -> None:
        """What a power cut has left in the middle of a write; nobody writes here but who calls this."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f".*{SUFFIX}"):
                path.unlink()

    def _forget_pieces(self) -> None:
        self._announced.unlink(missing_ok=True)
        shutil.rmtree(self._pieces, ignore_errors=True)

    def _piece(self, number: int) -> Path:
        return self._pieces / f"{number:06}"


def ranges(numbers: list[int], most: int = 50) -> list[list[int]]:
    """Numbers in rising order as [first, last] of each run, at most so many runs."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        elif len(found) == most:
            break
        else:
            found.append([number, number])
    return found


def _failed(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written: {error.strerror or error}.", "Is there space?")
