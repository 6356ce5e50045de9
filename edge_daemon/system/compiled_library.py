"""What is written in C, as one library: built once for a kind of processor, found beside the kernel's source.

It is there where somebody has built it (`python -m edge_daemon.backends.compiled`), and nothing needs it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
from functools import lru_cache
from pathlib import Path

from edge_daemon.errors import BackendError

_PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = tuple(
    _PACKAGE / part
    for part in (
        "backends/compiled/kernel.c",
        "backends/compiled/first_layer.c",
        "backends/compiled/spike_sums.c",
        "backends/compiled/neuron.c",
        "backends/compiled/dense.c",
        "audio/polyphase.c",
        "audio/decoding/pcm_24.c",
    )
)
FOLDER = SOURCES[0].parent
"""Where libraries lie."""
_HEADERS = (FOLDER / "network.h",)
_FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wno-psabi")
_HINT = "Build it with `python -m edge_daemon.backends.compiled` (needs a C compiler), or use the backend onnx."


def library_path(machine: str = "", folder: Path | None = None) -> Path:
    """Where the library for a kind of processor lies, as `platform.machine` calls it; this one's if empty."""
    return (folder or FOLDER) / f"kernel.{machine or platform.machine()}.so"


def build(compiler: str = "cc", machine: str = "", folder: Path | None = None) -> Path:
    """Compile the kernel, and put the library where it is looked for.

    Args:
        compiler: GCC or clang, with arguments if need be; a cross compiler makes it for another processor.
        machine: for which; as in `library_path`.
        folder: where to put it instead.

    Raises:
        BackendError: there is no such compiler, or it fails, or the folder cannot be written.
    """
    import shlex  # these are not wanted where the program runs
    import subprocess
    import tempfile

    target = library_path(machine, folder)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as workshop:
            made = Path(workshop) / target.name
            define = f'-DSOURCE_DIGEST="{_digest()}"'
            command = [*shlex.split(compiler), *_FLAGS, define, "-o", str(made), *map(str, SOURCES)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user's
            if done.returncode:
                raise BackendError(f"The compiler {compiler} failed: {done.stderr.strip()[:2000]}")
            made.chmod(0o755)
            made.replace(target)
    except OSError as error:
        raise BackendError(
            f"The kernel cannot be built: {error.strerror}: {error.filename or target.parent}.",
            "Install GCC or clang, name it with --compiler, and build as somebody who may write into that folder.",
        ) from error
    return target


def is_built(machine: str = "") -> bool:
    """Whether a library of this version's source lies where `library_path` says; it is not loaded."""
    path = library_path(machine)
    return path.exists() and _digest().encode() in path.read_bytes()


@lru_cache(maxsize=1)
def kernel() -> ctypes.CDLL:
    """The library for this processor, loaded.

    Raises:
        BackendError: it has not been built, or from another source, or cannot be loaded.
    """
    path = library_path()
    if not path.exists():
        raise BackendError(f"The compiled kernel for {platform.machine()} is not there ({path.name}).", _HINT)
    try:
        library = ctypes.CDLL(os.fspath(path))
        digest = ctypes.c_char_p.in_dll(library, "edge_daemon_source").value
        if digest != _digest().encode():
            raise BackendError(f"The compiled kernel {path} was built from another version's source.", _HINT)
        _declare(library)
    except (OSError, ValueError, AttributeError) as error:  # no library, or what it should have is not in it
        raise BackendError(f"The compiled kernel {path} cannot be loaded: {error}.", _HINT) from error
    return library


def _declare(library: ctypes.CDLL) -> None:
    """Say what its functions take and return; `AttributeError` if one is not there."""
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    library.edge_daemon_run.restype = ctypes.c_int
    library.edge_daemon_run.argtypes = (pointer, pointer, number, pointer, pointer, pointer)
    library.edge_daemon_resamples_fast.restype = ctypes.c_int
    library.edge_daemon_resample.restype = None
    library.edge_daemon_resample.argtypes = (pointer, pointer, number, pointer)
    library.edge_daemon_decode_24.restype = None
    library.edge_daemon_decode_24.argtypes = (ctypes.c_char_p, number, pointer)


def _digest() -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in (*SOURCES, *_HEADERS))).hexdigest()
