"""Files of NIR are read in this process, which is faster; `read_apart` has them read as users do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rheobase.interop.nir import file as nir_file
from rheobase.interop.nir import hdf5_tree

APART = nir_file._read_apart


def _at_once(path: Path, size: int) -> dict[str, Any]:
    try:
        return hdf5_tree.tree_of(str(path))
    except hdf5_tree.FAILURES as error:
        raise nir_file._damaged(path.name, str(error)) from None


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nir_file, "_read_apart", _at_once)


@pytest.fixture
def read_apart(_in_this_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, with a time limit."""
    monkeypatch.setattr(nir_file, "_read_apart", APART)
