"""The command that builds the kernel: what it leaves is of this source and computes right, or nothing is left."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from edge_daemon.backends.compiled.__main__ import main
from edge_daemon.system import compiled_library as library


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["compiled", *arguments])
    library.kernel.cache_clear()
    return main()


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(library, "_FLAGS", (*library._FLAGS, "-O0"))  # sooner done


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
def test_one_of_this_source_is_kept_and_one_of_another_is_not(
    without_kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = library.library_path()
    path.write_bytes(b"of an older version")
    assert not library.is_built()
    assert command(monkeypatch, "--keep") == 0  # builds, and has a window computed
    assert capsys.readouterr().out == f"{path}\n"
    assert library.is_built()
    made = path.stat().st_ino
    assert command(monkeypatch, "--keep", "--compiler", "no-compiler") == 0
    assert path.stat().st_ino == made
    assert command(monkeypatch, "--compiler", "no-compiler") == 1  # unless asked to build


def test_without_a_compiler_it_says_so(
    without_kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--keep", "--compiler", "no-compiler") == 1
    assert capsys.readouterr().err.startswith("The kernel cannot be built: No such file or directory: no-compiler.")
    assert list(without_kernel.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("compiler", "wrong_source")
def test_one_that_computes_something_else_does_not_stay(
    without_kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch) == 1
    assert "does not compute what the model right_whale says" in capsys.readouterr().err
    assert not library.library_path().exists()


def test_a_file_that_is_of_this_source_but_no_library_does_not_stay(
    without_kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library.library_path().write_bytes(library._digest().encode())
    assert command(monkeypatch, "--keep") == 1
    assert "cannot be loaded" in capsys.readouterr().err
    assert not library.library_path().exists()


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
def test_a_library_without_what_is_asked_of_it_does_not_stay(
    without_kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = without_kernel / "empty.c"
    source.write_text("#include <stddef.h>\nconst char *const edge_daemon_source = SOURCE_DIGEST;\n")
    digest = library._digest()
    monkeypatch.setattr(library, "SOURCES", (source,))
    monkeypatch.setattr(library, "_digest", lambda: digest)
    assert command(monkeypatch) == 1
    assert "cannot be loaded" in capsys.readouterr().err
    assert not library.library_path().exists()


@pytest.mark.slow
@pytest.mark.usefixtures("without_kernel")
def test_clang_builds_one_that_computes_right(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("clang") is None:
        pytest.skip("needs clang")
    assert command(monkeypatch, "--compiler", "clang") == 0
    assert library.library_path().exists()
