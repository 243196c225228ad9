"""WaveSurfer files, by h5py: counts of the converter, with the polynomial of each channel and its scale.

volts = c0 + c1 counts + c2 counts^2 + c3 counts^3,    value = volts / scale, in the unit of the channel
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.sweeps import Stored, Trace


def is_one(file: Any) -> bool:
    """Whether an HDF5 file is of WaveSurfer."""
    return "header" in file and any(name.startswith(("sweep_", "trial_")) for name in file)


def load(path: Path, file: Any) -> tuple[str, Sequence[Stored]]:
    """All active channels of all sweeps. Raises `DataError` where the file lacks what its counts mean."""
    header = file["header"]
    acquisition = header.get("Acquisition", {})
    version = _texts(header["VersionString"])[0] if "VersionString" in header else "0"
    wanted = ("AnalogChannelNames", "AnalogChannelUnits", "AnalogChannelScales", "AnalogScalingCoefficients")
    missing = [name for name in wanted if name not in acquisition]
    if missing:
        given = f"WaveSurfer {version} without {', '.join(missing)}, so counts of unknown size"
        raise DataError(str(path), given, "a file of WaveSurfer 0.945 or later", "export the sweeps, scaled, as .npz")
    active = np.ravel(acquisition["IsAnalogChannelActive"][()]).astype(bool)
    names, units = _texts(acquisition["AnalogChannelNames"]), _texts(acquisition["AnalogChannelUnits"])
    scales = np.ravel(acquisition["AnalogChannelScales"][()])
    dt = 1000.0 / float(np.ravel(acquisition["SampleRate"][()])[0])
    chosen = np.flatnonzero(active)
    coefficients = np.asarray(acquisition["AnalogScalingCoefficients"][()], dtype=np.float64)
    coefficients = coefficients.reshape(len(chosen), -1)
    sweeps: list[Stored] = []
    for name in sorted(n for n in file if n.startswith("sweep_")):
        counts = np.asarray(file[name]["analogScans"][()], dtype=np.float64)
        if counts.shape[0] != len(chosen):
            given = f"{name} with {counts.shape[0]} channels of {len(chosen)}"
            raise DataError(str(path), given, "a row for each active channel", "export the sweeps, scaled, as .npz")
        volts = [np.polynomial.polynomial.polyval(row, c) for row, c in zip(counts, coefficients, strict=True)]
        traces = [Trace(names[k], units[k], row / scales[k], dt) for k, row in zip(chosen, volts, strict=True)]
        sweeps.append(Stored(name, traces))
    return f"WaveSurfer {version}", sweeps


def _texts(data: Any) -> list[str]:
    return [(raw.decode() if isinstance(raw, bytes) else str(raw)).strip("\0 ") for raw in np.ravel(data[()])]
