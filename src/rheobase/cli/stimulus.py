"""The currents that a user types: a number, a word of `rheobase.stimuli` with its values, or a file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rheobase import stimuli
from rheobase.cli.quantity import quantity
from rheobase.core.declaration.describe import STEPS, display
from rheobase.errors import DataError, ParameterError, UnitError, nearest
from rheobase.stimuli import Stimulus

# what each word takes, as an error and the help show it
FORMS = {
    "step": "step:AMP[:START[:STOP]]",
    "ramp": "ramp:FROM:TO",
    "sine": "sine:AMP:FREQ[:OFFSET]",
    "noise": "noise:MEAN:SD:TAU",
    "pulses": "pulses:AMP:WIDTH:RATE[:START[:STOP]]",
}
_MEANT = {
    "step": "{amounts}, START and STOP in {time}",
    "ramp": "{amounts}",
    "sine": "{amounts}, FREQ in {rate}",
    "noise": "{amounts}, TAU in {time}",
    "pulses": "{amounts}, WIDTH, START and STOP in {time}, RATE in {rate}",
}
_VALUES = {"step": (1, 3), "ramp": (2, 2), "sine": (2, 3), "noise": (3, 3), "pulses": (3, 5)}
_A_NUMBER = re.compile(r"\s*[-+]?(\d|\.\d|nan|inf)", re.IGNORECASE)
_A_SWEEP = re.compile(r"(.+):(\d{1,9})")


@dataclass(frozen=True)
class Clock:
    """The time of a run: its step in ms, None where the neuron counts in steps; and the seed of its noise."""

    dt: float | None
    seed: int = 0

    @property
    def unit(self) -> str:
        """The unit of time."""
        return STEPS if self.dt is None else "ms"

    @property
    def step(self) -> float:
        """One step in that unit."""
        return self.dt or 1.0

    @property
    def rate_unit(self) -> str:
        """The unit of a rate."""
        return "1/step" if self.dt is None else "Hz"


@dataclass(frozen=True)
class Typed:
    """A current as it was typed, understood.

    made    the current of a run of that length (ms, or steps)
    onset   when it begins, in ms or steps
    length  how long it is, where that is given: of a file, or a STOP; else None
    whole   whether a run lasts as long, where nothing else is said: of a file
    note    what a user should know of it, or ""
    """

    text: str
    made: Callable[[float], Stimulus]
    onset: float = 0.0
    length: float | None = None
    note: str = ""
    whole: bool = False


def typed_current(text: str, unit: str, flag: str, clock: Clock, onset: float | None = None) -> Typed:
    """What was typed for a current in `unit`. A number begins at `onset`; the others have times of their own.

    `flag` is what stands before it on the command line: "--current ", or "--input g_exc=".

    Raises: `ParameterError` and `UnitError`, which say what is expected, with an example; `DataError` for a file.

    >>> typed_current("step:0.8nA:100:300", "pA", "--current ", Clock(0.1)).made(400.0)
    Polyline(corners=((100.0, 0.0), (100.0, 800.0), (300.0, 800.0), (300.0, 0.0)))
    """
    word, colon, rest = text.partition(":")
    word = word.strip().lower()
    if word in FORMS:
        _refuse_onset(flag + text, onset)
        return _Reading(text, word, rest.split(":") if colon else [], unit, flag, clock).read()
    if _is_file(text):
        _refuse_onset(flag + text, onset)
        return _of_file(text, unit, flag, clock)
    option = _option(flag)
    if not _A_NUMBER.match(text):
        given_unit = "" if unit == "1" else f" in {display(unit)}"
        expected = f"a finite number{given_unit}, one of {', '.join(FORMS.values())}, or a file"
        raise ParameterError(option, repr(text), expected, nearest(word, FORMS) if colon else _example(flag, unit))
    value, begins = quantity(text, unit, option), onset or 0.0
    return Typed(text, lambda stop: stimuli.step(value, start=begins), begins)


def _is_file(text: str) -> bool:
    from rheobase.recordings.formats import is_recording

    match = _A_SWEEP.fullmatch(text)
    name = match[1] if match else text
    # 5 uA/cm2 is no path
    return is_recording(name) or Path(name).is_file() or ("/" in name and not _A_NUMBER.match(name))


def _refuse_onset(typed: str, onset: float | None) -> None:
    if onset is not None:
        given, expected = f"--onset beside {typed}", "times within it, or a plain number"
        raise ParameterError("--onset", given, expected, "leave --onset out, or take step:AMP:START")


def _option(flag: str) -> str:
    return flag.rstrip(" =")


def _example(flag: str, unit: str) -> str:
    amplitude = {"1": "1.5", "nA": "0.1nA"}.get(unit, f"100{unit}" if unit.isalpha() else "100")
    return f"{flag}{amplitude}, or {flag}step:{amplitude}:100:300"


@dataclass(frozen=True)
class _Reading:
    """One word with its values."""

    text: str
    word: str
    values: Sequence[str]
    unit: str
    flag: str
    clock: Clock

    def read(self) -> Typed:
        least, most = _VALUES[self.word]
        if not least <= len(self.values) <= most or not all(value.strip() for value in self.values):
            raise self.wrong(repr(self.text))
        return getattr(self, f"_{self.word}")()

    # --- the words ------------------------------------------------------------------------------------------------

    def _step(self) -> Typed:
        amplitude, (start, stop) = self.amount(0), self.window(1)
        return Typed(self.text, lambda _: stimuli.step(amplitude, start=start, stop=stop), start, _finite(stop))

    def _ramp(self) -> Typed:
        first, last = self.amount(0), self.amount(1)
        return Typed(self.text, lambda length: stimuli.ramp(last, stop=length, first=first))

    def _sine(self) -> Typed:
        amplitude, frequency = self.amount(0), self.frequency(1)
        offset = self.amount(2) if len(self.values) > 2 else 0.0
        if 2.0 * frequency * self.clock.step >= 1000.0:
            raise self.wrong(f"{self.values[1]}, a period of no more than two steps")
        return Typed(self.text, lambda _: stimuli.sine(amplitude, frequency, offset=offset))

    def _noise(self) -> Typed:
        mean, sigma, tau = self.amount(0), self.amount(1), self.time(2)
        for value, k in ((sigma, 1), (tau, 2)):
            if value < 0.0:
                raise self.wrong(f"{self.values[k]}, below 0")
        seed = self.clock.seed
        return Typed(self.text, lambda _: stimuli.noise(mean, sigma, tau=tau, seed=seed), note=f"noise of seed {seed}")

    def _pulses(self) -> Typed:
        amplitude, width, rate = self.amount(0), self.time(1), self.frequency(2)
        start, stop = self.window(3)
        if width < self.clock.step * (1.0 - 1e-9):
            step = f"{self.clock.step:g} {self.clock.unit}"
            raise self.wrong(f"a width of {self.values[1]}, shorter than the step of {step}")
        if width >= 1000.0 / rate:
            raise self.wrong(f"pulses of {self.values[1]} at {self.values[2]}, which run into each other")
        return Typed(
            self.text,
            lambda _: stimuli.pulses(amplitude, width=width, rate=rate, start=start, stop=stop),
            start,
            _finite(stop),
        )

    # --- their values ---------------------------------------------------------------------------------------------

    def amount(self, k: int) -> float:
        return self.number_in(k, self.unit)

    def time(self, k: int) -> float:
        return self.number_in(k, self.clock.unit)

    def frequency(self, k: int) -> float:
        """In Hz, as if a step were a millisecond where the neuron counts in steps."""
        value = self.number_in(k, self.clock.rate_unit)
        if value <= 0.0:
            raise self.wrong(f"{self.values[k]}, not above 0")
        return value if self.clock.dt is not None else 1000.0 * value

    def window(self, k: int) -> tuple[float, float]:
        start = self.time(k) if len(self.values) > k else 0.0
        stop = self.time(k + 1) if len(self.values) > k + 1 else math.inf
        if start < 0.0:
            raise self.wrong(f"a start of {self.values[k]}")
        if stop - start < self.clock.step * (1.0 - 1e-9):
            raise self.wrong(f"{self.values[k]} to {self.values[k + 1]}, less than a step")
        return start, stop

    def number_in(self, k: int, unit: str) -> float:
        try:
            return quantity(self.values[k], unit, _option(self.flag))
        except ParameterError as error:
            raise self.wrong(f"{self.values[k]!r} in {self.text!r}") from error
        except UnitError as error:
            raise UnitError(
                _option(self.flag), f"{error.given} in {self.text!r}", self.expected(), self.remedy()
            ) from error

    def wrong(self, given: str) -> ParameterError:
        return ParameterError(_option(self.flag), given, self.expected(), self.remedy())

    def expected(self) -> str:
        amounts = "plain numbers" if self.unit == "1" else f"currents in {self.unit}"
        meant = _MEANT[self.word].format(amounts=amounts, time=self.clock.unit, rate=self.clock.rate_unit)
        return f"{FORMS[self.word]}, {meant}"

    def remedy(self) -> str:
        in_ms = self.clock.dt is not None
        a, b, c = {"1": ("1.5", "0.5", "0"), "nA": ("0.1", "0.02", "0")}.get(self.unit, ("100", "20", "0"))
        slow, fast = ("10", "50") if in_ms else ("0.01", "0.05")
        examples = {
            "step": f"step:{a}:100:300",
            "ramp": f"ramp:{c}:{a}",
            "sine": f"sine:{b}:{slow}:{a}",
            "noise": f"noise:{a}:{b}:5",
            "pulses": f"pulses:{a}:2:{fast}",
        }
        return f"{self.flag}{examples[self.word]}, say"


def _finite(stop: float) -> float | None:
    return None if math.isinf(stop) else stop


def _of_file(text: str, unit: str, flag: str, clock: Clock) -> Typed:
    """A current from a recording, averaged over the steps of the run, or held where its own are longer."""
    from rheobase.files import expanded
    from rheobase.recordings import read_current

    match = _A_SWEEP.fullmatch(text)
    name, sweep = (match[1], int(match[2])) if match and not Path(text).is_file() else (text, None)
    trace = read_current(expanded(name, _option(flag)), sweep=sweep)
    values = trace.values * _factor(trace.unit, unit, flag + text)
    in_unit = f" in {trace.unit}" if trace.unit and trace.unit not in trace.name else ""
    note = f"{name}: {trace.name!r}{in_unit}, {len(values)} samples"
    if clock.dt is None:
        return Typed(
            text,
            lambda _: stimuli.samples(values.tolist(), dt=1.0),
            0.0,
            float(len(values)),
            f"{note}, one for a step",
            True,
        )
    if trace.dt is None:
        remedy = "add a column time (ms), or an array dt_ms"
        raise DataError(flag + text, "no time between samples", "the file's time step", remedy)
    step = trace.dt
    note += f" of {step:g} ms"
    if not math.isclose(step, clock.dt, rel_tol=1e-6):
        note += f", {'averaged over' if step < clock.dt else 'held through'} steps of {clock.dt:g} ms"
    return Typed(text, lambda _: stimuli.samples(values.tolist(), dt=step), 0.0, len(values) * step, note, True)


def _factor(given: str, unit: str, typed: str) -> float:
    """What a current of the file is multiplied with; a number without a unit is in that of the neuron."""
    from rheobase.recordings.sweeps import plain
    from rheobase.units import parse

    if not given:
        return 1.0
    ours = parse(unit)
    try:
        theirs = parse(plain(given))
    except UnitError:
        theirs = None
    if theirs is None or theirs.exponents != ours.exponents:
        expected = "plain numbers" if unit == "1" else f"a current in {unit}"
        remedy = f"scale it, and name the column current{'' if unit == '1' else f' ({unit})'}"
        raise UnitError(typed, f"a current in {given}", f"{expected}, as the neuron takes it", remedy)
    return 10.0 ** (theirs.power - ours.power)
