"""The journal of a search: what it computed, step by step, in a file, so that an interrupted one goes on.

A search is drawn from its seed; what costs time, or hangs on the clock, is what a model did with its points: scores,
gradients, and how long they took. A journal holds these. The same search reads them in place of computing them again,
comes to where it stopped within seconds, and goes on; its numbers are those of a search that was never interrupted.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rheobase.errors import CheckpointError, StorageError

MAGIC = b"rheobase journal 1\n"
FRAME = struct.Struct("<II")  # length and CRC-32 of an entry
DIGEST = 8  # bytes that tell one set of points from another
CLOCK, OVER, SCORES, GRADIENT, HELD = b"c", b"o", b"s", b"g", b"h"


@dataclass(frozen=True)
class _Entry:
    kind: bytes
    digest: bytes
    values: tuple[Tensor, ...]
    size: int  # bytes, with its frame


class Journal:
    """What a search computed: read as long as there is something to read, then written. Without a path, neither.

    `fingerprint` tells one search from another. An entry that was cut off, by a full disk or the end of the process, is
    taken away: it is computed again.

    Raises: `CheckpointError` for a file of another search or none, `StorageError`.
    """

    def __init__(self, path: Path | None = None, fingerprint: bytes = b""):
        self.path = path
        self._entries: list[_Entry] = []
        self._next, self._size = 0, 0
        if path is None:
            return
        head = MAGIC + fingerprint
        try:
            content = path.read_bytes() if path.exists() else b""
            # shorter than its head, it was cut off before anything was in it
            if not content.startswith(head) and not head.startswith(content):
                raise CheckpointError(
                    str(path),
                    "the journal of another fit, or none" if content.startswith(MAGIC) else "no journal",
                    "that of this fit: the same recording, model and settings, as they were",
                    "start a new fit",
                )
            self._entries, self._size = _read(content, len(head))
            if not content.startswith(head):
                path.write_bytes(head)
                self._size = len(head)
            else:
                os.truncate(path, self._size)
        except OSError as error:
            raise _unwritten(path, error) from error

    @property
    def replaying(self) -> bool:
        """Whether what comes next was computed before."""
        return self._next < len(self._entries)

    def recall(self, kind: bytes, points: Tensor | None, make: Callable[[], Sequence[Tensor]]) -> Sequence[Tensor]:
        """What `make` gave for these points when it was first asked; else what it gives, which is then kept.

        Raises: `CheckpointError` where something else was computed at this place, `StorageError`.
        """
        digest = b"\0" * DIGEST if points is None else hashlib.sha256(_array(points).tobytes()).digest()[:DIGEST]
        if self.replaying:
            entry = self._entries[self._next]
            if (entry.kind, entry.digest) != (kind, digest):
                raise CheckpointError(
                    str(self.path),
                    f"another search from its entry {self._next} on",
                    "the search that it was begun by",
                    "go on with the version and on the machine that began it, or start a new fit",
                )
            self._next += 1
            return entry.values
        values = make()
        if self.path is not None:
            self._append(self.path, _written(kind, digest, values))
        return values

    def reopen(self, limit: float | None) -> None:
        """Take back the last decision where the clock ended the search, and this limit (s) leaves time to go on."""
        clocks = [float(entry.values[0]) for entry in self._entries if entry.kind == CLOCK]
        last = self._entries[-1] if self._entries else None
        ended = last is not None and last.kind == OVER and bool(last.values[0])
        if ended and (limit is None or (clocks and clocks[-1] < limit)):
            self._size -= self._entries.pop().size
            if self.path is not None:
                try:
                    os.truncate(self.path, self._size)
                except OSError as error:
                    raise _unwritten(self.path, error) from error

    def _append(self, path: Path, frame: bytes) -> None:
        try:
            with path.open("r+b") as file:
                alone = os.fstat(file.fileno()).st_size == self._size
                if alone:
                    file.seek(self._size)
                    file.write(frame)
        except OSError as error:
            raise _unwritten(path, error) from error
        if not alone:
            raise StorageError(
                str(path),
                "a journal into which another process writes",
                "one search at a time",
                "end the other one, and go on again",
            )
        self._size += len(frame)


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()


def _written(kind: bytes, digest: bytes, values: Sequence[Tensor]) -> bytes:
    body = io.BytesIO()
    body.write(kind + digest)
    for value in values:
        np.save(body, _array(value), allow_pickle=False)
    content = body.getvalue()
    return FRAME.pack(len(content), zlib.crc32(content)) + content


def _read(content: bytes, at: int) -> tuple[list[_Entry], int]:
    """The whole entries from a place on, and where the last of them ends."""
    found: list[_Entry] = []
    while at + FRAME.size <= len(content):
        length, check = FRAME.unpack_from(content, at)
        body = content[at + FRAME.size : at + FRAME.size + length]
        if len(body) < length or zlib.crc32(body) != check:
            break
        file = io.BytesIO(body[1 + DIGEST :])
        values: list[Tensor] = []
        while file.tell() < len(body) - 1 - DIGEST:
            values.append(torch.from_numpy(np.load(file, allow_pickle=False)))
        found.append(_Entry(body[:1], body[1 : 1 + DIGEST], tuple(values), FRAME.size + length))
        at += FRAME.size + length
    return found, at


def _unwritten(path: Path, error: OSError) -> StorageError:
    expected, remedy = "a file that can be read and written", "make room, or check its rights; what was kept stays"
    return StorageError(str(path), error.strerror or str(error), expected, remedy)


__all__ = ["Journal"]
