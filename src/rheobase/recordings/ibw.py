"""Igor binary waves, by igor2: one file is one channel of one sweep."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.formats import package
from rheobase.recordings.sweeps import TIME, Stored, Trace, converted, kind_of


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """The wave. Raises `DataError`."""
    igor = package("igor2.binarywave", str(path))
    try:
        with _quiet():
            content = igor.load(str(path))
    except Exception as error:
        raise DataError(
            str(path), f"what igor2 cannot read: {error}", "an Igor binary wave", "save it again"
        ) from error
    wave, header = content["wave"], content["wave"]["wave_header"]
    values = wave["wData"]
    if values is None or values.dtype.kind not in "fiu":
        raise DataError(str(path), "a wave of text or of complex numbers", "a wave of real numbers", "give another")
    if values.ndim != 1 or values.size < 2:
        given = f"a wave of shape {values.shape}"
        raise DataError(str(path), given, "one sweep of two samples at least", "save a wave of one dimension")
    name = _text(header["bname"])
    trace = Trace(name, _text(header["dataUnits"]), values.astype(np.float64), _interval(header))
    return f"IBW {content['version']}", [Stored("wave", [trace])]


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """igor2 logs the bytes of a file that is cut off, whatever the level."""
    loggers = [logging.getLogger(name) for name in ("igor2", "igor2.binarywave", "igor2.struct")]
    before = [log.disabled for log in loggers]
    for log in loggers:
        log.disabled = True
    try:
        yield
    finally:
        for log, disabled in zip(loggers, before, strict=True):
            log.disabled = disabled


def _interval(header: Any) -> float:
    """ms between samples. Igor counts x in seconds where a wave names no unit of its own."""
    if "sfA" in header:
        step, unit = float(header["sfA"][0]), _text(header["dimUnits"][0])
    else:
        step, unit = float(header["hsA"]), _text(header["xUnits"])
    return float(converted(np.array([step]), unit if kind_of(unit) == TIME else "s", TIME)[0])


def _text(raw: Any) -> str:
    return (raw if isinstance(raw, bytes) else b"".join(np.asarray(raw).ravel())).decode("latin-1").strip("\0 ")
