"""Makes the wheel of a release, with the compiled kernel for each processor: `python systemd/make_wheel.py [DIR]`.

One wheel serves all: it is pure Python, and holds a library of 80 kB for each processor, of which the program opens its
own. Where none fits, ONNX Runtime scores. Needs a C compiler for each (Debian: gcc and gcc-aarch64-linux-gnu on x86-64,
gcc and gcc-x86-64-linux-gnu on arm64) and a Python with pip, nothing else. The checkout is left as it is.
"""

from __future__ import annotations

import platform
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIBRARY = Path("edge_daemon/system/compiled_library.py")
COMPILERS = {"aarch64": "aarch64-linux-gnu-gcc", "x86_64": "x86_64-linux-gnu-gcc"}
"""By the processor for which they compile; `cc` does for the one of this machine."""
PARTS = ("edge_daemon", "systemd", "pyproject.toml", "README.md", "LICENSE")
"""What a wheel is made of."""


def make(target: Path) -> Path:
    """Build the kernels and the wheel in a copy of the checkout; the wheel.

    Args:
        target: folder for it.

    Raises:
        Exception: a compiler is missing or fails, or pip does.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "source")
        copy.mkdir()
        unwanted = shutil.ignore_patterns("__pycache__", "*.so")
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=unwanted)
            else:
                shutil.copy(ROOT / part, copy)
        # this file alone: of the package around it nothing is needed, nor what that needs
        build = runpy.run_path(str(copy / LIBRARY))["build"]
        for machine, compiler in COMPILERS.items():
            own = "cc" if machine == platform.machine() else compiler
            build(own, machine)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--wheel-dir", folder, str(copy)], check=True)  # noqa: S603 - our own words
        (made,) = Path(folder).glob("*.whl")
        target.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made, target))


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{make(Path(sys.argv[1] if sys.argv[1:] else 'dist'))}\n")
    except Exception as error:  # noqa: BLE001 - its sentence is for people
        sys.exit(f"The wheel was not made: {error}")
