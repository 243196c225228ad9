"""The values in an HDF5 file, as libhdf5 reads them; run as a program, in a process of its own.

    python hdf5_tree.py net.nir    # an archive of NumPy on stdout, or status 3 and a message on stderr

The program needs h5py and NumPy alone, and starts in a fraction of the time of rheobase.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import h5py
import numpy as np

DEEPEST = 32  # groups in groups
DAMAGED = 3  # the exit status for a file that libhdf5 refuses
# what libhdf5 says of a damaged file, in the words of h5py
FAILURES = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, UnicodeError, OverflowError)


class TooDeep(ValueError):
    """Groups in groups without end, as a group that holds itself has them."""


def tree_of(path: str) -> dict[str, Any]:
    """The group `node` and the value `version` of a file, where they are, and the `names` of all. Raises `FAILURES`."""
    with h5py.File(path, "r") as file:
        found: dict[str, Any] = {"names": [str(name) for name in file]}
        node, version = file.get("node"), file.get("version")
        if isinstance(node, h5py.Group):
            found["node"] = _values(node, 0)
        if isinstance(version, h5py.Dataset):
            found["version"] = plain_value(version[()])
        return found


def _values(group: Any, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise TooDeep(f"more than {DEEPEST} groups in groups")
    found: dict[str, Any] = {}
    for name, item in group.items():
        found[name] = _values(item, depth + 1) if isinstance(item, h5py.Group) else plain_value(item[()])
    return found


def plain_value(value: Any) -> Any:
    """Text as str, edges as lists of pairs of str, numbers as arrays in the order of bytes and the widths of torch."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        return np.vectorize(
            lambda text: text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text), otypes=[object]
        )(array).tolist()
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))


def packed(tree: dict[str, Any]) -> bytes:
    """A tree as an archive of arrays under their paths; an empty group is a path that ends with a slash."""
    arrays: dict[str, Any] = {}

    def put(part: dict[str, Any], where: str) -> None:
        for name, value in part.items():
            if isinstance(value, dict):
                put(value, f"{where}{name}/")
                arrays.update({} if value else {f"{where}{name}/": np.zeros(0)})
            else:
                arrays[where + name] = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.str_)

    put(tree, "")
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def unpacked(archive: bytes) -> dict[str, Any]:
    """The tree of `packed`."""
    found: dict[str, Any] = {}
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        for path in arrays.files:
            *groups, name = path.split("/")
            at = found
            for group in groups:
                at = at.setdefault(group, {})
            if name:
                at[name] = plain_value(arrays[path])
    return found


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(packed(tree_of(sys.argv[1])))
    except FAILURES as error:
        sys.stderr.write(str(error) or type(error).__name__)
        sys.exit(DAMAGED)
