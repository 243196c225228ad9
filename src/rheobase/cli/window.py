"""How long a run is, and whether its currents lie within it."""

from __future__ import annotations

from collections.abc import Mapping

from rheobase.cli.quantity import quantity
from rheobase.cli.stimulus import Clock, Typed
from rheobase.core.declaration.describe import STEPS
from rheobase.errors import ParameterError

USUAL_STOP = 400.0  # ms, or steps
MOST_STEPS = 100_000_000


def steps_of(text: str, name: str, clock: Clock, owner: str) -> int:
    """How many steps a time is; beyond what is allowed, one more than that. `owner` counts in them.

    Raises: `ParameterError`, `UnitError`.
    """
    if clock.dt is not None:
        count = quantity(text, "ms", name) / clock.dt
    else:
        count = quantity(text, STEPS, name)
        if count != int(count):
            expected = f"a whole number of steps, in which {owner} counts"
            raise ParameterError(name, repr(text), expected, "400")
    return round(max(-1.0, min(count, MOST_STEPS + 1.0)))


def length(given: str | None, currents: Mapping[str, Typed], clock: Clock, owner: str) -> int:
    """The steps of a run: as given, or as long as a file; else 400 ms, or until the last STOP of a current.

    Raises: `ParameterError`, `UnitError`.
    """
    longest = max(currents.values(), key=lambda each: each.length or 0.0)
    lasts = longest.length or 0.0
    if given is None and not any(each.whole for each in currents.values()):
        lasts = max(lasts, USUAL_STOP)
    steps = steps_of(given or f"{lasts!r}", "--stop", clock, owner)
    if not 1 <= steps <= MOST_STEPS:
        expected = f"a time of 1 to {MOST_STEPS} steps" + (f" of {clock.dt:g} ms" if clock.dt else "")
        raise ParameterError("--stop", repr(given or longest.text), expected, "--stop 400")
    return steps


def check_times(
    current: Typed, typed: str, steps: int, clock: Clock, *, owner: str, stop: str | None, onset: str | None = None
) -> None:
    """Raise `ParameterError` for a current, `typed` so, that begins after the run, or is longer than it.

    `stop` and `onset` are what was typed for those, None where nothing was.
    """
    lasts = steps * clock.step
    end = f"{lasts:g} {clock.unit}" if stop is None else f"--stop {stop}"
    if not 0 <= current.onset < lasts:
        if onset is not None:
            raise ParameterError("--onset", repr(onset), f"a time from 0 to before {end}", "--onset 0")
        begins = f"{typed}, which begins at {current.onset:g} {clock.unit}"
        raise ParameterError(owner, begins, f"a current that begins before {end}", f"--stop {2 * current.onset:g}")
    if current.length is not None and current.length > lasts * (1.0 + 1e-6):
        remedy = f"leave --stop out, or --stop {current.length:g}"
        given = f"{typed}, which lasts {'' if current.whole else 'until '}{current.length:g} {clock.unit}"
        raise ParameterError(owner, given, f"a current no longer than {end}", remedy)
