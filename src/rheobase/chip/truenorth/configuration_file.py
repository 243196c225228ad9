"""Configurations on disk: one safetensors file, whose header has the format, its version, the board, a checksum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rheobase.chip.array_file import Format, check_kind, notes_of, read, written
from rheobase.chip.truenorth.board import TrueNorth
from rheobase.chip.truenorth.configuration import NAMES, Configuration, once
from rheobase.errors import DataError, RheobaseError

FORMAT = Format("rheobase.truenorth", "1", "truenorth.save", "board", NAMES)


def save(net: Configuration, path: str | Path, *, notes: Mapping[str, Any] | None = None) -> None:
    """Write a configuration, in one step. What is the same along an axis is written once.

    `notes` are values of JSON to keep with it (`notes` reads them): what its inputs and outputs mean, say.

    Raises: `StorageError`; what stood there before is then untouched. `ParameterError` for what is no configuration.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(2, 1)), alpha=7), f"{folder}/a.safetensors")
    ...     load(f"{folder}/a.safetensors").alpha.max()
    np.int32(7)
    """
    check_kind(net, FORMAT, Configuration)
    arrays = {name: once(getattr(net, name)) for name in NAMES}
    written(path, FORMAT, arrays, {"cores": net.board.cores, "chips": net.board.chips}, notes)


def load(path: str | Path) -> Configuration:
    """Read a configuration that `save` wrote.

    Raises: `DataError` for a file that is missing, truncated, changed, of another format or of another version.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(2, 1)), alpha=7), f"{folder}/a.safetensors")
    ...     load(f"{folder}/a.safetensors").board.n_cores
    2
    """
    arrays, board = read(path, FORMAT)
    try:
        return Configuration(TrueNorth(cores=tuple(board["cores"]), chips=tuple(board["chips"])), **arrays)
    except RheobaseError as error:
        raise DataError(str(path), f"{error.obj} with {error.given}", error.expected, error.remedy) from error
    except (KeyError, TypeError, ValueError) as error:
        given, remedy = f"no board ({error!r})", "save the configuration again"
        raise DataError(str(path), given, "cores and chips, along x and y", remedy) from error


def notes(path: str | Path) -> dict[str, Any]:
    """What was kept with a configuration; empty where nothing was.

    Raises: `DataError` for a file that cannot be read, of another format, or whose notes were changed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Configuration(TrueNorth(cores=(1, 1))), f"{folder}/a.safetensors", notes={"classes": 10})
    ...     notes(f"{folder}/a.safetensors")
    {'classes': 10}
    """
    return notes_of(path, FORMAT)
