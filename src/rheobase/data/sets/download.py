"""Fetch one file: whole, under a temporary name, checked, then renamed."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rheobase.errors import DataError, RheobaseError, StorageError
from rheobase.files import put_in_place

_TIMEOUT_S = 30.0
_CHUNK = 1 << 20


def download(url: str, target: Path, check: Callable[[Path], object]) -> None:
    """Write the file at `url` to `target`, once `check` has seen it complete and not raised.

    **Raises**: DataError without network, or where `check` refuses; StorageError where the disk does. None
    leaves a file.
    """
    import pooch

    # in memory first: no folder is made where nobody answers, and what fails here is the network, not the disk
    data = io.BytesIO()
    try:
        pooch.HTTPDownloader(chunk_size=_CHUNK, timeout=_TIMEOUT_S)(url, data, None)
    except (OSError, ValueError) as error:
        remedy = (
            "check the network and try again, or copy the files by hand and point data_dir (--data-dir) "
            "or RHEOBASE_DATA at their folder"
        )
        raise DataError(url, f"no answer ({error})", "a file to download", remedy) from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # a link to a place where there is more room stays one
        target = Path(os.path.realpath(target))
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
            part = Path(folder) / target.name
            part.write_bytes(data.getbuffer())
            check(part)
            put_in_place(part, target)
    except RheobaseError:
        raise
    except OSError as error:
        remedy = "free space there, or choose another folder with data_dir (--data-dir)"
        raise StorageError(str(target), f"a failed write ({error})", "room and the right to write", remedy) from error
