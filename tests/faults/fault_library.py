"""A disk and a clock that fail when told to, under a real program: `faults.c`, loaded before the C library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")


def build(folder: Path) -> Path:
    """Compile the library.

    Raises:
        LookupError: there is no C compiler.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        raise LookupError("needs a C compiler: apt-get install gcc libc6-dev")
    library = folder / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return library


class FaultLibrary:
    """Orders to the library; they count from the next call of the program on.

    Args:
        library: what `build` made.
        folder: scratch for the orders.
        disk: the folder whose files fail.

    Attributes:
        environment: to be added to the program's.
    """

    def __init__(self, library: Path, folder: Path, disk: Path) -> None:
        self._file = folder / "faults.txt"
        self._orders: dict[str, str] = {}
        self._write()
        self.environment = {"LD_PRELOAD": str(library), "FAULTS": str(self._file), "FAULTS_FOLDER": str(disk.resolve())}

    def let(self, call: str, what: str) -> None:
        """Order a fault, as `let("fsync", "hang")` or `let("clock", "3600")`; `faults.c` lists them."""
        self._orders[call] = what
        self._write()

    def mend(self, *calls: str) -> None:
        """Take orders back; all of them if none is named. What hangs goes on."""
        for call in calls or tuple(self._orders):
            self._orders.pop(call, None)
        self._write()

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text("".join(f"{call} {what}\n" for call, what in self._orders.items()))
        new.replace(self._file)
