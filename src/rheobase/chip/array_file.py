"""Configurations of chips on disk: one safetensors file, whose header has its format, its version and checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rheobase.errors import DataError, ParameterError
from rheobase.files import atomic_write, why

Arrays = Mapping[str, NDArray[Any]]


class Format(NamedTuple):
    """A format of files: the function that makes them, the word of the header beside the arrays, their names."""

    name: str
    version: str
    maker: str
    word: str
    names: tuple[str, ...]


def check_kind(net: Any, kind: Format, wanted: type) -> None:
    """Raise `ParameterError` unless a configuration is of the chip whose files these are."""
    if not isinstance(net, wanted):
        given, expected = f"{type(net).__module__}.{type(net).__name__}", f"a {wanted.__module__}.{wanted.__name__}"
        raise ParameterError(kind.maker, given, expected, f"{kind.maker}(deployed.net, path) keeps a deployment's")


def written(path: str | Path, kind: Format, arrays: Arrays, content: Any, notes: Mapping[str, Any] | None) -> None:
    """Write arrays, and `content` (JSON values) in the header under the format's word. Raises: `StorageError`."""
    from safetensors.numpy import save

    text = json.dumps(content)
    header = {"format": kind.name, "version": kind.version, kind.word: text, "sha256": _digest(arrays, text, kind)}
    if notes is not None:
        noted = json.dumps(notes, sort_keys=True)
        header |= {"notes": noted, "notes_sha256": hashlib.sha256(noted.encode()).hexdigest()}
    atomic_write(Path(path), save(dict(arrays), header))


def read(path: str | Path, kind: Format) -> tuple[dict[str, NDArray[Any]], Any]:
    """The arrays of a file, and the content of its header.

    Raises: `DataError` for a file that is missing, truncated, changed, of another format or of another version.
    """
    arrays, header = _read(Path(path), kind)
    if header.get("version") != kind.version:
        given = f"version {header.get('version')!r} of {kind.name}"
        raise DataError(str(path), given, f"version {kind.version}", "read it with the rheobase that wrote it")
    missing = sorted(set(kind.names) ^ set(arrays))
    if missing:
        given, remedy = f"missing or unknown arrays: {', '.join(missing)}", "save the configuration again"
        raise DataError(str(path), given, ", ".join(kind.names), remedy)
    if header.get("sha256") != _digest(arrays, header.get(kind.word, ""), kind):
        given = "contents that differ from its checksum"
        raise DataError(str(path), given, "the file as it was saved", "save the configuration again")
    try:
        return arrays, json.loads(header[kind.word])
    except (KeyError, ValueError) as error:
        given, remedy = f"no {kind.word} ({error!r})", "save the configuration again"
        raise DataError(str(path), given, f"a file of {kind.maker}", remedy) from error


def notes_of(path: str | Path, kind: Format) -> dict[str, Any]:
    """The notes that were stored in a file; empty if there are none. Raises: `DataError`."""
    _, header = _read(Path(path), kind, arrays=False)
    text = header.get("notes", "{}")
    if "notes" in header and header.get("notes_sha256") != hashlib.sha256(text.encode()).hexdigest():
        given = "notes that differ from their checksum"
        raise DataError(str(path), given, "the file as it was saved", "save the configuration again")
    return json.loads(text)


def format_of(path: str | Path) -> str | None:
    """The name of the format in the header of a file, or None. Raises: `DataError` for what cannot be read."""
    return _opened(Path(path), "rheobase deploy", arrays=False)[1].get("format")


def _read(path: Path, kind: Format, *, arrays: bool = True) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    found, header = _opened(path, kind.maker, arrays=arrays)
    if header.get("format") != kind.name:
        given = f"format {header.get('format')!r}"
        expected = f"a file of {kind.maker} ({kind.name})"
        raise DataError(str(path), given, expected, "save the configuration again")
    return found, header


def _opened(path: Path, maker: str, *, arrays: bool) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = file.keys() if arrays else ()
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    # TypeError: for numbers without a NumPy type, such as bfloat16
    except (OSError, TypeError, safetensors.SafetensorError) as error:
        expected, remedy = f"a safetensors file of {maker}", "check the path, or save it again"
        raise DataError(str(path), f"what cannot be read ({why(error)})", expected, remedy) from error


def _digest(arrays: Arrays, text: str, kind: Format) -> str:
    found = hashlib.sha256(text.encode())
    for name in kind.names:
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()
