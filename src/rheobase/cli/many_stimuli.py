"""Several stimuli of one run as a user types them: a grid of amplitudes, and files with a current in each sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rheobase import stimuli
from rheobase.cli.quantity import quantity, whole
from rheobase.cli.stimulus import Clock, Typed, typed_current
from rheobase.errors import DataError, ParameterError

AMPLITUDE = "AMP"
FLAG = "--stimuli "
MOST = 100_000


def typed_stimuli(given: Sequence[str], amplitudes: str | None, unit: str, clock: Clock) -> dict[str, Typed]:
    """The currents by name: each of `given` is one, or a file of several, or one for each amplitude where AMP stands.

    Raises: `ParameterError`, `UnitError`, `DataError`.

    >>> list(typed_stimuli(["step:AMP:100"], "0.1:0.3:3", "nA", Clock(0.1)))
    ['step:0.1:100', 'step:0.2:100', 'step:0.3:100']
    """
    values = None if amplitudes is None else amplitudes_of(amplitudes, unit)
    texts: list[str] = []
    for text in given:
        if AMPLITUDE not in text.split(":"):
            texts += _sweeps(text)
        elif values is None:
            expected = f"--amplitudes beside {AMPLITUDE}"
            raise ParameterError(FLAG.strip(), repr(text), expected, "--amplitudes 0.1:0.8:8, say")
        else:
            parts = text.split(":")
            texts += [":".join(f"{value:.9g}" if part == AMPLITUDE else part for part in parts) for value in values]
    if values is not None and not any(AMPLITUDE in text.split(":") for text in given):
        expected = f"a stimulus with {AMPLITUDE} in it"
        raise ParameterError("--amplitudes", repr(amplitudes), expected, f"{FLAG}step:{AMPLITUDE}:100:600, say")
    found: dict[str, Typed] = {}
    for text in texts:
        named = _of_array(text, clock) if text.endswith(".npy") else {text: typed_current(text, unit, FLAG, clock)}
        for name, one in named.items():
            if name in found:
                raise ParameterError(FLAG.strip(), f"{name} twice", "each stimulus once", "leave one out")
            found[name] = one
    return found


def amplitudes_of(text: str, unit: str) -> list[float]:
    """Amplitudes: "0.1,0.2,0.5", or FROM:TO:COUNT, evenly spaced. Raises `ParameterError`, `UnitError`."""
    flag = "--amplitudes"
    parts = text.split(":")
    if len(parts) == 1:
        return [quantity(part, unit, flag) for part in text.split(",")]
    count = whole(parts[2]) if len(parts) == 3 else None
    if count is None or not 2 <= count <= MOST:
        expected = f"FROM:TO:COUNT, a COUNT from 2 to {MOST}, or numbers with commas"
        raise ParameterError(flag, repr(text), expected, f"{flag} 0.1:0.8:8, say")
    low, high = (quantity(part, unit, flag) for part in parts[:2])
    if low == high:
        raise ParameterError(flag, repr(text), "two ends that differ", f"{flag} 0.1:0.8:8, say")
    return [low + k * (high - low) / (count - 1) for k in range(count)]


def _sweeps(text: str) -> list[str]:
    """A file of several currents as each of its sweeps; anything else as it is."""
    from rheobase.files import expanded
    from rheobase.recordings.formats import FORMATS, stored

    if Path(text).suffix.lower() not in FORMATS:
        return [text]
    _, found = stored(expanded(text, FLAG.strip()))
    return [text] if len(found) < 2 else [f"{text}:{k}" for k in range(len(found))]


def _of_array(text: str, clock: Clock) -> dict[str, Typed]:
    """A .npy file, (stimuli, time) or (time,) in nA, a value for each step of the run."""
    import numpy as np

    from rheobase.data.formats.npz import read_npy
    from rheobase.files import expanded

    remedy = "numpy.save it as (stimuli, time), in nA, a value for each step of --dt"
    held = read_npy(expanded(text, FLAG.strip()), remedy)
    if held.dtype.kind not in "fiu" or held.ndim not in (1, 2) or not held.size:
        raise DataError(text, f"an array {held.shape} of {held.dtype}", "numbers, (stimuli, time)", remedy)
    if not np.isfinite(held).all():
        raise DataError(text, "NaN or infinite numbers", "finite ones", "look at how it was made")
    rows = np.atleast_2d(held).astype(float)
    length = rows.shape[1] * clock.step
    found: dict[str, Typed] = {}
    for k, row in enumerate(rows):
        one = stimuli.samples(row.tolist(), dt=clock.step)
        found[f"{text}:{k}"] = Typed(text, lambda _, one=one: one, 0.0, length)
    return found
