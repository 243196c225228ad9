"""Whether an HDF5 file is built as those of NIR are, and whole: what libhdf5 follows in it leads on, and to an end.

libhdf5 believes most of what a file says of itself. In a damaged one a list that leads back to its own beginning, or an
entry of length zero, keeps it busy for ever, and no caller can end it. Here is followed what it would follow: groups
with their tables of names, the headers of data sets, the trees of their chunks and the heaps of their text. Each place
is visited once and lies in the file. What NIR's files do not have (attributes, links, later forms of HDF5) is not
looked into: such a file may be sound, but is none that is known to be.

Source of the layout: HDF5 File Format Specification, version 1.1 (superblock of version 0).
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

NONE = 2**64 - 1  # an address of nothing
LAST_FREE = 1  # the end of the list of what is free in a heap of names
DEFLATED = 1032  # bytes that one byte of zlib holds at most
FLOATS = {  # size: exponent at, exponent bits, mantissa at, mantissa bits, bias; all of IEEE 754
    2: (10, 5, 0, 10, 15),
    4: (23, 8, 0, 23, 127),
    8: (52, 11, 0, 52, 1023),
}
NIL, SPACE, TYPE, OLD_FILL, FILL, LAYOUT, FILTERS, NEXT, TABLE, CHANGED = 0, 1, 3, 4, 5, 8, 11, 16, 17, 18
DEFLATE = 1


class _Odd(Exception):
    """Something that a file of NIR does not have."""


def is_plain(data: bytes) -> bool:
    """Whether libhdf5 reads these bytes to an end for sure. False says nothing: it may, or may not.

    >>> is_plain(b"no file")
    False
    """
    try:
        _File(data).superblock()
    except (_Odd, RecursionError):
        return False
    return True


@dataclass
class _Type:
    """The type of the elements of a data set."""

    size: int
    text: bool  # whose bytes lie in a heap


class _File:
    def __init__(self, data: bytes):
        self.data = data
        self.visited: set[int] = set()
        self.heaps: dict[int, dict[int, int]] = {}

    def bytes(self, at: int, size: int) -> bytes:
        if not 0 <= at <= at + size <= len(self.data):
            raise _Odd
        return self.data[at : at + size]

    def number(self, at: int, size: int) -> int:
        return int.from_bytes(self.bytes(at, size), "little")

    def begins(self, at: int, sign: bytes) -> None:
        """Each place begins with its sign, and is visited once."""
        _check(self.bytes(at, len(sign)) == sign and at not in self.visited)
        self.visited.add(at)

    def superblock(self) -> None:
        self.begins(0, b"\x89HDF\r\n\x1a\n" + bytes(5) + b"\x08\x08\x00")
        _check(self.number(24, 8) == 0 and self.number(32, 8) == NONE and self.number(48, 8) == NONE)
        _check(self.number(40, 8) == len(self.data))
        self.entry(56)

    # --- groups ---------------------------------------------------------------------------------------------

    def entry(self, at: int) -> None:
        """An object by its entry in a table of names, which may repeat where the tables of a group lie."""
        header, cached = self.number(at + 8, 8), self.number(at + 16, 4)
        _check(cached in (0, 1))
        held = self.object(header)
        _check(cached == 0 or held == (self.number(at + 24, 8), self.number(at + 32, 8)))

    def object(self, at: int) -> tuple[int, int] | None:
        """A group or a data set: where the names of the group lie."""
        messages = self.messages(at)
        if TABLE in messages:
            _check(set(messages) == {TABLE})
            start, size = messages[TABLE]
            _check(size >= 16)
            tree, names = self.number(start, 8), self.number(start + 8, 8)
            first, end = self.names(names)
            for node in self.tree(tree, 0, 8):
                self.table(node, first, end)
            return tree, names
        self.data_set(messages)
        return None

    def messages(self, at: int) -> dict[int, tuple[int, int]]:
        """The messages of an object's header: where each begins, and its size. Each kind is there once."""
        self.begins(at, b"\x01\x00")
        blocks, found, count = [(at + 16, self.number(at + 8, 4))], {}, 0
        for start, size in blocks:  # which grow
            self.bytes(start, size)
            end = start + size
            while start + 8 <= end:
                kind, length = self.number(start, 2), self.number(start + 2, 2)
                _check(start + 8 + length <= end and not self.number(start + 4, 1) & ~1)
                count += 1
                if kind == NEXT:
                    _check(length >= 16)
                    block = (self.number(start + 8, 8), self.number(start + 16, 8))
                    _check(block[0] not in self.visited)
                    self.visited.add(block[0])
                    blocks.append(block)
                elif kind != NIL:
                    _check(kind not in found)
                    found[kind] = (start + 8, length)
                start += 8 + length
            _check(start == end)
        _check(count == self.number(at + 2, 2))
        return found

    def names(self, at: int) -> tuple[int, int]:
        """The heap of a group's names: where its bytes begin and end."""
        self.begins(at, b"HEAP\x00")
        size, free, start = (self.number(at + k, 8) for k in (8, 16, 24))
        self.bytes(start, size)
        seen: set[int] = set()
        while free not in (LAST_FREE, NONE):
            _check(free not in seen and free + 16 <= size and free + self.number(start + free + 8, 8) <= size)
            seen.add(free)
            free = self.number(start + free, 8)
        return start, start + size

    def table(self, at: int, first: int, end: int) -> None:
        self.begins(at, b"SNOD\x01")
        for k in range(self.number(at + 6, 2)):
            entry = at + 8 + 40 * k
            name = first + self.number(entry, 8)
            _check(name < end and self.data.find(b"\0", name, end) > name)
            self.entry(entry)

    def tree(self, at: int, kind: int, key: int, level: int | None = None) -> list[int]:
        """What the lowest nodes of a tree point to, in order; of chunks the places of their keys."""
        rows, found = [at], list[int]()
        while rows:
            below: list[int] = []
            for k, node in enumerate(rows):
                self.begins(node, b"TREE" + bytes([kind]))
                own, used = self.number(node + 5, 1), self.number(node + 6, 2)
                beside = (rows[k - 1] if k else NONE, rows[k + 1] if k + 1 < len(rows) else NONE)
                _check(level in (None, own) and beside == (self.number(node + 8, 8), self.number(node + 16, 8)))
                level = own
                keys = [node + 24 + j * (key + 8) for j in range(used)]
                self.bytes(node + 24, used * (key + 8) + key)
                if own or kind == 0:
                    below += [self.number(start + key, 8) for start in keys]
                else:
                    found += keys
            if level == 0:
                return below if kind == 0 else found
            rows, level = below, (level or 0) - 1
        raise _Odd

    # --- data sets ------------------------------------------------------------------------------------------

    def data_set(self, messages: dict[int, tuple[int, int]]) -> None:
        known = {SPACE, TYPE, OLD_FILL, FILL, LAYOUT, FILTERS, CHANGED}
        _check({SPACE, TYPE, LAYOUT} <= set(messages) <= known)
        dims, kind = self.sizes(*messages[SPACE]), self.type(*messages[TYPE])
        if FILL in messages:
            self.fill(*messages[FILL], kind)
        total = math.prod(dims) * kind.size
        at, size = messages[LAYOUT]
        _check(size >= 2 and self.number(at, 1) == 3)
        form = self.number(at + 1, 1)
        if form == 0:
            _check(self.number(at + 2, 2) == total <= size - 4 and FILTERS not in messages)
            self.elements(self.bytes(at + 4, total), kind)
        elif form == 1:
            start, held = self.number(at + 2, 8), self.number(at + 10, 8)
            _check(held == total and FILTERS not in messages and (start != NONE or not kind.text))
            self.elements(b"" if start == NONE else self.bytes(start, total), kind)
        else:
            # what was never written is filled in, and of any size
            _check(form == 2 and total <= DEFLATED * len(self.data))
            self.chunks(at, size, dims, kind, self.filters(*messages[FILTERS]) if FILTERS in messages else [])

    def sizes(self, at: int, size: int) -> tuple[int, ...]:
        version, rank, flags = (self.number(at + k, 1) for k in range(3))
        _check(version == 1 and rank <= 32 and flags <= 1 and 8 + 8 * rank * (1 + flags) <= size)
        return tuple(self.number(at + 8 + 8 * k, 8) for k in range(rank))

    def type(self, at: int, size: int) -> _Type:
        _check(size >= 8)
        head, bits, wide = self.number(at, 1), self.number(at + 1, 3), self.number(at + 4, 4)
        _check(head >> 4 in (1, 3) and wide >= 1)
        kind, more = head & 15, self.bytes(at + 8, size - 8)
        if kind == 0:
            _check(wide <= 8 and not bits & ~9 and more[:4] == bytes(2) + (8 * wide).to_bytes(2, "little"))
        elif kind == 1:
            fields = (*more[4:8], int.from_bytes(more[8:12], "little"))
            _check(wide in FLOATS and bits in (0x20 | (8 * wide - 1) << 8, 0x21 | (8 * wide - 1) << 8))
            _check(more[:4] == bytes(2) + (8 * wide).to_bytes(2, "little") and fields == FLOATS[wide])
        elif kind == 8:
            self.members(at, size, bits, wide)
        elif kind == 9:
            _check(bits & 15 == 1 and wide == 16 and len(more) >= 8)
            _check(more[0] & 15 in (0, 3) and int.from_bytes(more[4:8], "little") == 1)
        else:
            _check(kind == 3)
        return _Type(wide, kind == 9)

    def members(self, at: int, size: int, count: int, wide: int) -> None:
        """The names of an enumeration, which bool is, and their values."""
        _check(self.type(at + 8, 12).size == wide and count <= 256 and self.number(at, 1) >> 4 == 1)
        start, end = at + 20, at + size
        for _ in range(count):
            stop = self.data.find(b"\0", start, end)
            _check(stop > start)
            start += (stop - start) // 8 * 8 + 8
        _check(start + count * wide <= end)

    def fill(self, at: int, size: int, kind: _Type) -> None:
        _check(size >= 4 and self.number(at, 1) == 2)
        if self.number(at + 3, 1):
            held = self.number(at + 4, 4)
            _check(size >= 8 + held and held in (0, kind.size))

    def filters(self, at: int, size: int) -> list[int]:
        _check(size >= 8 and self.number(at, 1) == 1)
        found, end, start = list[int](), at + size, at + 8
        for _ in range(self.number(at + 1, 1)):
            _check(start + 8 <= end)
            name, values = self.number(start + 2, 2), self.number(start + 6, 2)
            found.append(self.number(start, 2))
            start += 8 + name + 4 * (values + values % 2)
        _check(start <= end)
        return found

    def chunks(self, at: int, size: int, dims: tuple[int, ...], kind: _Type, filters: list[int]) -> None:
        rank, root = len(dims), self.number(at + 3, 8)
        _check(self.number(at + 2, 1) == rank + 1 and size >= 11 + 4 * (rank + 1) and filters in ([], [DEFLATE]))
        *chunk, wide = (self.number(at + 11 + 4 * k, 4) for k in range(rank + 1))
        _check(wide == kind.size and all(chunk))
        long = math.prod(chunk) * wide
        _check(long <= DEFLATED * len(self.data))
        starts: set[bytes] = set()
        for key in self.tree(root, 1, 8 + 8 * (rank + 1)):
            held, where = self.number(key, 4), self.number(key + 8 + 8 * (rank + 1), 8)
            corner = [self.number(key + 8 + 8 * k, 8) for k in range(rank + 1)]
            inside = all(c % step == 0 and c < n for c, step, n in zip(corner, (*chunk, 1), (*dims, 1), strict=True))
            _check(inside and self.number(key + 4, 4) == 0 and (bool(filters) or held == long))
            starts.add(self.bytes(key + 8, 8 * rank))
            stored = self.bytes(where, held)
            if kind.text:
                self.elements(self.inflated(stored, long) if filters else stored, kind)
        _check(len(starts) == math.prod(-(-n // step) for n, step in zip(dims, chunk, strict=True)))

    @staticmethod
    def inflated(held: bytes, long: int) -> bytes:
        try:
            found = zlib.decompressobj().decompress(held, long + 1)
        except zlib.error:
            raise _Odd from None
        _check(len(found) == long)
        return found

    def elements(self, held: bytes, kind: _Type) -> None:
        """Of text each element lies in a heap."""
        for k in range(0, len(held) if kind.text else 0, 16):
            length, at, index = (int.from_bytes(held[k + a : k + b], "little") for a, b in ((0, 4), (4, 12), (12, 16)))
            if length or (at and at != NONE):
                _check(length <= self.heap(at).get(index, -1))

    def heap(self, at: int) -> dict[int, int]:
        """The sizes of what lies in a heap of text, by number."""
        if at in self.heaps:
            return self.heaps[at]
        self.begins(at, b"GCOL\x01")
        end, start, found = at + self.number(at + 8, 8), at + 16, dict[int, int]()
        self.bytes(at, end - at if end > at else -1)
        while start + 16 <= end:
            index, size = self.number(start, 2), self.number(start + 8, 8)
            if index == 0:  # what is free, to the end
                _check(start + size == end)
                break
            _check(index not in found)
            found[index] = size
            start += 16 + -(-size // 8) * 8
            _check(start <= end)
        self.heaps[at] = found
        return found


def _check(sound: bool) -> None:
    if not sound:
        raise _Odd
