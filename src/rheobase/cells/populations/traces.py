"""The traces of a population on disk: Zarr, format 3, with a checksum in every chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from rheobase.cells.populations.layout import Layout
from rheobase.errors import BackendUnavailable, CheckpointError, StorageError

NAME = "traces.zarr"


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
    folder: Path, layout: Layout, records: Mapping[str, Record], currents: Iterable[np.ndarray], dt: float, dtype: str,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Empty arrays, one for each record by its name.

    Shapes: currents, for each stimulus (records,), in nA. Raises: `StorageError`.
    """
    zarr = package()
    length = layout.steps // layout.every
    chunk = max(1, layout.segment // layout.every)
    codecs = (zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), zarr.codecs.Crc32cCodec())
    try:
        group = zarr.create_group(folder / NAME, overwrite=True)
        for name, (width, unit) in records.items():
            along = (width,) if width else ()
            group.create_array(
                name, shape=(*layout.of, *along, length), chunks=(1, layout.stimuli, *along, chunk), dtype=dtype,
                compressors=codecs, fill_value=float("nan"),
                dimension_names=("model", "stimulus", *(["compartment"] if width else []), "time"),
                attributes={"units": unit},
            )  # fmt: skip
        time = (np.arange(length) + 1.0) * (layout.every * dt)
        group.create_array("time", data=time, dimension_names=("time",), attributes={"units": "ms"})
        current = group.create_array(
            "current", shape=(layout.of[1], length), chunks=(1, length), dtype="float32",
            dimension_names=("stimulus", "time"),
            attributes={"units": "nA", "of": "the steps up to each time, the mean"},
        )  # fmt: skip
        for k, row in enumerate(currents):
            current[k] = row
        # last: without it the arrays are made again
        group.attrs.update({**facts, "layout": layout.as_json()})
    except OSError as error:
        raise refused(folder, error, 0) from error


def open_group(folder: Path, mode: str = "r") -> Any:
    """The group of arrays; None where there is none yet, or one that was not finished."""
    zarr = package()
    try:
        group = zarr.open_group(folder / NAME, mode=mode)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        given = f"what zarr cannot open ({error})"
        raise CheckpointError(str(folder / NAME), given, "the traces of a population", "name another folder") from error
    return group if "layout" in group.attrs else None


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
