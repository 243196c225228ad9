"""Reader of RAW files with EVT 2.0 or EVT 3.0 events, and of DAT files: the formats of Prophesee's cameras.

All three begin with lines of text that begin with %. Little-endian words follow:

    EVT 2.0   32 bits: type (4); CD: low time (6), x (11), y (11); TIME_HIGH: the 28 bits of time above these 6
    EVT 3.0   16 bits: type (4); y, x with polarity, a base for vectors of 12 or 8 pixels, low and high 12 bits of time
    DAT       a byte of type, one of size, then 32 bits of time and x (14), y (14), polarity (4)

Times are us. Those of EVT 3.0 are high << 12 | low, as last told.

Reference: docs.prophesee.ai, data encoding formats.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from rheobase.data.formats.aedat import mapped
from rheobase.data.formats.recording import Recording
from rheobase.errors import DataError

_AGAIN = "get the file again"
_LONGEST_HEADER = 1 << 16


def read_prophesee(path: Path) -> Recording:
    """The events of a RAW or DAT file.

    **Raises**: DataError for a file that cannot be read, cut within a word, or of another encoding.
    """
    raw = mapped(path)
    header, begin = _header(raw, path)
    size = _geometry(header)
    said = re.search(r"(?:format\s+EVT|evt\s+)(\d(?:\.\d)?)", header, re.IGNORECASE)
    version = said[1].removesuffix(".0") if said else None
    if version is None and re.search(r"^%\s*(?:Version|Data file)", header, re.MULTILINE):
        return _dat(raw, begin, path, size)
    if version == "2":
        return _evt2(_words(raw, begin, "<u4", path), size)
    if version == "3":
        return _evt3(_words(raw, begin, "<u2", path), size)
    given = "a header without its encoding" if version is None else f"events of the encoding EVT {version}"
    raise DataError(str(path), given, "EVT 2.0, EVT 3.0 or DAT", "export it again, or convert it to HDF5 or .npz")


def _header(raw: np.ndarray, path: Path) -> tuple[str, int]:
    head, at = raw[:_LONGEST_HEADER].tobytes(), 0
    while head[at : at + 2] in (b"% ", b"%\n"):
        end = head.find(b"\n", at)
        if end < 0:
            raise DataError(str(path), "a header without end", "lines that begin with %, then events", _AGAIN)
        line, at = head[at:end].strip(), end + 1
        if line == b"% end":
            break
    return head[:at].decode("ascii", "replace"), at


def _geometry(header: str) -> tuple[int, int] | None:
    """Width and height, where the header says them in one of the ways that there are."""
    if found := re.search(r"geometry\s+(\d+)x(\d+)", header):
        return int(found[1]), int(found[2])
    width, height = (re.search(rf"\b{name}[ =](\d+)", header, re.IGNORECASE) for name in ("width", "height"))
    return (int(width[1]), int(height[1])) if width and height else None


def _words(raw: np.ndarray, begin: int, kind: str, path: Path) -> np.ndarray:
    size = np.dtype(kind).itemsize
    if (len(raw) - begin) % size:
        raise DataError(str(path), f"{len(raw) - begin} bytes of events", f"a multiple of {size}", _AGAIN)
    return np.frombuffer(raw, kind, offset=begin)


def _last(values: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At each word the value of the last word that told one, and whether there was one."""
    at = np.maximum.accumulate(np.where(told, np.arange(len(told)), -1))
    return np.where(at >= 0, values[np.maximum(at, 0)], 0), at >= 0


def _run_over(high: np.ndarray, told: np.ndarray, bits: int) -> np.ndarray:
    """How often a counter of so many bits ran over, up to each word."""
    values = high[told]
    over = np.zeros(len(high), np.int64)
    over[np.flatnonzero(told)[1:]] = np.diff(values) < -(1 << (bits - 1))
    return over.cumsum()


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} events before the first time left out",) if count else ()


def _evt2(words: np.ndarray, size: tuple[int, int] | None) -> Recording:
    words = words.astype(np.int64)
    kind = words >> 28
    told = kind == 8
    high, known = _last(words & 0xFFFFFFF, told)
    high += _run_over(words & 0xFFFFFFF, told, 28) << 28
    pixel = kind < 2
    kept = pixel & known
    words, high, kind = words[kept], high[kept], kind[kept]
    t = high << 6 | words >> 22 & 0x3F
    return Recording(words >> 11 & 0x7FF, words & 0x7FF, kind, t, size, _left_out(int((pixel & ~known).sum())))


def _evt3(words: np.ndarray, size: tuple[int, int] | None) -> Recording:
    words = words.astype(np.int64)
    kind, value = words >> 12, words & 0xFFF
    y, has_y = _last(value & 0x7FF, kind == 0)
    low, _ = _last(value, kind == 6)
    high, has_time = _last(value, kind == 8)
    t = (_run_over(value, kind == 8, 12) << 24) + (high << 12 | low)
    base, has_base = _last(value, kind == 3)
    # a vector lies behind its base and the vectors since
    width = np.where(kind == 4, 12, np.where(kind == 5, 8, 0))
    before = width.cumsum() - width
    begin = (base & 0x7FF) + before - _last(before, kind == 3)[0]
    known = has_y & has_time
    of_one = np.flatnonzero(kind == 2)
    of_many = np.flatnonzero(width > 0)
    # pixels of a vector: its bits, the lowest first
    bits = (value[of_many, None] >> np.arange(12) & 1).astype(bool) & (np.arange(12) < width[of_many, None])
    row, column = np.nonzero(bits)
    word = np.concatenate([of_one, of_many[row]])
    x = np.concatenate([value[of_one] & 0x7FF, begin[of_many[row]] + column])
    p = np.concatenate([value[of_one] >> 11 & 1, base[of_many[row]] >> 11 & 1])
    usable = known[word] & (has_base[word] | (kind[word] == 2))
    order = np.argsort(word, kind="stable")
    order = order[usable[order]]
    word = word[order]
    return Recording(x[order], y[word], p[order], t[word], size, _left_out(int((~usable).sum())))


def _dat(raw: np.ndarray, begin: int, path: Path, size: tuple[int, int] | None) -> Recording:
    kind, event_bytes = (int(raw[begin]), int(raw[begin + 1])) if len(raw) >= begin + 2 else (-1, -1)
    if kind not in (0, 12) or event_bytes != 8:
        given = f"events of type {kind} and {event_bytes} bytes"
        raise DataError(str(path), given, "events of pixels (type 0 or 12) of 8 bytes", "check that it is a DAT file")
    words = _words(raw, begin + 2, "<u8", path).astype(np.uint64)
    t, data = (words & np.uint64(0xFFFFFFFF)).astype(np.int64), (words >> np.uint64(32)).astype(np.int64)
    return Recording(data & 0x3FFF, data >> 14 & 0x3FFF, data >> 28 & 0xF, t, size)
