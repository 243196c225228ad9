"""Seconds and bytes as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Three digits with a unit that fits.

    >>> duration(0.00001234), duration(0.0456), duration(7.891)
    ('12.3 us', '45.6 ms', '7.89 s')
    """
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} us"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def size(count: float) -> str:
    """Bytes.

    >>> size(0), size(2048), size(3.5 * 2**20)
    ('0 B', '2 KiB', '3.5 MiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"
