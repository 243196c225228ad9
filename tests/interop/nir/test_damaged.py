"""Files on which libhdf5 would stay, or that would end its process: one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rheobase import errors, neurons, nn
from rheobase.interop import nir as here
from rheobase.interop.nir import file as nir_file
from rheobase.interop.nir import hdf5_tree


@pytest.fixture(scope="module")
def whole(tmp_path_factory: Any) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.nir"
    here.write(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)), path)
    return path.read_bytes()


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def endless(data: bytes, name: str) -> bytes:
    """A change of one place, after which libhdf5 2.0 runs for ever."""
    if name == "an entry of text without a size":
        return changed(data, data.index(b"GCOL") + 16, bytes(16))
    names = data.index(b"HEAP")
    first, where = (int.from_bytes(data[at : at + 8], "little") for at in (names + 16, names + 24))
    return changed(data, where + first, data[names + 16 : names + 24])


@pytest.mark.usefixtures("read_apart")
@pytest.mark.parametrize("name", ["an entry of text without a size", "free names in a circle"])
def test_a_file_that_has_libhdf5_run_for_ever(
    name: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.nir").write_bytes(endless(whole, name))
    monkeypatch.setattr(nir_file, "PATIENCE", 1.0)
    with pytest.raises(errors.DataError, match=r"a\.nir: got a damaged .* was at it for 1 s and found no end"):
        here.read(tmp_path / "a.nir")


@pytest.mark.usefixtures("read_apart")
def test_a_sound_file_is_read_as_in_one_process(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nir"
    path.write_bytes(whole)
    assert repr(nir_file.read_tree(path)) == repr(hdf5_tree.tree_of(str(path))["node"])
    monkeypatch.setattr(nir_file.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(errors.BackendUnavailable, match=r"a process that did not read it \(No such file"):
        here.read(path)


@pytest.mark.usefixtures("read_apart")
@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", "libhdf5 crashed on it"),
        ("import sys; sys.stderr.write('no  end'); sys.exit(3)", r"a damaged or truncated file \(no end\)"),
        ("import no_module", r"a process that did not read it \(.*No module named 'no_module'"),
    ],
    ids=["crashed", "refused", "broken"],
)
def test_what_another_process_says(
    program: str, says: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(program)
    (tmp_path / "a.nir").write_bytes(whole)
    monkeypatch.setattr(hdf5_tree, "__file__", str(tmp_path / "a.py"))
    with pytest.raises(errors.RheobaseError, match=says):
        here.read(tmp_path / "a.nir")


def test_a_tree_comes_through_a_pipe_as_it_was() -> None:
    tree = {
        "names": ["node", "ä/b"],
        "version": "1.0",
        "node": {"edges": [["a", "b"], ["b", "c"]], "none": {}, "x": {"y": np.array([[1.5], [2.0]]), "n": np.array(3)}},
    }
    assert repr(hdf5_tree.unpacked(hdf5_tree.packed(tree))) == repr(tree)
