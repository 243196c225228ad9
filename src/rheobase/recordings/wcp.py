"""WinWCP files, by neo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.formats import package
from rheobase.recordings.sweeps import Stored, Trace


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """All channels of all records. Raises `DataError`."""
    neo = package("neo.rawio.winwcprawio", str(path))
    try:
        file = neo.WinWcpRawIO(str(path))
        file.parse_header()
        # the samples are mapped, so a file that is cut off is noticed here
        return "WCP", _records(file)
    except Exception as error:
        raise DataError(str(path), f"what neo cannot read: {error}", "a whole WCP file", "export it again") from error


def _records(file: Any) -> list[Stored]:
    sweeps: list[Stored] = []
    for record in range(file.segment_count(0)):
        traces: list[Trace] = []
        for stream in range(file.signal_streams_count()):
            raw = file.get_analogsignal_chunk(block_index=0, seg_index=record, stream_index=stream)
            values = file.rescale_signal_raw_to_float(raw, dtype="float64", stream_index=stream)
            dt = 1000.0 / float(file.get_signal_sampling_rate(stream))
            here = file.header["signal_streams"]["id"][stream]
            channels = [c for c in file.header["signal_channels"] if c["stream_id"] == here]
            for k, channel in enumerate(channels):
                traces.append(
                    Trace(str(channel["name"]), str(channel["units"]), np.ascontiguousarray(values[:, k]), dt)
                )
        sweeps.append(Stored(f"record {record}", traces))
    return sweeps
