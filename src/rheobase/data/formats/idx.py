"""Reader of idx files, plain or gzipped: the format of MNIST.

Two zero bytes, a type code, the number of axes, each axis as a big-endian uint32, then the values in
row-major order.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from rheobase.errors import DataError
from rheobase.files import why

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_AGAIN = "get the file again"


def read_bytes(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a file, unpacked where they are gzip by content, whatever the file is called.

    With `sha256` the unpacked bytes must have that digest, so a copy that was packed differently still
    passes.

    **Raises**: DataError where the file is missing, unreadable, cut short, or of another digest.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(str(path), "no such file", "an idx or idx.gz file", "check the path") from error
    except OSError as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a readable file", "check the path and its rights") from error
    if raw.startswith(_GZIP_MAGIC):
        try:
            raw = gzip.decompress(raw)
        except (EOFError, gzip.BadGzipFile, zlib.error, struct.error) as error:
            given = f"a truncated or corrupt gzip file ({error})"
            raise DataError(str(path), given, "a whole one", _AGAIN) from error
    if sha256 is not None and (digest := hashlib.sha256(raw).hexdigest()) != sha256:
        given = f"unpacked content with sha256 {digest[:12]}..."
        remedy = f"{_AGAIN}; to load changed images, give load() the path of their folder in place of the name"
        raise DataError(str(path), given, f"{sha256[:12]}..., the published file", remedy)
    return raw


def parse(raw: bytes, source: str) -> np.ndarray:
    """The array in the bytes of an unpacked idx file, in native byte order; `source` names it in errors.

    **Raises**: DataError for another format, an unknown type code, or a length that is not the one the header
    states.

    >>> parse(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "here")
    array([7, 8, 9], dtype=uint8)
    """
    if len(raw) < 4:
        raise DataError(source, f"{len(raw)} bytes", "an idx file, at least 4 bytes of header", _AGAIN)
    zero, code, axes = struct.unpack(">HBB", raw[:4])
    if zero != 0 or code not in _TYPES or axes == 0:
        expected = "an idx magic number: 0x0000, a type code of 08 09 0b 0c 0d 0e, and the number of axes"
        raise DataError(source, f"magic number 0x{raw[:4].hex()}", expected, "give an idx file, plain or gzipped")
    header = 4 + 4 * axes
    if len(raw) < header:
        raise DataError(source, f"{len(raw)} bytes", f"a header of {header} bytes for {axes} axes", _AGAIN)
    shape = struct.unpack(f">{axes}I", raw[4:header])
    dtype = np.dtype(_TYPES[code])
    stated = math.prod(shape) * dtype.itemsize
    if len(raw) - header != stated:
        what = "a truncated file" if len(raw) - header < stated else "a file that is too long"
        expected = f"{stated} bytes for the shape {shape} in its header"
        raise DataError(source, f"{what}: {len(raw) - header} bytes of data", expected, _AGAIN)
    return np.frombuffer(raw, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))


def read_idx(path: Path, sha256: str | None = None) -> np.ndarray:
    """The array in an idx or idx.gz file. Raises as `read_bytes` and `parse` do."""
    return parse(read_bytes(path, sha256), str(path))
