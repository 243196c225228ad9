"""Configurations on disk: one safetensors file, whose header has the format, its version, the board, a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import TrueNorth
from rheobase.chip.truenorth.configuration import NAMES, Configuration, once
from rheobase.errors import DataError, RheobaseError
from rheobase.files import atomic_write, why

FORMAT, VERSION = "rheobase.truenorth", "1"
Arrays = Mapping[str, NDArray[Any]]


def save(net: Configuration, path: str | Path, *, notes: Mapping[str, Any] | None = None) -> None:
    """Write a configuration, in one step. What is the same along an axis is written once.

    `notes` are values of JSON to keep with it (`notes` reads them): what its inputs and outputs mean, say.

    Raises: `StorageError`; what stood there before is then untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(2, 1)), alpha=7), f"{folder}/a.safetensors")
    ...     load(f"{folder}/a.safetensors").alpha.max()
    np.int32(7)
    """
    from safetensors.numpy import save as written

    arrays = {name: once(getattr(net, name)) for name in NAMES}
    board = json.dumps({"cores": net.board.cores, "chips": net.board.chips})
    header = {"format": FORMAT, "version": VERSION, "board": board, "sha256": _digest(arrays, board)}
    if notes is not None:
        text = json.dumps(notes, sort_keys=True)
        header |= {"notes": text, "notes_sha256": hashlib.sha256(text.encode()).hexdigest()}
    atomic_write(Path(path), written(arrays, header))


def load(path: str | Path) -> Configuration:
    """Read a configuration that `save` wrote.

    Raises: `DataError` for a file that is missing, truncated, changed, of another format or of another version.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(2, 1)), alpha=7), f"{folder}/a.safetensors")
    ...     load(f"{folder}/a.safetensors").board.n_cores
    2
    """
    arrays, header = _read(Path(path))
    remedy = "save the configuration again"
    if header.get("format") != FORMAT:
        raise DataError(str(path), f"format {header.get('format')!r}", f"a file of truenorth.save ({FORMAT})", remedy)
    if header.get("version") != VERSION:
        given = f"version {header.get('version')!r} of {FORMAT}"
        raise DataError(str(path), given, f"version {VERSION}", "read it with the rheobase that wrote it")
    missing = sorted(set(NAMES) ^ set(arrays))
    if missing:
        raise DataError(str(path), f"missing or unknown arrays: {', '.join(missing)}", ", ".join(NAMES), remedy)
    if header.get("sha256") != _digest(arrays, header.get("board", "")):
        raise DataError(str(path), "contents that differ from its checksum", "the file as it was saved", remedy)
    try:
        board = json.loads(header["board"])
        return Configuration(TrueNorth(cores=tuple(board["cores"]), chips=tuple(board["chips"])), **arrays)
    except RheobaseError as error:
        raise DataError(str(path), f"{error.obj} with {error.given}", error.expected, error.remedy) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(str(path), f"no board ({error!r})", "cores and chips, along x and y", remedy) from error


def notes(path: str | Path) -> dict[str, Any]:
    """What was kept with a configuration; empty where nothing was.

    Raises: `DataError` for a file that cannot be read, of another format, or whose notes were changed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(1, 1))), f"{folder}/a.safetensors", notes={"classes": 10})
    ...     notes(f"{folder}/a.safetensors")
    {'classes': 10}
    """
    _, header = _read(Path(path), arrays=False)
    if header.get("format") != FORMAT:
        given = f"format {header.get('format')!r}"
        raise DataError(str(path), given, f"a file of truenorth.save ({FORMAT})", "save the configuration again")
    text = header.get("notes", "{}")
    if "notes" in header and header.get("notes_sha256") != hashlib.sha256(text.encode()).hexdigest():
        given = "notes that differ from their checksum"
        raise DataError(str(path), given, "the file as it was saved", "save the configuration again")
    return json.loads(text)


def _read(path: Path, *, arrays: bool = True) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = file.keys() if arrays else ()
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    # TypeError: of numbers that NumPy has no type for
    except (OSError, TypeError, safetensors.SafetensorError) as error:
        expected = "a safetensors file of truenorth.save"
        raise DataError(str(path), f"what cannot be read ({why(error)})", expected, "save it again") from error


def _digest(arrays: Arrays, board: str) -> str:
    found = hashlib.sha256(board.encode())
    for name in NAMES:
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()
