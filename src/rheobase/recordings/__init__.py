"""Current-clamp recordings from files as rigs write them: ABF, ATF, NWB, IBW, WaveSurfer, WCP, HDF5, CSV, npz."""

from rheobase.recordings.read import read, read_current
from rheobase.recordings.sweeps import RecordingFile, Sweep, Trace

__all__ = ["RecordingFile", "Sweep", "Trace", "read", "read_current"]
