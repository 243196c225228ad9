"""What to fit, and where to search, by what a recording shows of the cell: its rest, resistance, threshold, reset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.core.declaration.population import Declared
from rheobase.core.declaration.words import ParamSpec
from rheobase.learning.fitting.loss import subthreshold
from rheobase.learning.fitting.recording import Recording
from rheobase.units import parse

# the top of a spike is not fitted, and what only gives an equation its form stays
HELD = ("v_peak", "v_u", "decay", "quadratic", "linear", "constant")
MANY = 16  # parameters: of a model of channels, those of its gates stay
BIN = 2.0  # ms, over which potential and current are averaged
STEEP = 5.0  # mV/ms: where an upstroke begins
FACTOR = 4.0  # what is measured roughly is searched from a quarter of it to four times it


@dataclass(frozen=True)
class Measured:
    """A cell as its recording shows it: potentials in mV, resistance r in GOhm, tau in ms, currents in pA.

    NaN where the recording does not show it: no spike, say.
    """

    rest: float
    r: float
    tau: float
    threshold: float
    reset: float
    largest: float


def measured(recording: Recording) -> Measured:
    """The passive properties by least squares between spikes, and the medians of upstrokes and of troughs.

    tau dv/dt = rest - v + r i

    >>> from rheobase import neurons, stimuli
    >>> cell = neurons.GLIF1(1, dt=0.1, c_mem=100.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    >>> current = stimuli.noise(150.0, 80.0, tau=5.0, seed=0).sample(1000.0, 0.1)[None]
    >>> spikes, _, rec = cell(current.T[..., None], record=("v",))
    >>> found = measured(Recording((rec.v + 80.0 * spikes)[:, 0].T, current, dt=0.1))
    >>> [round(x, 1) for x in (found.rest, 1 / found.r, found.tau)]
    [-69.9, 10.1, 9.4]
    """
    rest, r, tau = _passive(recording)
    threshold, reset = _active(recording)
    return Measured(rest, r, tau, threshold, reset, float(recording.current.max()))


def _passive(recording: Recording) -> tuple[float, float, float]:
    width = max(1, round(BIN / recording.dt))
    bins = recording.steps // width
    quiet = subthreshold(recording.spikes().T, recording.dt).T
    v, i, seen = (
        x[:, : bins * width].unflatten(1, (bins, width)).double().mean(2)
        for x in (recording.v, recording.current, quiet)
    )
    step = width * recording.dt
    both = (seen[:, 1:] == 1.0) & (seen[:, :-1] == 1.0)
    rise = (v[:, 1:] - v[:, :-1])[both]
    # the mean of two bins: the trapezoidal rule, exact to second order
    known = torch.stack([(0.5 * (x[:, 1:] + x[:, :-1]))[both] for x in (v, i)] + [torch.ones_like(rise)], 1)
    nothing = (float(recording.v.median()), math.nan, math.nan)
    if len(rise) < 50 or float(known[:, 1].std()) < 1.0:
        return nothing
    slope, drive, offset = torch.linalg.lstsq(known, rise[:, None]).solution[:, 0].tolist()
    if slope >= 0.0 or drive <= 0.0:
        return nothing
    rest = -offset / slope
    return (rest if -110.0 < rest < -20.0 else nothing[0]), -drive / slope, -step / slope


def _active(recording: Recording) -> tuple[float, float]:
    """Where upstrokes begin, and the trough within 10 ms behind a spike: medians over all spikes, in mV."""
    sweep, sample = recording.spikes().nonzero().T
    if not len(sample):
        return math.nan, math.nan
    before, after = (max(2, round(ms / recording.dt)) for ms in (3.0, 10.0))
    rising = _around(recording.v, sweep, sample - before, before + 1)
    slow = (rising.diff(dim=1) / recording.dt) < STEEP
    # the last sample before the steep part; the first of the window where all is steep
    last = (slow * torch.arange(1, before + 1)).amax(1)
    begins = rising.gather(1, last[:, None])[:, 0]
    trough = _around(recording.v, sweep, sample, after).amin(1)
    return float(begins.median()), float(trough.median())


def _around(v: Tensor, sweep: Tensor, first: Tensor, length: int) -> Tensor:
    return v[sweep[:, None], (first[:, None] + torch.arange(length)).clamp(0, v.shape[1] - 1)]


# --- what to search -----------------------------------------------------------------------------------------------


def usual_learn(kind: type[Declared]) -> tuple[str, ...]:
    """The parameters that one fits without saying which: all but the peak, and of channels only the conductances."""
    names = [name for name, spec in kind.params.items() if name not in HELD and not spec.size]
    if kind.input_unit != "pA" and parse(kind.input_unit).plain:
        # where 0 and 1 lie in mV is fitted, too
        names = [name for name in names if name != "v_threshold"]
    if len(names) > MANY:
        names = [name for name in names if name.startswith(("g_", "c_mem", "e_leak", "v_T"))]
    return tuple(names)


def likely_ranges(kind: type[Declared], learn: Sequence[str], found: Measured) -> dict[str, tuple[float, float]]:
    """Where to search the parameters in `learn` that a recording tells of; the others have their usual ranges."""
    ranges = {name: _range(kind.params[name], found) for name in learn if name in kind.params}
    # round numbers: the last digits of a least-squares solution hang on where its arrays lie in memory
    return {name: (_rounded(ends[0]), _rounded(ends[1])) for name, ends in ranges.items() if ends is not None}


def likely_values(kind: type[Declared], learn: Sequence[str], found: Measured) -> dict[str, float]:
    """The values of the parameters in `learn` that a recording shows: where a search may begin."""
    known = {**_membrane(found), **_levels(found)}
    specs = {name: kind.params[name] for name in learn if name in known and name in kind.params}
    return {
        name: _rounded(known[name][0])
        for name, spec in specs.items()
        if known[name][1] == spec.unit and math.isfinite(known[name][0])
    }


def _membrane(found: Measured) -> dict[str, tuple[float, str]]:
    return {
        "g_leak": (1.0 / found.r, "nS"),
        "c_mem": (found.tau / found.r, "pF"),
        "tau_mem": (found.tau, "ms"),
        "r": (found.r, "GOhm"),
    }


def _levels(found: Measured) -> dict[str, tuple[float, str]]:
    threshold, reset = (found.threshold, "mV"), (found.reset, "mV")
    return {
        "v_leak": (found.rest, "mV"),
        "v_threshold": threshold,
        "v_T": threshold,
        "omega": threshold,
        "v_reset": reset,
        "c": reset,
    }


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _range(spec: ParamSpec, found: Measured) -> tuple[float, float] | None:
    if spec.range is not None or spec.clamp is not None:
        return None
    if spec.unit == "mV" and not spec.positive:
        return _potential(spec.name, found)
    middle = _membrane(found).get(spec.name)
    if middle is not None and middle[1] == spec.unit and math.isfinite(middle[0]):
        return middle[0] / FACTOR, middle[0] * FACTOR
    return _known(spec, found)


def _potential(name: str, found: Measured) -> tuple[float, float] | None:
    around = {
        "v_leak": (found.rest - 15.0, found.rest + 15.0),
        "v_threshold": (found.threshold - 15.0, found.threshold + 10.0),
        "v_T": (found.threshold - 15.0, found.threshold + 10.0),
        "omega": (found.threshold - 15.0, found.threshold + 10.0),
        "v_reset": (found.reset - 15.0, max(found.reset + 15.0, found.threshold)),
        "c": (found.reset - 15.0, max(found.reset + 15.0, found.threshold)),
        "gamma_add_1": (-2.0, 30.0),
        "gamma_add_2": (-2.0, 15.0),
        "alpha_1": (-10.0, 100.0),
        "alpha_2": (-2.0, 15.0),
        "theta_add": (0.0, 10.0),
        "v_add": (-10.0, 30.0),
    }.get(name)
    return around if around is not None and all(math.isfinite(end) for end in around) else None


def _known(spec: ParamSpec, found: Measured) -> tuple[float, float] | None:
    """What cells have, by name; and currents of adaptation by the size of the largest one that was injected."""
    usual = {
        "delta_T": (0.3, 6.0),
        "tau_w": (10.0, 800.0),
        "tau_refrac": (0.3, 8.0),
        "f_v": (0.0, 1.0),
        "b_s": (1e-3, 0.3),
        "f_asc_1": (0.0, 1.0),
        "f_asc_2": (0.0, 1.0),
    }.get(spec.name)
    if usual is not None and spec.unit in ("mV", "ms", "1", "1/ms"):
        return usual
    if spec.unit == "pA" and found.largest > 0.0:
        return (0.0, 0.6 * found.largest) if spec.name == "b" else (-0.8 * found.largest, 0.4 * found.largest)
    if spec.unit == "nS" and spec.name == "a" and math.isfinite(found.r):
        return -0.5 / found.r, 2.0 / found.r
    return None
