"""Readers of AEDAT 2.0 and 3.1, the formats of jAER and cAER: the polarity events of a camera.

AEDAT 2.0 is lines that begin with #, then 8 bytes an event: address and microseconds, big-endian int32. AEDAT 3.1 is
such lines up to #!END-HEADER, then packets, little-endian: a header of 28 bytes and events of one type.

Reference: docs.inivation.com, AEDAT file formats.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rheobase.errors import DataError

_AGAIN = "get the file again"
_LONGEST_HEADER = 1 << 20
_EVENT_BYTES = 8

# A DVS128 of AEDAT 2.0: bit 0 is polarity (0 brighter), 1 to 7 x, 8 to 14 y; bit 15 marks what is no event of a pixel.
_NO_PIXEL = 0x8000

# Header of a 3.1 packet: type, source, bytes an event, offset of the time in it, overflows of the time, capacity,
# events, valid events.
_PACKET = struct.Struct("<hhiiiiii")
_POLARITY = 1
_OVERFLOW_BITS = 31
# data: bit 0 says that the event is valid, bit 1 is polarity (1 brighter), 2 to 16 y, 17 to 31 x
_EVENT = np.dtype([("data", "<u4"), ("t", "<i4")])


class PolarityEvents(NamedTuple):
    """Events (n,) as the file numbers its pixels; p is 1 where it grew brighter, t in us."""

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    t: np.ndarray


class Packets(NamedTuple):
    """The polarity packets of a 3.1 file, (packets,) int64 each."""

    begin: np.ndarray  # byte where the events begin
    events: np.ndarray  # how many
    overflow: np.ndarray
    first: np.ndarray  # us, of the earliest event and of the latest
    last: np.ndarray


def read_aedat2(path: Path, size: int = 128) -> PolarityEvents:
    """The events of a DVS128 in an AEDAT 2.0 file.

    **Raises**: DataError for a file that cannot be read, of another format, cut short, or with other pixels.
    """
    raw = mapped(path)
    begin = after_header(raw, path, b"#!AER-DAT2.0", None)
    if (len(raw) - begin) % _EVENT_BYTES:
        given = f"{len(raw) - begin} bytes of events"
        raise DataError(str(path), given, "a multiple of 8: address and time of each event", _AGAIN)
    address, t = np.frombuffer(raw, ">i4", offset=begin).reshape(-1, 2).T.astype(np.int64)
    events = dvs128_events(address, t, path)
    _check_pixels(events, size, path)
    return events


def dvs128_events(address: np.ndarray, t: np.ndarray, path: Path) -> PolarityEvents:
    """The pixel events among the words of a DVS128, whose addresses and times (n,) are int64.

    **Raises**: DataError for addresses of more than its 16 bits.
    """
    if len(address) and (address.min() < 0 or address.max() > 0xFFFF):
        given = f"addresses from {address.min():#x} to {address.max():#x}"
        raise DataError(str(path), given, "16 bits, those of a DVS128", "give recordings of this camera")
    pixel = address & _NO_PIXEL == 0
    address, t = address[pixel], t[pixel]
    return PolarityEvents(address >> 1 & 0x7F, address >> 8 & 0x7F, 1 - (address & 1), t)


def polarity_packets(path: Path) -> Packets:
    """Where the polarity events of an AEDAT 3.1 file are; packets of other types are passed over.

    All times are looked at: they may go back within a packet.

    **Raises**: DataError for a file that cannot be read, of another format, or cut short.
    """
    raw = mapped(path)
    at = after_header(raw, path, b"#!AER-DAT3.1", b"#!END-HEADER")
    found: list[tuple[int, int, int, int, int]] = []
    while at < len(raw):
        if at + _PACKET.size > len(raw):
            raise DataError(str(path), f"{len(raw) - at} bytes at the end", "a packet header of 28 bytes", _AGAIN)
        kind, _, size, offset, overflow, _, count, _ = _PACKET.unpack_from(raw.data, at)
        begin, at = at + _PACKET.size, at + _PACKET.size + count * size
        if size <= 0 or count < 0 or overflow < 0 or at > len(raw):
            given = f"a packet of {count} events of {size} bytes at byte {begin}, of {len(raw)}"
            raise DataError(str(path), given, "a whole packet", _AGAIN)
        if kind != _POLARITY or not count:
            continue
        if (size, offset) != (_EVENT_BYTES, 4):
            given = f"polarity events of {size} bytes with their time at byte {offset}"
            raise DataError(str(path), given, "8 bytes with the time at byte 4", "check that it is AEDAT 3.1")
        t = np.frombuffer(raw, _EVENT, count=count, offset=begin)["t"]
        before = overflow << _OVERFLOW_BITS
        found.append((begin, count, overflow, before + int(t.min()), before + int(t.max())))
    return Packets(*np.array(found, dtype=np.int64).reshape(-1, 5).T)


def read_aedat3(path: Path, packets: Packets, size: int = 128) -> PolarityEvents:
    """The valid events of these packets of an AEDAT 3.1 file.

    **Raises**: DataError for a file that cannot be read, has changed, or has other pixels.
    """
    raw = mapped(path)
    if len(packets.begin) and int((packets.begin + _EVENT_BYTES * packets.events).max()) > len(raw):
        raise DataError(str(path), f"{len(raw)} bytes", "the file as it was when it was first read", _AGAIN)
    pieces = [
        np.frombuffer(raw, _EVENT, count=count, offset=begin)
        for begin, count in zip(packets.begin.tolist(), packets.events.tolist(), strict=True)
    ]
    whole = np.concatenate([np.empty(0, _EVENT), *pieces])
    data, t = whole["data"].astype(np.int64), whole["t"].astype(np.int64)
    t += np.repeat(packets.overflow, packets.events) << _OVERFLOW_BITS
    valid = data & 1 == 1
    data, t = data[valid], t[valid]
    events = PolarityEvents(data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1, t)
    _check_pixels(events, size, path)
    return events


def mapped(path: Path) -> np.ndarray:
    """The bytes of a file; only those that are looked at are read. Raises `DataError`."""
    try:
        if not path.stat().st_size:
            raise DataError(str(path), "an empty file", "a file of events", _AGAIN)
        return np.memmap(path, np.uint8, "r")
    except OSError as error:
        given = f"a file that cannot be read ({error.strerror})"
        raise DataError(str(path), given, "a file of events", "check the path and its rights") from error


def after_header(raw: np.ndarray, path: Path, version: bytes, end: bytes | None) -> int:
    """Where the lines of the header end: after the line `end`, or where no line begins with #. Raises `DataError`."""
    head = raw[:_LONGEST_HEADER].tobytes()
    if not head.startswith(version):
        given = f"a file that begins with {head[:12]!r}"
        raise DataError(str(path), given, version.decode(), "check which format the file has")
    at = 0
    while head[at : at + 1] == b"#":
        line_end = head.find(b"\n", at)
        if line_end < 0:
            raise DataError(str(path), "a header without end", "lines that begin with #, then events", _AGAIN)
        line, at = head[at:line_end].rstrip(), line_end + 1
        if line == end:
            return at
    if end is not None:
        raise DataError(str(path), f"no line {end.decode()}", "a header that ends with it", _AGAIN)
    return at


def _check_pixels(events: PolarityEvents, size: int, path: Path) -> None:
    if not len(events.t):
        return
    if int(events.x.max()) >= size or int(events.y.max()) >= size:
        given = f"an event at x = {int(events.x.max())}, y = {int(events.y.max())}"
        raise DataError(str(path), given, f"x and y below {size}", "give recordings of this camera")
    if int(events.t.min()) < 0:
        given = f"an event at {int(events.t.min())} us"
        raise DataError(str(path), given, "times that are not negative", _AGAIN)
