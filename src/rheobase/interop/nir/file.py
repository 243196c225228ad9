"""A .nir file as a tree of plain values, whatever version of NIR wrote it.

HDF5 is read here rather than by the package nir, whose newest version refuses files of its first ones: parameters that
are scalars, convolutions without the shape of their input, subgraphs without types.

A damaged file may keep libhdf5 busy for ever, or end its process, so it reads in a process of its own, which has a
time limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rheobase.errors import BackendUnavailable, DataError
from rheobase.files import why
from rheobase.interop.nir import hdf5_tree

NEWEST = 1  # version of NIR
EXPECTED = "an HDF5 file with a NIR graph, as nir.write makes it"
PATIENCE = 20.0  # s, that the process has
PACE = 2e6  # bytes/s, for which it is given more


def read_tree(path: Path) -> dict[str, Any]:
    """The graph in a file, as nested mappings of names to values. Raises `DataError`, `BackendUnavailable`."""
    owner = path.name
    try:
        with path.open("rb") as file:
            data = file.read(8)
        size = path.stat().st_size
    except OSError as error:
        raise DataError(owner, why(error), EXPECTED, "check the path") from None
    if data[:4] == b"PK\x03\x04" or data[:1] == b"\x80":
        given = "a file with Python objects (a pickle), which is not read: it may run any code"
        raise DataError(owner, given, EXPECTED, "write the graph with nir.write where you made it")
    if data != b"\x89HDF\r\n\x1a\n":
        raise DataError(owner, "a file of another kind" if data else "an empty file", EXPECTED, "check the path")
    tree = _read_apart(path, size)
    if "node" not in tree:
        raise DataError(owner, f"HDF5 with {sorted(tree['names'])}", EXPECTED, "is it a NIR graph?")
    _check_version(str(tree.get("version", "")), owner)
    return tree["node"]


def _read_apart(path: Path, size: int) -> dict[str, Any]:
    """The tree of a file, read by another process. Raises `DataError` if that takes too long, crashes or fails."""
    limit = PATIENCE + size / PACE
    # the process gets the packages of this one; -P keeps the program's own folder off its path
    command = [sys.executable, "-P", hdf5_tree.__file__, str(path.absolute())]
    paths = os.pathsep.join(part for part in sys.path if part)
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit, env={**os.environ, "PYTHONPATH": paths})
    except subprocess.TimeoutExpired:
        raise _damaged(path.name, f"libhdf5 was at it for {limit:.0f} s and found no end") from None
    except OSError as error:
        raise _no_process(path, why(error)) from None
    reported = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == hdf5_tree.DAMAGED:
        raise _damaged(path.name, reported)
    if done.returncode < 0:
        raise _damaged(path.name, "libhdf5 crashed on it")
    if done.returncode:
        raise _no_process(path, reported.rpartition("\n")[2][-200:])
    return hdf5_tree.unpacked(done.stdout)


def _damaged(owner: str, reason: str) -> DataError:
    given = f"a damaged or truncated file ({' '.join(reason.split())[:200]})"
    return DataError(owner, given, EXPECTED, "write or copy it again")


def _no_process(path: Path, reason: str) -> BackendUnavailable:
    given, expected = f"a process that did not read it ({reason})", "another process of Python"
    return BackendUnavailable(path.name, given, expected, "open it with h5py, and write it again with nir.write")


def _check_version(version: str, owner: str) -> None:
    """Raise for a version of NIR after 1, whose nodes may mean something else; the first files say none."""
    major = version.partition(".")[0]
    if major.isdigit() and int(major) > NEWEST:
        raise DataError(owner, f"a graph of NIR {version}", f"NIR 0 or {NEWEST}", f"write it with NIR {NEWEST}")
