"""Text files, plain or packed with gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from rheobase.errors import DataError
from rheobase.files import why


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
