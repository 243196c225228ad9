"""The user's folders, and atomic writes of files: under a temporary name, then renamed.

Links are followed. A target that is no regular file (a terminal, a pipe, /dev/stdout) has no old content to preserve:
it is written to directly.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import stat
import struct
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import platformdirs

from rheobase.errors import ParameterError, StorageError

# what a process has open; as a name in here, even a regular file has others who write into it
_OPEN = re.compile(r"/proc/[^/]+/(task/[^/]+/)?fd|/dev/fd")
_MOST_LINKS = 40
# a damaged archive may fail in any of these ways; RuntimeError: it is encrypted, or of an unknown compression
FAILURES = (OSError, EOFError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error)


# --- folders ------------------------------------------------------------------------------------------------------


def cache_folder() -> Path | None:
    """The folder for what can be made or fetched again; None for a user without a home, as in some containers.

    `XDG_CACHE_HOME/rheobase`, else ~/.cache/rheobase, or the equivalent on Windows and macOS.
    """
    # platformdirs passes over one that is relative
    named = os.environ.get("XDG_CACHE_HOME")
    if named and sys.platform not in ("win32", "darwin"):
        return Path(named) / "rheobase"
    try:
        return platformdirs.user_cache_path("rheobase", appauthor=False, opinion=False)
    except (OSError, RuntimeError, ValueError):
        # how it says on each system that there is no home
        return None


@functools.cache
def say_uncached() -> None:
    """Tell the user, once in a process, that compiled code is not kept."""
    told = "without a home folder, compiled code is not kept and is made anew in every process"
    warnings.warn(f"{told}: set HOME, XDG_CACHE_HOME or RHEOBASE_CACHE", RuntimeWarning, stacklevel=2)


def expanded(path: str | Path, owner: str) -> Path:
    """The path with ~ or ~name replaced by the home folder; `owner` names the object in the error.

    Raises: `ParameterError` for a user without a home, or without an entry.
    """
    found = os.path.expanduser(path)
    if found.startswith("~"):
        given, expected = f"{str(path)!r}, and no home folder for it", "a path that can be read as it stands"
        raise ParameterError(owner, given, expected, "write the folder out, or set HOME; ./~ is a folder named ~")
    return Path(found)


def ensure_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises `StorageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error, "a folder that can be made") from error


# --- files --------------------------------------------------------------------------------------------------------


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file in one step: afterwards it holds `data`, or, with a `StorageError`, what it held before.

    Its permissions stay. A link stays, and its target is written; a target that is no regular file is written into.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_write(Path(folder, "a"), b"12")
    ...     Path(folder, "a").read_bytes()
    b'12'
    """
    try:
        if _takes_a_stream(path):
            _write_into(path, data)
            return
        target = Path(os.path.realpath(path))
        # not longer than a name may be, however long the target's is
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        # what nobody else may read, nobody reads on the way
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666
        try:
            _write_new(temporary, data, mode)
            put_in_place(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(path, error, f"room and permission for {len(data)} bytes") from error


def why(error: Exception) -> str:
    """Why a file could not be read, for a message: never with a library's advice to load it in an unsafe way.

    >>> why(ValueError("Object arrays cannot be loaded when allow_pickle=False"))
    'Python objects (a pickle), which are not read: they may run any code'
    """
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = str(error)
    if any(word in text for word in ("allow_pickle", "pickle.load", "weights_only", "unsafe")):
        return "Python objects (a pickle), which are not read: they may run any code"
    return text or type(error).__name__


def put_in_place(temporary: Path, target: Path) -> None:
    """Rename `temporary` to `target` in one step; it gets the permissions of the file that it replaces.

    `target` is no link, and on the file system of `temporary`. Raises: `OSError`.
    """
    if target.exists():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    temporary.replace(target)
    _sync_folder(target.parent)


def ensure_writable(path: Path, owner: str) -> None:
    """Make the folder of `path` and check that the file can be written, before work whose result would be lost.

    Raises: `StorageError`; `owner` names what asks for the file.
    """
    try:
        stream = _takes_a_stream(path)
        target = path if stream else Path(os.path.realpath(path))
        if target.is_dir():
            raise StorageError(f"{owner} {path}", "a folder", "a file that can be written", "give the name of a file")
        if not stream:
            ensure_folder(target.parent)
        place = target if stream else target.parent
        if not os.access(place, os.W_OK):
            given = f"no right to write {'it' if stream else f'in {place}'}"
            raise StorageError(f"{owner} {path}", given, "a file that can be written", "give another file")
    except StorageError:
        raise
    except OSError as error:
        raise _refused(path, error, "a file that can be written") from error


def _takes_a_stream(path: Path) -> bool:
    """Whether a path names something that is written into and not replaced. Raises: `OSError`."""
    for _ in range(_MOST_LINKS):
        if _OPEN.fullmatch(os.path.realpath(path.parent)):
            return True
        if not path.is_symlink():
            break
        path = path.parent / os.readlink(path)
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _write_into(path: Path, data: bytes) -> None:
    # behind what others wrote there: a redirected standard output is a file that holds lines already
    with path.open("ab") as file:
        file.write(data)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    # os.open and not tempfile: the file then has the permissions that the user's umask gives to any other
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
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
        str(path),
        error.strerror or str(error),
        expected,
        "free space, or choose another folder; what stood there before is untouched",
    )
