"""HDF5 files: WaveSurfer's, or arrays by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings import wavesurfer
from rheobase.recordings.arrays import sweeps_of
from rheobase.recordings.formats import opened_hdf5
from rheobase.recordings.sweeps import Stored


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """The sweeps. Raises `DataError`."""
    import h5py

    with opened_hdf5(path) as file:
        if "nwb_version" in file.attrs or "nwb_version" in file:
            raise DataError(str(path), "an NWB file", "the suffix .nwb", "give the file its own suffix")
        if wavesurfer.is_one(file):
            return wavesurfer.load(path, file)
        groups = [name for name, item in file.items() if isinstance(item, h5py.Group)]
        held = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        if groups and not held:
            given = f"the groups {', '.join(groups)}, and no array at the top"
            raise DataError(str(path), given, "arrays v_mV and i_pA, (sweep, time), and dt_ms", "write them at the top")
        arrays = {name: np.asarray(item[()]) for name, item in held.items()}
        return "HDF5", sweeps_of(path, arrays, {name: _unit(item) for name, item in held.items()})


def _unit(item: Any) -> str:
    said = item.attrs.get("unit", item.attrs.get("units", ""))
    return said.decode() if isinstance(said, bytes) else str(said)
