"""A run of one neuron in words for the terminal, and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

FASTEST = 1000.0  # Hz: a spike and its refractory period take about 1 ms

if TYPE_CHECKING:
    from rheobase.current_clamp import HalfStep, Response


def run_figures(run: Response, finer: HalfStep | None) -> dict[str, str]:
    from rheobase.cli.terminal import number
    from rheobase.current_clamp import never_spikes

    unit = run.time_unit
    duration = f"{len(run.current) * (run.dt or 1.0):g} {unit}"
    rows = {**_levels(run), "duration": duration}
    if never_spikes(run.neuron):
        rows["spikes"] = "none: it has no threshold"
    else:
        latency = "no spike" if run.latency is None else f"{run.latency:g} {unit}"
        rows |= {
            "spikes": str(run.count),
            "rate": _rate_text(run),
            "first spike after": latency,
        }
    if run.dt is not None:
        rows["time step"] = f"{run.dt:g} ms{_change_text(finer)}"
    rows |= {f"{name} at the end": number(float(trace[-1])) for name, trace in run.states.items()}
    return rows


def _rate_text(run: Response) -> str:
    """The rate, and the intervals whose mean it is."""
    from rheobase.cli.terminal import number

    gaps = run.intervals
    if not gaps:
        return "none: there are not two spikes"
    low, high = number(min(gaps)), number(max(gaps))
    spread = low if low == high else f"{low} to {high}"
    return f"{number(run.rate)} {run.rate_unit} (mean of {len(gaps)} intervals of {spread} {run.time_unit})"


def _change_text(finer: HalfStep | None) -> str:
    if finer is None or finer.change is None:
        return ""
    return f"; at half of it the rate changes by {_percent(finer.change)}"


def _percent(change: float) -> str:
    return f"{100 * change:+.2g} %" if abs(change) >= 5e-5 else "less than 0.005 %"


def not_converged(run: Response, finer: HalfStep) -> str:
    """A sentence on a run whose rate is not that of the equations."""
    from rheobase.current_clamp import WITHIN

    if finer.change is None or finer.error is None:
        seen = f"at half the step ({finer.dt:g} ms) it fires {finer.count} times"
        return f"not converged: {seen}, and not {int(run.spikes[run.onset :].sum())}; take --dt {finer.dt:g}ms, say"
    changes = f"the rate changes by {_percent(finer.change)} at half the step ({finer.dt:g} ms)"
    # both errors shrink at least linearly with the step
    off = max(finer.error, finer.rounding)
    wanted = 2.0 * finer.dt / 2 ** math.ceil(math.log2(off / (0.5 * WITHIN)))
    if finer.error > WITHIN:
        why = f"{changes}, so it may be {100 * finer.error:.2g} % off"
    else:
        why = (
            f"an interval has {0.5 / finer.rounding:.3g} steps, and a spike waits for the end of its step, so the rate"
        )
        why += f" may be {100 * finer.rounding:.2g} % off"
    return f"not converged: {why}; take --dt {wanted:.3g}ms, say"


def implausible(run: Response) -> str | None:
    """A sentence on a run that no neuron has, by its potential or its rate; of neurons in mV and ms alone."""
    from rheobase.cells.implausible import FARTHEST
    from rheobase.cli.terminal import number
    from rheobase.current_clamp import membrane

    name = membrane(run.neuron)
    if run.dt is None or run.neuron.states[name].unit != "mV":
        return None
    v = run.states[name]
    far = float(v[v.abs().argmax()])
    if abs(far) > FARTHEST:
        seen = f"{name} = {number(far)} mV, and no neuron leaves {-FARTHEST:g} to {FARTHEST:g} mV"
    elif run.rate > FASTEST:
        seen = f"it fires at {number(run.rate)} Hz, and no neuron at more than some {FASTEST:g}"
    else:
        return None
    inputs = ", ".join(f"{name} {level}" for name, level in _levels(run).items())
    return f"warning: {seen}. Look at units and parameters: {inputs}"


def _levels(run: Response) -> dict[str, str]:
    """Every input after its onset, or, where it changes, the values between which it does."""
    from rheobase.core.declaration.describe import display

    found: dict[str, str] = {}
    for name, x in run.inputs.items():
        low, high = float(x[run.onset :].min()), float(x[run.onset :].max())
        unit = display(run.neuron.entries[name].unit)
        found[name] = (f"{high:g}" if low == high else f"{low:g} to {high:g}") + f" {unit}".rstrip()
    return found


def as_json(run: Response, finer: HalfStep | None, traces: list[str]) -> dict[str, Any]:
    return {
        "neuron": repr(run.neuron), "inputs": {
            name: {"value": float(x[-1]), "unit": run.neuron.entries[name].unit} for name, x in run.inputs.items()
        },
        "dt": run.dt, "time_unit": run.time_unit, "steps": len(run.current), "onset": run.onset * (run.dt or 1),
        "spikes": run.count, "rate": run.rate, "rate_unit": run.rate_unit, "first_spike_after": run.latency,
        "half_step": None if finer is None else {
            "dt": finer.dt, "rate": finer.rate, "change": finer.change, "error": finer.error,
            "converged": finer.converged,
        },
        "intervals": run.intervals, "spike_times": run.spike_times,
        "end": {k: float(v[-1]) for k, v in run.states.items()},
        "traces": {name: run.states[name].tolist() for name in traces},
    }  # fmt: skip
