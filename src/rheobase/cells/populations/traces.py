"""The traces of a population on disk: Zarr, format 3, with a checksum in every chunk."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from rheobase.cells.populations.layout import Layout
from rheobase.errors import BackendUnavailable, CheckpointError, StorageError

NAME = "traces.zarr"
BESIDE = ("time", "current")  # arrays beside the records
# a damaged file may fail in any of these ways
_DAMAGE = (OSError, ValueError, KeyError, TypeError, RuntimeError, IndexError)


class Record(NamedTuple):
    """What is kept: of a state, in how many compartments; 0 for a potential, at one place. And its unit."""

    width: int
    unit: str


def package() -> ModuleType:
    """The package zarr. Raises `BackendUnavailable` where it is not installed."""
    try:
        import zarr
    except ModuleNotFoundError:
        raise BackendUnavailable(
            "population", "no zarr", "the package zarr", "pip install 'rheobase[population]'"
        ) from None
    return zarr


def create(
    folder: Path,
    layout: Layout,
    records: Mapping[str, Record],
    currents: Iterable[np.ndarray],
    dt: float,
    dtype: str,
    facts: Mapping[str, Any],
) -> bool:
    """Empty arrays, one for each record by its name; False where another process has made them meanwhile.

    They are made under another name, and put in place whole. Shapes: currents, for each stimulus (records,), in nA.
    Raises: `StorageError`; `CheckpointError` where something else stands in their place.
    """
    unfinished = folder / f".{secrets.token_hex(8)}.{NAME}"
    try:
        _create(unfinished, layout, records, currents, dt, dtype, facts)
        try:
            unfinished.rename(folder / NAME)
        except OSError:
            # not what it was refused for, which systems say in many ways: whether arrays stand there now
            if not (folder / NAME).exists():
                raise
            if open_group(folder) is None:
                given, remedy = "something else in the place of the traces", "remove it, or name another folder"
                raise CheckpointError(str(folder / NAME), given, "nothing, or traces", remedy) from None
            return False
    except OSError as error:
        raise refused(folder, error, 0) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def _create(
    path: Path,
    layout: Layout,
    records: Mapping[str, Record],
    currents: Iterable[np.ndarray],
    dt: float,
    dtype: str,
    facts: Mapping[str, Any],
) -> None:
    zarr = package()
    length = layout.steps // layout.every
    chunk = max(1, layout.segment // layout.every)
    codecs = (zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), zarr.codecs.Crc32cCodec())
    group = zarr.create_group(path)
    for name, (width, unit) in records.items():
        along = (width,) if width else ()
        group.create_array(
            name,
            shape=(*layout.of, *along, length),
            chunks=(1, layout.stimuli, *along, chunk),
            dtype=dtype,
            compressors=codecs,
            fill_value=float("nan"),
            dimension_names=("model", "stimulus", *(["compartment"] if width else []), "time"),
            attributes={"units": unit},
        )
    time = (np.arange(length) + 1.0) * (layout.every * dt)
    group.create_array(
        "time", data=time, fill_value=float("nan"), dimension_names=("time",), attributes={"units": "ms"}
    )
    current = group.create_array(
        "current",
        shape=(layout.of[1], length),
        chunks=(1, length),
        dtype="float32",
        fill_value=float("nan"),
        dimension_names=("stimulus", "time"),
        attributes={"units": "nA", "of": "the steps up to each time, the mean"},
    )
    for k, row in enumerate(currents):
        current[k] = row
    group.attrs.update({**facts, "layout": layout.as_json()})


def open_group(folder: Path, mode: str = "r") -> Any:
    """The group of arrays; None where there is none yet. Raises `CheckpointError` for what is none of a population."""
    zarr = package()
    try:
        group = zarr.open_group(folder / NAME, mode=mode)
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        raise damaged(folder, f"what zarr cannot open ({error})") from error
    return group


def layout_of(group: Any, folder: Path) -> Layout:
    """The chunks of arrays that stand there. Raises `CheckpointError`."""
    try:
        return Layout.from_json(group.attrs["layout"])
    except _DAMAGE as error:
        raise damaged(folder, "arrays that do not say how they are cut") from error


def arrays(group: Any, folder: Path, records: Sequence[str]) -> dict[str, Any]:
    """The arrays of records, and those beside them. Raises `CheckpointError` where one is missing."""
    found: dict[str, Any] = {}
    for name in (*records, *BESIDE):
        try:
            found[name] = group[name]
        except _DAMAGE as error:
            raise damaged(folder, f"no array {name!r}") from error
    return found


def read(array: Any, folder: Path, at: Any, what: str, unit: Path | None = None) -> np.ndarray:
    """A part of an array, none of which may be missing. Raises `CheckpointError`."""
    try:
        found = array[at]
    except _DAMAGE as error:
        raise damaged(folder, f"a chunk that cannot be read of {what} ({error})", unit) from error
    if np.isnan(found).any():
        raise damaged(folder, f"a chunk missing of {what}", unit)
    return found


def damaged(folder: Path, given: str, unit: Path | None = None) -> CheckpointError:
    """The error for traces that are damaged: those of a unit can be made again alone."""
    remedy = f"remove {folder / NAME if unit is None else unit}, and give the same command again: it is made again"
    return CheckpointError(str(folder / NAME), given, "whole traces of a population", remedy)


def write(group: Any, folder: Path, name: str, at: Sequence[slice], values: np.ndarray) -> None:
    """Write a block of whole chunks. Raises `StorageError`."""
    try:
        group[name][tuple(at)] = values
    except OSError as error:
        raise refused(folder, error, values.nbytes) from error


def refused(folder: Path, error: OSError, size: int) -> StorageError:
    """The error for what the system would not write."""
    expected = "a folder that can be written" + (f", with room for {size / 1e6:.3g} MB more" if size else "")
    return StorageError(
        str(folder), error.strerror or str(error), expected, "free space there, or choose another folder"
    )
