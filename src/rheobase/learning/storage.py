"""Files that are there whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from rheobase.errors import CheckpointError, StorageError


def ensure_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises `StorageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error, "a folder that can be made") from error


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file in one step: afterwards it holds `data`, or, with a `StorageError`, what it held before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_write(Path(folder, "a"), b"12")
    ...     Path(folder, "a").read_bytes()
    b'12'
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            _write_new(temporary, data)
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(path, error, f"room and permission for {len(data)} bytes") from error


def _write_new(path: Path, data: bytes) -> None:
    # os.open and not tempfile: the file then has the permissions that the user's umask gives to any other
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError, expected: str) -> StorageError:
    return StorageError(
        str(path), error.strerror or str(error), expected,
        "free space, or choose another folder; what stood there before is untouched",
    )  # fmt: skip


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, in one step. Raises `StorageError`."""
    atomic_write(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read JSON. Raises `CheckpointError` for a file that is missing or is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(str(path), error.strerror or str(error), "a readable file", "check the path") from error
    except ValueError as error:
        raise CheckpointError(
            str(path),
            f"text that is no JSON ({error})",
            "a whole JSON file",
            "use another checkpoint, or train again",
        ) from error
