"""Which reader reads a file: by its suffix, held against its first bytes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rheobase.errors import BackendUnavailable, DataError
from rheobase.recordings.sweeps import Stored

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
WCP_HEADER = b"VER="
_WAVES = (b"\x02\x00", b"\x03\x00", b"\x05\x00", b"\x00\x02", b"\x00\x03", b"\x00\x05")


@dataclass(frozen=True)
class Format:
    """A format: its name, the module that reads it, and how its files begin; `unsaid`: what they do not tell."""

    name: str
    module: str
    begins: tuple[bytes, ...]
    unsaid: str = ""


_TEXT = Format("CSV", "text", ())
_HDF = Format("HDF5", "hdf", (HDF5,))
FORMATS = {
    ".abf": Format("ABF", "abf", (b"ABF ", b"ABF2")),
    ".atf": Format("ATF", "text", (b"ATF",)),
    ".csv": _TEXT,
    ".tsv": _TEXT,
    ".txt": _TEXT,
    ".h5": _HDF,
    ".hdf5": _HDF,
    ".ibw": Format("IBW", "ibw", _WAVES),
    ".npz": Format("npz", "npz", (ZIP,)),
    ".nwb": Format("NWB", "nwb", (HDF5,)),
    ".wcp": Format("WCP", "wcp", (WCP_HEADER,), "a WCP file does not say whether potential or current was clamped"),
}
# what is met beside recordings, and is none of these
_REFUSED = {
    ".pro": "a protocol of pCLAMP, which holds no recording",
    ".pxp": "an Igor experiment, which holds many waves",
    ".gz": "a compressed file",
    ".mat": "a MATLAB file",
    ".pkl": "a pickle, which could run any code",
    ".npy": "a single array without units",
}
_INSTEAD = {
    ".pro": "give the .abf that was recorded with it",
    ".pxp": "save the waves as .ibw",
    ".gz": "unpack it first: gunzip FILE",
    ".mat": "write the arrays into a .npz with v_mV, i_pA and dt_ms",
    ".pkl": "write the arrays into a .npz with v_mV, i_pA and dt_ms",
    ".npy": "write v_mV, i_pA and dt_ms into a .npz",
}


def is_recording(name: str) -> bool:
    """Whether a name ends as that of a recording, or of a file that is refused in a sentence.

    >>> is_recording("cell.ABF"), is_recording("cell.mat"), is_recording("1.5")
    (True, True, False)
    """
    suffix = Path(name).suffix.lower()
    return suffix in FORMATS or suffix in _REFUSED


def unsaid(path: Path) -> str:
    """What files of this format do not tell, and a user should look after; "" for nothing."""
    return _format(path).unsaid


def stored(path: Path) -> tuple[str, Sequence[Stored]]:
    """The name of a file's format, and what it holds. Raises: `DataError`, `BackendUnavailable`."""
    form = _format(path)
    begins = _head(path)
    if form.begins and not begins.startswith(form.begins):
        seen = "no bytes" if not begins else _seen(begins) or "something else"
        given, expected = f"the suffix {path.suffix}, and the content of {seen}", f"a file of {form.name}"
        raise DataError(str(path), given, expected, "give the file its own suffix")
    if not form.begins and (b"\0" in begins or not begins):
        given = f"the suffix {path.suffix}, and {_seen(begins) or 'no text'} in it"
        raise DataError(str(path), given, "lines of text", "give the file its own suffix")
    reader: Callable[[Path], tuple[str, Sequence[Stored]]] = importlib.import_module(
        f"rheobase.recordings.{form.module}"
    ).load
    return reader(path)


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    given = _REFUSED.get(suffix, f"a file with the suffix {suffix!r}" if suffix else "a file without a suffix")
    remedy = _INSTEAD.get(suffix, "export it as NWB, or as a .npz with v_mV, i_pA and dt_ms")
    raise DataError(str(path), given, f"a recording: {', '.join(FORMATS)}", remedy)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError as error:
        given = error.strerror or type(error).__name__
        raise DataError(str(path), given, "a file that can be read", "check the path") from error


def _seen(begins: bytes) -> str:
    """What a file is by its first bytes, where they say it."""
    known = {"HDF5": (HDF5,), "ABF": (b"ABF ", b"ABF2"), "ATF": (b"ATF\t",), "npz": (ZIP,), "WCP": (WCP_HEADER,)}
    return next((name for name, magic in known.items() if begins.startswith(magic)), "")


def opened_hdf5(path: Path) -> Any:
    """An HDF5 file to read, as a context. Raises `DataError`."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(str(path), f"what h5py cannot open: {error}", "a whole file", "fetch it again") from error


def package(name: str, owner: str) -> ModuleType:
    """A package of the extra `recordings`. Raises `BackendUnavailable` where it is not installed."""
    try:
        # pyabf changes how numpy prints, for everybody
        with np.printoptions():
            return importlib.import_module(name)
    except ModuleNotFoundError:
        top = name.split(".")[0]
        remedy = "pip install rheobase[recordings]"
        raise BackendUnavailable(owner, f"no {top}", f"the package {top}", remedy) from None
