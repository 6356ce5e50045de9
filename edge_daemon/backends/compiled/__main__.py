"""Builds the kernel and tries it: `python -m edge_daemon.backends.compiled [--compiler CC] [--machine NAME] [--keep]`.

One for this machine stays only if it computes a window of the model inside the package as the reference does.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from edge_daemon.backends.compiled.trial import examine
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import shipped_models
from edge_daemon.system.compiled_library import build, is_built, library_path


def main() -> int:
    """Build, try, and say where it lies; exit code 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m edge_daemon.backends.compiled", description=__doc__)
    parser.add_argument("--compiler", default="cc", help="GCC or clang, with arguments if need be")
    parser.add_argument("--machine", default=platform.machine(), help="for which processor, as `uname -m` calls it")
    parser.add_argument("--keep", action="store_true", help="build none where one of this source is")
    options = parser.parse_args()
    try:
        keep = options.keep and is_built(options.machine)
        built = library_path(options.machine) if keep else build(options.compiler, options.machine)
        if options.machine == platform.machine():
            _try(built)
        sys.stdout.write(f"{built}\n")
    except BackendError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _try(built: Path) -> None:
    """Raise `BackendError`, and remove the library, if it does not compute as the reference does."""
    try:
        examine(ModelFile.read(shipped_models()["right_whale"]))
    except BackendError:
        built.unlink()
        raise


if __name__ == "__main__":
    sys.exit(main())
