"""The traces of a population on disk: Zarr, format 3, with a checksum in every chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rheobase.cells.populations.layout import Layout
from rheobase.errors import BackendUnavailable, CheckpointError, StorageError

NAME = "traces.zarr"


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
    folder: Path, layout: Layout, widths: Mapping[str, int], currents: np.ndarray, dt: float, dtype: str,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Empty arrays: one for each name of `widths`, which is 0 for a potential, else the number of compartments.

    Shapes: currents (stimuli, records) in nA. Raises: `StorageError`.
    """
    zarr = package()
    records = layout.steps // layout.every
    chunk = max(1, layout.segment // layout.every)
    codecs = (zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), zarr.codecs.Crc32cCodec())
    try:
        group = zarr.create_group(folder / NAME, overwrite=True)
        for name, width in widths.items():
            along = (width,) if width else ()
            group.create_array(
                name, shape=(*layout.of, *along, records), chunks=(1, layout.stimuli, *along, chunk), dtype=dtype,
                compressors=codecs, fill_value=float("nan"),
                dimension_names=("model", "stimulus", *(["compartment"] if width else []), "time"),
                attributes={"units": unit_of(name)},
            )  # fmt: skip
        time = (np.arange(records) + 1.0) * (layout.every * dt)
        group.create_array("time", data=time, dimension_names=("time",), attributes={"units": "ms"})
        group.create_array(
            "current", data=currents, dimension_names=("stimulus", "time"),
            attributes={"units": "nA", "of": "the steps up to each time, the mean"},
        )  # fmt: skip
        # last: without it the arrays are made again
        group.attrs.update({**facts, "layout": layout.as_json()})
    except OSError as error:
        raise refused(folder, error, 0) from error


def unit_of(name: str) -> str:
    """The unit of what is recorded under a name: a place has its potential, a state its own."""
    if name.count(".") < 2 or "(" in name:
        return "mV"
    return "mM" if name.endswith(".ca") else "1"


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
