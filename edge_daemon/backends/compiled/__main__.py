"""Builds the kernel: `python -m edge_daemon.backends.compiled [--compiler CC] [--machine NAME]`."""

from __future__ import annotations

import argparse
import platform
import sys

from edge_daemon.backends.compiled.library import build
from edge_daemon.errors import BackendError


def main() -> int:
    """Build, and say where it lies; exit code 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m edge_daemon.backends.compiled", description=__doc__)
    parser.add_argument("--compiler", default="cc", help="GCC or clang, with arguments if need be")
    parser.add_argument("--machine", default=platform.machine(), help="for which processor, as `uname -m` calls it")
    options = parser.parse_args()
    try:
        sys.stdout.write(f"{build(options.compiler, options.machine)}\n")
    except BackendError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
