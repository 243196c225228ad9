"""Which sweeps of a recording a fit leaves for a test."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from rheobase.errors import ParameterError
from rheobase.learning.fitting.recording import Recording

AUTO = "auto"
SHARE = 0.2  # of what can be held out, where one does not say how much
LEAST = 3  # currents with spikes from which one is held out without being asked

HoldOut = str | float | Sequence[int] | None


@dataclass(frozen=True)
class Split:
    """The numbers of the sweeps that are fitted and of those that are held out; `reason` says what chose them."""

    fitted: tuple[int, ...]
    held: tuple[int, ...]
    reason: str


def split(recording: Recording, hold_out: HoldOut) -> Split:
    """The sweeps that are fitted, and those that are held out.

    None      nothing is held out
    "auto"    a fifth, if three different currents made the cell spike
    share     so large a share of them, between 0 and 1
    numbers   these sweeps

    A share is taken of the currents that made the cell spike, or of all where none did, in order of their means and
    evenly, so that weaker and stronger ones are fitted; a current that was repeated is held out with all its
    repetitions. Where all sweeps have one current, repetitions of it are held out.

    Raises: `ParameterError` for numbers and shares that there are not, and where no spike is left to fit.

    >>> import torch
    >>> v = torch.full((4, 100), -70.0)
    >>> v[:, 50] = 20.0
    >>> steps = Recording(v, torch.tensor([100.0, 200.0, 300.0, 400.0])[:, None].expand(4, 100), dt=0.5)
    >>> split(steps, "auto")
    Split(fitted=(0, 1, 3), held=(2,), reason='1 of 4 currents with spikes')
    """
    count = len(recording.v)
    if hold_out is None:
        return _made(recording, [], "nothing was to be held out")
    if isinstance(hold_out, str) and hold_out != AUTO:
        raise ParameterError("hold_out", repr(hold_out), f'"{AUTO}", a share, numbers of sweeps or None', "0.2, say")
    if isinstance(hold_out, str):
        return _made(recording, *_by_share(recording, None))
    if isinstance(hold_out, (int, float)):
        return _made(recording, *_by_share(recording, float(hold_out)))
    return _made(recording, _numbers(hold_out, count), "as chosen")


def _by_share(recording: Recording, share: float | None) -> tuple[list[int], str]:
    """The held sweeps, and why; `share` None: as it is usual."""
    if share is not None and not 0.0 < share < 1.0:
        raise ParameterError("hold_out", f"the share {share:g}", "a share between 0 and 1", "0.2 holds a fifth out")
    if len(recording.v) == 1:
        if share is not None:
            raise ParameterError("hold_out", "a share of 1 sweep", "several sweeps", "leave hold_out out")
        return [], "no hold-out is possible: there is one sweep"
    units, what = _units(recording)
    if share is None and len(units) < LEAST:
        few = f"{len(units)} {what}" if len(units) != 1 else f"1 {what.replace('currents', 'current')}"
        return [], f"{few}, and one takes {LEAST} to leave one for a test"
    if len(units) < 2:
        raise ParameterError(
            "hold_out", f"a share of {len(units)} {what}", "two at least", "name sweeps, or leave hold_out out"
        )
    count = min(math.ceil((share or SHARE) * len(units) - 1e-9), len(units) - 1)
    # in the middle of equal stretches: up to a half, never the weakest, and below it never the strongest
    chosen = [units[int((k + 0.5) * len(units) / count)] for k in range(count)]
    return sorted(number for unit in chosen for number in unit), f"{count} of {len(units)} {what}"


def _units(recording: Recording) -> tuple[list[list[int]], str]:
    """What can be held out, each as the numbers of its sweeps, the weakest current first; and what that is."""
    currents, group = recording.repeats()
    spiking = [k for k, times in enumerate(recording.spike_times()) if len(times)]
    what = "currents with spikes" if spiking else "currents"
    spiking = spiking or list(range(len(recording.v)))
    if len(currents) == 1:
        return [[k] for k in spiking], "repetitions of one current"
    order = currents.mean(1).argsort(stable=True).tolist()
    found = [(group == g).nonzero()[:, 0].tolist() for g in order]
    return [unit for unit in found if any(k in spiking for k in unit)], what


def _numbers(given: Sequence[int], count: int) -> list[int]:
    try:
        numbers = [operator.index(k) for k in given if not isinstance(k, bool)]
    except TypeError:
        numbers = []
    if not numbers or len(set(numbers)) < len(given) or any(not 0 <= k < count for k in numbers):
        expected = f"numbers from 0 to {count - 1}, each once"
        raise ParameterError("hold_out", repr(given), expected, "None holds nothing out")
    return sorted(numbers)


def _made(recording: Recording, held: list[int], reason: str) -> Split:
    fitted = [k for k in range(len(recording.v)) if k not in held]
    times = recording.spike_times()
    if any(map(len, times)) and not any(len(times[k]) for k in fitted):
        given = f"sweeps {', '.join(map(str, held))}, and no spike in any other"
        raise ParameterError("hold_out", given, "a spike that is left to fit", "hold fewer sweeps out")
    return Split(tuple(fitted), tuple(held), reason)
