"""Compiled kernels are kept on disk by content; a broken file costs a compilation and nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rheobase import files, neurons
from rheobase.engine.llvm import compile as compile_llvm
from rheobase.engine.llvm import launch

CURRENT = torch.ones(3, 1, 5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache on disk, and nothing in memory."""
    monkeypatch.setenv("RHEOBASE_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(launch, "kernel", launch.functools.lru_cache(launch.kernel.__wrapped__))
    return tmp_path / "kernels"


def outputs() -> torch.Tensor:
    launch.kernel.cache_clear()
    return neurons.LI(5, dt=1.0)(CURRENT)[0]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    real = compile_llvm._object_code

    def watched(llvm: object, target: object, assembly: str, machine: compile_llvm.Host) -> bytes:
        seen.append(assembly)
        return real(llvm, target, assembly, machine)

    monkeypatch.setattr(compile_llvm, "_object_code", watched)
    return seen


def test_a_kernel_is_compiled_once(folder: Path, compilations: list[str]) -> None:
    first = outputs()
    (file,) = folder.iterdir()
    assert file.suffix == ".o"
    assert torch.equal(first, outputs())
    assert len(compilations) == 1


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, None])
def test_a_broken_file_is_made_again(folder: Path, compilations: list[str], damage: bytes | None) -> None:
    """Empty, garbage, or cut short."""
    first = outputs()
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert torch.equal(first, outputs())
    assert len(compilations) == 2
    assert file.stat().st_size == len(whole)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert outputs().shape == CURRENT.shape
    assert not list(folder.iterdir())


def test_a_file_where_the_folder_should_be(folder: Path) -> None:
    folder.write_text("not a folder")
    assert outputs().shape == CURRENT.shape
    assert folder.read_text() == "not a folder"


def test_no_half_written_file_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk."""

    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert outputs().shape == CURRENT.shape
    assert not list(folder.iterdir())


def test_another_process_reads_it(folder: Path) -> None:
    """And finds the same numbers."""
    expected = outputs()
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    code = (
        "import torch; from rheobase import neurons;"
        "print(neurons.LI(5, dt=1.0)(torch.ones(3, 1, 5))[0].flatten().tolist())"
    )
    environment = {**os.environ, "RHEOBASE_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert eval(run.stdout) == expected.flatten().tolist()
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_the_name_depends_on_the_processor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs()
    host = compile_llvm.host()
    monkeypatch.setattr(
        compile_llvm, "host", lambda: compile_llvm.Host(host.cpu, host.features + ",-sse4a", host.vector_bits)
    )
    outputs()
    assert len(list(folder.iterdir())) == 2


def test_the_name_depends_on_the_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs()
    monkeypatch.setattr(compile_llvm, "__version__", "0.0.0")
    outputs()
    assert len(list(folder.iterdir())) == 2


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("given", [None, "~/kernels"])
def test_without_a_home_a_kernel_runs_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "kernel", launch.functools.lru_cache(launch.kernel.__wrapped__))
    if given is not None:
        monkeypatch.setenv("RHEOBASE_CACHE", given)
    files.say_uncached.cache_clear()
    with pytest.warns(RuntimeWarning, match="without a home folder"):
        assert outputs().shape == CURRENT.shape
    # a second warning would be an error
    assert outputs().shape == CURRENT.shape
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("homeless")
def test_without_a_home_a_named_folder_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "kernel", launch.functools.lru_cache(launch.kernel.__wrapped__))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outputs()
    assert list((tmp_path / "rheobase").iterdir())


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RHEOBASE_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", os.path.join("some", "where"))
    assert compile_llvm.cache_folder() == Path("some") / "where" / "rheobase"
