"""Fetch one file: under a temporary name, checked, then renamed."""

from __future__ import annotations

import http.client
import os
import tempfile
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rheobase.errors import DataError, RheobaseError, StorageError
from rheobase.files import put_in_place

_TIMEOUT_S = 30.0
_CHUNK = 1 << 20


class _Response:
    """A web answer whose failures are told apart from those of the disk it is copied to."""

    def __init__(self, url: str):
        self._url = url
        try:
            self._response = urllib.request.urlopen(url, timeout=_TIMEOUT_S)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> DataError:
        remedy = (
            "check the network and try again, or copy the files by hand and point data_dir (--data-dir) "
            "or RHEOBASE_DATA at their folder"
        )
        return DataError(self._url, f"no answer ({error})", "a file to download", remedy)

    def chunks(self) -> Iterator[bytes]:
        try:
            while chunk := self._response.read(_CHUNK):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error

    def close(self) -> None:
        self._response.close()


def download(url: str, target: Path, check: Callable[[Path], object]) -> None:
    """Write the file at `url` to `target`, once `check` has seen it complete and not raised.

    **Raises**: DataError without network, or where `check` refuses; StorageError where the disk does. None
    leaves a file.
    """
    with closing(_Response(url)) as response, _storing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        # a link to a place where there is more room stays one
        target = Path(os.path.realpath(target))
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
            part = Path(folder) / target.name
            with part.open("wb") as file:
                file.writelines(response.chunks())
            check(part)
            put_in_place(part, target)


@contextmanager
def _storing(target: Path) -> Generator[None]:
    try:
        yield
    except RheobaseError:
        raise
    except OSError as error:
        remedy = "free space there, or choose another folder with data_dir (--data-dir)"
        raise StorageError(str(target), f"a failed write ({error})", "room and the right to write", remedy) from error
