"""A .nir file as a tree of plain values, whatever version of NIR wrote it.

HDF5 is read here rather than by the package nir, whose newest version refuses files of its first ones: parameters that
are scalars, convolutions without the shape of their input, subgraphs without types.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rheobase.errors import DataError
from rheobase.files import why

NEWEST = 1  # version of NIR
DEEPEST = 32  # groups in groups
EXPECTED = "an HDF5 file with a NIR graph, as nir.write makes it"


def read_tree(path: Path) -> dict[str, Any]:
    """The graph in a file, as nested mappings of names to values. Raises `DataError`."""
    owner = path.name
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(owner, why(error), EXPECTED, "check the path") from None
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        given = "a file with Python objects (a pickle), which is not read: it may run any code"
        raise DataError(owner, given, EXPECTED, "write the graph with nir.write where you made it")
    if head != b"\x89HDF\r\n\x1a\n":
        raise DataError(owner, "a file of another kind" if head else "an empty file", EXPECTED, "check the path")
    try:
        with h5py.File(path, "r") as file:
            if "node" not in file or not isinstance(file["node"], h5py.Group):
                raise DataError(owner, f"HDF5 with {sorted(file)}", EXPECTED, "is it a NIR graph?")
            _check_version(file, owner)
            return _values(file["node"], owner, 0)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        given = f"a damaged or truncated file ({' '.join(str(error).split())[:200]})"
        raise DataError(owner, given, EXPECTED, "write or copy it again") from None


def _check_version(file: Any, owner: str) -> None:
    """Raise for a version of NIR after 1, whose nodes may mean something else; the first files say none."""
    told = plain_value(file["version"][()]) if isinstance(file.get("version"), h5py.Dataset) else ""
    major = str(told).partition(".")[0]
    if major.isdigit() and int(major) > NEWEST:
        raise DataError(owner, f"a graph of NIR {told}", f"NIR 0 or {NEWEST}", f"write it with NIR {NEWEST}")


def _values(group: Any, owner: str, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise DataError(owner, f"more than {DEEPEST} groups in groups", "a NIR graph", "flatten its subgraphs")
    found: dict[str, Any] = {}
    for name, item in group.items():
        found[name] = _values(item, owner, depth + 1) if isinstance(item, h5py.Group) else plain_value(item[()])
    return found


def plain_value(value: Any) -> Any:
    """Text as str, edges as lists of pairs of str, numbers as arrays in the order of bytes and the widths of torch."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        return np.vectorize(lambda text: text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text),
                            otypes=[object])(array).tolist()  # fmt: skip
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))
