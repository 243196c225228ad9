"""Reader of AEDAT 4 files: packets of flatbuffers, packed with LZ4 or Zstandard or not at all.

A line #!AER-DAT4.0, a header (the packing, where the table of packets begins, the streams as XML), then packets: the
number of a stream, a size, and a packed flatbuffer. An event takes 16 bytes: time in us (8), x (2), y (2), polarity.

The format has no checksum: a byte that changed within a packet may go unseen where the packet can still be unpacked.

Reference: docs.inivation.com, AEDAT file formats; flatbuffers.dev, internals.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.data.formats.aedat import mapped
from rheobase.data.formats.recording import Recording
from rheobase.errors import DataError
from rheobase.files import why

_AGAIN = "get the file again"
_VERSION = b"#!AER-DAT4.0\r\n"
_PLAIN, _LZ4, _ZSTD = (0,), (1, 2), (3, 4)
_EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)


class _Header(NamedTuple):
    packing: int
    end: int  # of the packets; 0 where the file does not say it
    streams: dict[int, tuple[int, int]]  # of events: width and height
    begin: int


def read_aedat4(path: Path) -> Recording:
    """The polarity events of an AEDAT 4 file; frames, gyroscope and triggers are passed over.

    **Raises**: DataError for a file that is cut short, damaged, or holds several cameras, or without the package that
    unpacks it.
    """
    raw = mapped(path)
    try:
        header = _header(raw.data)
        if len(header.streams) != 1:
            given = f"{len(header.streams)} streams of events"
            raise DataError(str(path), given, "one", "export the recording of one camera")
        (stream, size), unpack = next(iter(header.streams.items())), _unpacker(header.packing, path)
        pieces, at = [np.empty(0, _EVENT)], header.begin
        while at < (header.end or len(raw)):
            number, length = struct.unpack_from("<ii", raw.data, at)
            if length < 0 or at + 8 + length > len(raw):
                raise DataError(
                    str(path), f"a packet of {length} bytes at byte {at}, of {len(raw)}", "a whole one", _AGAIN
                )
            if number == stream:
                pieces.append(_events(unpack(raw[at + 8 : at + 8 + length].tobytes())))
            at += 8 + length
    except DataError:
        raise
    except (struct.error, ValueError, RuntimeError, ElementTree.ParseError, UnicodeDecodeError) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a whole AEDAT 4 file", _AGAIN) from error
    whole = np.concatenate(pieces)
    x, y, p, t = (whole[name].astype(np.int64) for name in ("x", "y", "p", "t"))
    if len(p) and int(p.max()) > 1:
        raise DataError(str(path), f"a polarity of {int(p.max())}", "0 or 1: a whole AEDAT 4 file", _AGAIN)
    return Recording(x, y, p, t, size)


def _header(raw: memoryview) -> _Header:
    (length,) = struct.unpack_from("<I", raw, len(_VERSION))
    begin = len(_VERSION) + 4
    table = bytes(raw[begin : begin + length])
    field = _fields(table, 3)
    packing = struct.unpack_from("<i", table, field[0])[0] if field[0] else 0
    end = struct.unpack_from("<q", table, field[1])[0] if field[1] else -1
    at = field[2] + struct.unpack_from("<I", table, field[2])[0]
    (size,) = struct.unpack_from("<I", table, at)
    streams = dict[int, tuple[int, int]]()
    root = ElementTree.fromstring(table[at + 4 : at + 4 + size].decode())
    for node in root.iterfind(".//node[@name='outInfo']/node"):
        if node.findtext("attr[@key='typeIdentifier']") == "EVTS":
            width, height = (node.findtext(f"node[@name='info']/attr[@key='size{axis}']") or "" for axis in "XY")
            streams[int(node.get("name", ""))] = int(width), int(height)
    return _Header(packing, max(0, end), streams, begin + length)


def _fields(table: bytes, count: int) -> list[int]:
    """Where the fields of a flatbuffer's root table are; 0 for one that has its default."""
    (root,) = struct.unpack_from("<I", table)
    listed = root - struct.unpack_from("<i", table, root)[0]
    (size,) = struct.unpack_from("<H", table, listed)
    known = struct.unpack_from(f"<{min(count, (size - 4) // 2)}H", table, listed + 4)
    return [root + offset if offset else 0 for offset in known] + [0] * (count - len(known))


def _events(packet: bytes) -> np.ndarray:
    table = packet[4:]  # after its size
    (field,) = _fields(table, 1)
    if not field:
        return np.empty(0, _EVENT)
    at = field + struct.unpack_from("<I", table, field)[0]
    (count,) = struct.unpack_from("<I", table, at)
    return np.frombuffer(table, _EVENT, count=count, offset=at + 4)


def _unpacker(packing: int, path: Path) -> Callable[[bytes], bytes]:
    if packing in _PLAIN:
        return bytes
    name = "lz4" if packing in _LZ4 else "zstandard" if packing in _ZSTD else None
    if name is None:
        raise DataError(str(path), f"packing {packing}", "none, LZ4 or Zstandard", "export it again")
    try:
        if name == "lz4":
            import lz4.frame

            return lz4.frame.decompress
        import zstandard
    except ImportError as error:
        given = f"a file packed with {name}, and no package {name} ({error})"
        raise DataError(str(path), given, "the package that unpacks it", 'pip install "rheobase[events]"') from error

    def unpack(packed: bytes) -> bytes:
        try:
            reader: Any = zstandard.ZstdDecompressor().stream_reader(packed)
            return reader.read()
        except zstandard.ZstdError as error:
            given = f"a packet that cannot be unpacked ({error})"
            raise DataError(str(path), given, "a whole AEDAT 4 file", _AGAIN) from error

    return unpack
