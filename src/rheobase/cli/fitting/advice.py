"""What to try next, by what a fit shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.learning import Fit, FitStep
from rheobase.learning.fitting.sweep_features import SweepFeatures

ADAPTS = 1.3  # last interval over first one: from here on a cell is said to adapt
ADAPTIVE = ("AdEx", "GIF", "GLIF3", "GLIF4", "GLIF5", "MAT", "Izhikevich")
SLOW = ("SK", "Im_v2", "K_Pst")  # currents by which a cell adapts
OFTEN = 0.05  # of the candidates, diverged: from here on ranges or step are said to be too wide
WORSE = 0.15  # of Gamma, lost on sweeps held out: from here on a fit is said not to carry over
FEW = 10  # steps of a search: hardly one
GAINED = 0.01  # of the score in the last fifth of the search: it was still on its way
CLOSE, WIDE = 0.02, 0.3  # candidates with nearly the best score, and the share of a range over which they lie


def median(values: Sequence[float]) -> float:
    """The median of those that are numbers; NaN without any."""
    known = sorted(value for value in values if not math.isnan(value))
    return known[len(known) // 2] if known else math.nan


def advice(fitted: Fitted, data: Sequence[SweepFeatures], model: Sequence[SweepFeatures]) -> list[str]:
    """Suggestions, the most important first."""
    fit, name = fitted.fit, fitted.name
    found: list[str] = []
    for axis in fit.axes:
        side = fit.at_edges().get(axis.name)
        if side == "low" and axis.name == "r_series" and axis.low == 0.0:
            found.append("r_series stands at 0: the recording shows nothing of the electrode, so leave --series out.")
        elif side is not None:
            low, high = wider(axis.low, axis.high, side, log=axis.log)
            found.append(f"{axis.name} stands at the {side} edge of its range: {option(axis.name, low, high)}.")
    longer = f"go on with --resume FOLDER --time-limit {4 * (fitted.settings.time_limit or 0):g}s"
    steps = len(_of_all(fit))
    if fit.ended == "time limit" and steps < FEW:
        found.append(f"The search had time for {steps} {'step' if steps == 1 else 'steps'} on all sweeps: {longer}.")
    elif _still_gaining(fitted):
        found.append(f"The search was still gaining when it ended: {longer}.")
    adapts = median([f.adaptation for f in data]), median([f.adaptation for f in model])
    if adapts[0] > ADAPTS and not adapts[1] > 1.0 + 0.5 * (adapts[0] - 1.0):
        cell = isinstance(fitted.subject, CellSubject)
        others = SLOW if cell else [other for other in ADAPTIVE if other != name][:2]
        model_adapts = "" if math.isnan(adapts[1]) else f", the fit's {adapts[1]:.2g} times"
        found.append(
            f"The cell adapts, its last interval is {adapts[0]:.2g} times its first{model_adapts}: "
            f"{'fit what makes it slower, as ' if cell else 'try '}{' or '.join(others)}."
        )
    silent = [fitted.number(k) for k, (a, b) in enumerate(zip(data, model, strict=True)) if a.spikes and not b.spikes]
    if silent:
        found.append(f"The fit is silent in {_list(silent)}, where the cell fires: fit those near rheobase alone.")
    loud = [fitted.number(k) for k, (a, b) in enumerate(zip(data, model, strict=True)) if b.spikes and not a.spikes]
    if loud:
        found.append(f"The fit fires in {_list(loud)}, where the cell is silent: leave others out with --sweeps.")
    if fit.diverged > OFTEN * fit.evaluations:
        found.append(
            f"{fit.diverged} of {fit.evaluations} candidates diverged: give narrower ranges, or a smaller --dt."
        )
    held = fit.held_out
    if held is not None and held.gamma < fit.gamma - WORSE:
        found.append(
            f"On the sweeps held out Gamma is {held.gamma:.2f}, and {fit.gamma:.2f} on those fitted: fit fewer "
            "parameters (--learn), or more sweeps."
        )
    loose = undetermined(fitted)
    if len(loose) > len(fitted.fit.axes) / 2:
        found.append("Candidates that are nearly as good lie far apart: search for longer, or --learn less.")
    elif loose:
        found.append(f"These data hardly determine {', '.join(loose)}: hold them, by leaving them out of --learn.")
    found.append(f"Check that it does not hang on the time step: --dt {fitted.recording.dt / 2:g}.")
    return found


def wider(low: float, high: float, side: str, *, log: bool) -> tuple[float, float]:
    """A range that goes on beyond one end.

    >>> wider(10.0, 40.0, "high", log=True), wider(-60.0, -40.0, "low", log=False)
    ((10.0, 160.0), (-80.0, -40.0))
    """
    if log:
        return (low * low / high, high) if side == "low" else (low, high * high / low)
    return (low - (high - low), high) if side == "low" else (low, high + (high - low))


def option(name: str, low: float, high: float) -> str:
    """The option that gives this range."""
    if name == "input_scale":
        return f"--scale {low:.3g}:{high:.3g}"
    if name == "r_series":
        return f"--series {1e3 * max(0.0, low):.3g}:{1e3 * high:.3g}MOhm"
    searched_only = name in ("v_gain", "v_offset")
    return "it has no range to give" if searched_only else f"--range {name}={low:.3g}:{high:.3g}"


def undetermined(fitted: Fitted) -> list[str]:
    """The searched quantities that lie far apart in candidates that are nearly as good as the best."""
    candidates = fitted.fit.candidates
    near = [one for one in candidates if one.score <= candidates[0].score + CLOSE]
    if len(near) < 5:
        return []
    found: list[str] = []
    for axis in fitted.fit.axes:
        values = [one.values[axis.name] for one in near]
        if axis.log:
            spread = math.log(max(values) / min(values)) / math.log(axis.high / axis.low)
        else:
            spread = (max(values) - min(values)) / (axis.high - axis.low)
        if spread > WIDE:
            found.append(axis.name)
    return found


def _still_gaining(fitted: Fitted) -> bool:
    history = _of_all(fitted.fit)
    if fitted.fit.ended != "time limit":
        return False
    return history[-len(history) // 5].score - history[-1].score > GAINED


def _of_all(fit: Fit) -> list[FitStep]:
    """The steps in which all sweeps were scored: those of the passive stage have scores of another kind."""
    return [step for step in fit.history if step.stage != "passive"]


def _list(numbers: Sequence[int]) -> str:
    return f"{'sweep' if len(numbers) == 1 else 'sweeps'} {', '.join(map(str, numbers))}"
