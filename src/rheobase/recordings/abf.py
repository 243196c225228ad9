"""Axon Binary Format, versions 1 and 2, by pyabf."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.formats import package
from rheobase.recordings.sweeps import Stored, Trace

EVENT_DRIVEN = 1  # operation mode: sweeps of variable length
BY_EPOCHS = 1  # source of a waveform: the table of epochs, and no file


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """All channels of all sweeps, and the commands of the protocol. Raises `DataError`."""
    pyabf = package("pyabf", str(path))
    try:
        abf = pyabf.ABF(str(path))
    except Exception as error:
        raise DataError(str(path), f"what pyabf cannot read: {error}", "a whole ABF file", "export it again") from error
    if abf.nOperationMode == EVENT_DRIVEN:
        given = "event-driven sweeps of variable length, which pyabf cuts into equal pieces"
        raise DataError(str(path), given, "episodic or gap-free recording", "export it as NWB or ATF, sweep by sweep")
    if not abf.sweepCount or not abf.data.size:
        raise DataError(str(path), "a header without samples: a protocol", "a recording", "give the recorded .abf")
    dt = _interval(abf)
    sweeps = [Stored(f"sweep {k}", [*_recorded(abf, k, dt), *_commanded(abf, k, dt)]) for k in range(abf.sweepCount)]
    return f"ABF {abf.abfVersionString}", sweeps


def _interval(abf: Any) -> float:
    """ms between samples, from the header: pyabf's own rate is rounded to whole Hz."""
    if abf.abfVersion["major"] == 1:
        return abf._headerV1.fADCSampleInterval * abf.channelCount / 1000.0
    return abf._protocolSection.fADCSequenceInterval / 1000.0


def _recorded(abf: Any, sweep: int, dt: float) -> list[Trace]:
    found: list[Trace] = []
    for channel in range(abf.channelCount):
        abf.setSweep(sweep, channel=channel)
        values = np.array(abf.sweepY, dtype=np.float64)
        found.append(Trace(abf.adcNames[channel].strip(), abf.adcUnits[channel].strip(), values, dt))
    return found


def _commanded(abf: Any, sweep: int, dt: float) -> list[Trace]:
    """The commands that pyabf can rebuild: from epochs, without a list of values that the user made."""
    if any(abf.userListEnable or ()):
        return []
    header = abf._headerV1 if abf.abfVersion["major"] == 1 else abf._dacSection
    found: list[Trace] = []
    for dac in range(min(abf.channelCount, len(abf.dacUnits), len(header.nWaveformEnable))):
        if not header.nWaveformEnable[dac] or header.nWaveformSource[dac] != BY_EPOCHS:
            continue
        abf.setSweep(sweep, channel=dac)
        values = np.array(abf.sweepC, dtype=np.float64)
        if len(values) == abf.sweepPointCount and np.isfinite(values).all():
            found.append(Trace(abf.dacNames[dac].strip(), abf.dacUnits[dac].strip(), values, dt, command=True))
    return found
