"""Files on which libhdf5 would stay, or that would end its process: one clear error; sound ones are read at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rheobase import errors, neurons, nn
from rheobase.interop import nir as here
from rheobase.interop.nir import file as nir_file
from rheobase.interop.nir import hdf5_tree
from rheobase.interop.nir.plain_file import is_plain


@pytest.fixture(scope="module")
def whole(tmp_path_factory: Any) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.nir"
    here.write(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)), path)
    return path.read_bytes()


def number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def edits(data: bytes) -> dict[str, bytes]:
    """What a file says of itself, changed at one place."""
    text, names, tree, table = (data.index(sign) for sign in (b"GCOL", b"HEAP", b"TREE", b"SNOD"))
    free = number(data, names + 24) + number(data, names + 16)
    chunks = data.index(b"TREE\x01")
    root = number(data, 64)
    entry = table + 8
    word = lambda value: value.to_bytes(8, "little")  # noqa: E731
    return {
        # these three have libhdf5 2.0 run for ever
        "an entry of text without a size": changed(data, text + 16, bytes(16)),
        "an entry of text that leads back": changed(data, text + 24, word(2**64 - 16)),
        "free names in a circle": changed(data, free, data[names + 16 : names + 24]),
        "a heap of text without a size": changed(data, text + 8, bytes(8)),
        "text of another number": changed(data, text + 16, b"\x99"),
        "names beyond their heap": changed(data, entry, word(2**40)),
        "a group in itself": changed(data, entry + 8, word(root)),
        "a tree in itself": changed(data, tree + 32, word(tree)),
        "a tree beside itself": changed(data, tree + 16, word(tree)),
        "a deeper tree": changed(data, tree + 5, b"\x01"),
        "more entries than fit": changed(data, table + 6, b"\xff\xff"),
        "a message beyond its header": changed(data, root + 18, b"\xff\xff"),
        "a header of another size": changed(data, root + 8, b"\x01\x00\x00\x00"),
        "another number of messages": changed(data, root + 2, b"\x09\x00"),
        "a chunk beyond the end": changed(data, chunks + 24 + 8 + 8 * 2, word(len(data))),
        "a chunk at another place": changed(data, chunks + 24 + 8, word(10**6)),
        "another end": changed(data, 40, word(len(data) + 1)),
        "another version": changed(data, 8, b"\x02"),
        "cut": data[:-1],
    }  # fmt: skip


def test_what_may_lead_nowhere_is_not_plain(whole: bytes) -> None:
    assert is_plain(whole)
    assert [name for name, data in edits(whole).items() if data == whole or is_plain(data)] == []


@pytest.mark.parametrize("name", ["an entry of text without a size", "free names in a circle"])
def test_a_file_that_has_libhdf5_run_for_ever(
    name: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.nir").write_bytes(edits(whole)[name])
    monkeypatch.setattr(nir_file, "PATIENCE", 1.0)
    with pytest.raises(errors.DataError, match=r"a\.nir: got a damaged .* was at it for 1 s and found no end"):
        here.read(tmp_path / "a.nir")


def test_a_sound_file_of_another_form_is_read_apart(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nir"
    path.write_bytes(whole)
    net = here.read(path)
    with h5py.File(path, "a") as file:
        file.attrs["by"] = "hand"
        del file["node/nodes/0_Linear/weight"]
        values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
        file.create_dataset("node/nodes/0_Linear/weight", data=values, chunks=(2, 2), fletcher32=True)
    assert not is_plain(path.read_bytes())
    again: Any = here.read(path)
    assert again[0].weight.tolist() == values.tolist()
    assert repr(again) == repr(net)
    monkeypatch.setattr(nir_file.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(errors.BackendUnavailable, match=r"a process that did not read it \(No such file"):
        here.read(path)


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
    (tmp_path / "a.nir").write_bytes(whole + b" ")
    monkeypatch.setattr(hdf5_tree, "__file__", str(tmp_path / "a.py"))
    with pytest.raises(errors.RheobaseError, match=says):
        here.read(tmp_path / "a.nir")


def test_a_tree_comes_through_a_pipe_as_it_was() -> None:
    tree = {
        "names": ["node", "ä/b"], "version": "1.0",
        "node": {"edges": [["a", "b"], ["b", "c"]], "none": {}, "x": {"y": np.array([[1.5], [2.0]]), "n": np.array(3)}},
    }  # fmt: skip
    assert repr(hdf5_tree.unpacked(hdf5_tree.packed(tree))) == repr(tree)
