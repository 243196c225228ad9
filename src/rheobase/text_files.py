"""Text files, plain or packed with gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from rheobase.errors import DataError
from rheobase.files import why
from rheobase.memory import check_room

_BEGINNING = 1 << 20


def check_room_for_text(path: Path, separators: str, for_a_value: float) -> None:
    """Raise `DataError` where the values of a text file do not fit into memory, by how many its beginning has.

    `for_a_value` are the bytes that are taken for one while the file is read, its text included.
    """
    if not path.is_file():
        return  # which is told by what reads it
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            raw = file.read(_BEGINNING)
            if path.suffix.lower() == ".gz":
                file.seek(0)
                with gzip.open(file) as unpacked:
                    raw = unpacked.read(_BEGINNING)
                # a file of gzip ends in the size that it unpacks to, of which it keeps 32 bits
                file.seek(-4, 2)
                size = max(size, int.from_bytes(file.read(4), "little"))
    except (OSError, EOFError, zlib.error):
        return  # what is wrong with a file is told by what reads it
    values = size / max(1, len(raw)) * sum(raw.count(sign) for sign in map(str.encode, separators + "\n"))
    check_room(str(path), f"about {values:.3g} values in text", for_a_value * values, "take fewer samples")


def read_text(path: Path, *, otherwise: str | None = None) -> str:
    """The whole text of a file in UTF-8, with or without a byte-order mark; unpacked where the name ends in .gz.

    Lines end in "\\n", whatever the file has.

    `otherwise` is the encoding of what is not UTF-8, such as "latin-1", where old programs wrote such files.

    **Raises**: DataError for a file that cannot be read, or holds no text.
    """
    if not path.is_file():
        raise DataError(str(path), "no such file", "a text file", "check the path")
    try:
        raw = path.read_bytes()
        if path.suffix.lower() == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a whole text file", "get it again, or check its rights") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if otherwise is not None:
            return _checked(path, raw.decode(otherwise))
        line = raw[: error.start].count(b"\n") + 1
        given = f"bytes that are no text in UTF-8, in line {line}"
        raise DataError(str(path), given, "a text file", "is it another format? Else save it as UTF-8") from error
    return _checked(path, text)


def _checked(path: Path, text: str) -> str:
    if "\0" in text:
        raise DataError(str(path), "bytes of zero", "a text file", "is it another format?")
    # as Python reads text files; str.splitlines would also split at letters of old encodings
    return io.StringIO(text, newline=None).read()
