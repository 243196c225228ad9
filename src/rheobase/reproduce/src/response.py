"""Part (a): what one cell does under input, and where it begins to fire, measured beside predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rheobase.neurons import SRC
from rheobase.plot import Picture, Table
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.src import curves, measure, theory
from rheobase.reproduce.src.features import SPIKE

PULSES = tuple(range(1, 11))
JUST = 0.05  # of x + b_h above the onset of spikes


def run(job: Job) -> Finding:
    """Response to a sequence, f-I curve, onset and oscillation."""
    shown = job.unit("sequence", lambda: _sequence(job), **_some(job, "biases", "sequence_steps"))
    rate = job.unit("rates", lambda: _rates(job), **_some(job, "biases", "inputs", "rate_steps"))
    points = job.unit("thresholds", lambda: _thresholds(job), **_some(job, "onset_steps"))
    branch = job.unit("oscillation", lambda: _oscillation(job), **_some(job, "drives", "oscillation_steps"))
    pulses = job.unit("pulses", _pulses)
    beside = _beside(points)
    text = (
        "x and b_h act through their sum alone, so that all biases shift one curve. The cell rests below x + b_h = "
        f"{points['loss']:.3f}, where its fixed point gives way to a small oscillation; its output begins at "
        f"{points['output']:.3f}, where that oscillation reaches 0, and spikes, which cross 0.5, at "
        f"{points['spikes']:.3f}. {_rise(rate, job['biases'], points['spikes'])}"
    )
    return Finding(
        text,
        tables=[beside, _rate_table(rate, job["biases"]), _pulse_table(pulses)],
        pictures=[
            Picture(
                "Response to an input sequence",
                "The same input spikes (weight 1; alpha = 0.9) into cells of several biases: the input x after its "
                "integrator, the membrane potential h, the slow feedback h_s and the output ReLU(h). "
                f"{_answers(shown, rate, job['biases'])}",
                "Panels of x, h, h_s and output over time, a column for each bias.",
                lambda style: curves.sequence(shown, job["biases"], style),
            ),
            Picture(
                "Rate against a constant input",
                "Spikes per step in the steady state. Dashed: the predicted start of the oscillation, x = "
                f"{theory.neimark_sacker().drive:.3f} - b_h; dotted: the measured onset of output.",
                f"Rate over x, a curve for each bias. {text}",
                lambda style: curves.rates(rate, job["biases"], points, style),
            ),
            Picture(
                "From rest to spikes",
                "Above: the extremes of h in the steady state, and the fixed point, which is unstable from the "
                "Neimark-Sacker point on. Below: the period of a small deviation, measured, on the angle of the "
                "Jacobian's eigenvalues, and that of the oscillation that grows from it.",
                "Bifurcation diagram over x + b_h, and periods.",
                lambda style: curves.bifurcation(branch, points, style),
            ),
        ],
    )


def _rise(rate: Mapping[str, Any], biases: list[float], spikes: float) -> str:
    """How the rate grows from just above the onset of spikes to the strongest input, for the bias that shows most."""
    bias = max([b for b in biases if b < spikes] or biases)
    x, curve = rate["x"], rate["rates"][biases.index(bias)]
    above = [k for k in range(len(x)) if float(x[k]) + bias >= spikes + JUST]
    if not above:
        return ""
    first, last = above[0], len(x) - 1
    return (
        f"With b_h = {bias:g} it fires {float(curve[first]):.4f} spikes per step at x = {float(x[first]):.3g}, just "
        f"above that, and {float(curve[last]):.4f} at x = {float(x[last]):.3g}."
    )


def _answers(shown: Mapping[str, Any], rate: Mapping[str, Any], biases: list[float]) -> str:
    """How many spikes each cell gives, and which fire without input."""
    above = torch.as_tensor(shown["out"]) > SPIKE
    counts = (above[1:] & ~above[:-1]).sum(0).tolist()
    given = int(torch.as_tensor(shown["spikes"]).sum())
    said = ", ".join(f"{n} (b_h = {b:g})" for n, b in zip(counts, biases, strict=True))
    alone = [f"{b:g}" for b, curve in zip(biases, rate["rates"], strict=True) if float(curve[0]) > 0.0]
    fires = f"with b_h = {', '.join(alone)} a cell fires" if alone else "none of these fires"
    return f"Of {given} input spikes come these spikes: {said}. In the steady state without input, {fires}."


def _some(job: Job, *names: str) -> dict[str, Any]:
    return {name: job[name] for name in names}


def _sequence(job: Job) -> dict[str, Any]:
    """An input with sparse spikes, a pause, dense ones, and a pause, given to a cell of each bias."""
    steps, biases = job["sequence_steps"], job["biases"]
    generator = torch.Generator().manual_seed(job.seed)
    density = torch.zeros(steps)
    density[steps // 12 : 5 * steps // 12], density[6 * steps // 12 : 10 * steps // 12] = 0.08, 0.35
    spikes = (torch.rand(steps, generator=generator) < density).float()
    cell = SRC(len(biases), b_h=torch.tensor(biases))
    with torch.no_grad():
        out, _, rec = cell(spikes[:, None, None].expand(-1, 1, len(biases)).contiguous(), record=("i", "h", "h_s"))
    x = 3.0 * torch.tanh(rec.i[:, 0] / 3.0)
    return {"spikes": spikes, "x": x, "h": rec.h[:, 0], "h_s": rec.h_s[:, 0], "out": out[:, 0]}


def _rates(job: Job) -> dict[str, Any]:
    x = torch.linspace(0.0, 3.0, job["inputs"], dtype=torch.float64)
    # b_h is cut at -4, so that biases above would all be that one; x and b_h act through their sum
    rows = [measure.rates(x + bias, job["rate_steps"]) for bias in job.track(job["biases"], "f-I curves")]
    return {"x": x, "rates": torch.stack(rows)}


def _thresholds(job: Job) -> dict[str, Any]:
    steps = job["onset_steps"]
    loss = measure.loss_of_stability()
    drive = torch.tensor([loss, -6.0], dtype=torch.float64)
    h, rest = measure.fixed_points(drive).tolist()
    probe = torch.tensor([1.75, 3.0], dtype=torch.float64) + measure.BIAS
    at_175, at_3 = (1.0 / measure.rates(probe, 12000)).tolist()
    counts = measure.spikes_in(torch.linspace(1.75, 3.0, 51, dtype=torch.float64), 1500)
    return {
        "loss": loss,
        "h": h,
        "rest": rest,
        "period": float(measure.small_period(drive[:1])),
        "output": measure.onset(0.0, steps),
        "spikes": measure.onset(SPIKE, steps),
        "at_175": at_175,
        "at_3": at_3,
        "fewest": int(counts.min()),
        "most": int(counts.max()),
    }


def _oscillation(job: Job) -> dict[str, Any]:
    drive = torch.linspace(-5.4, -4.2, job["drives"], dtype=torch.float64)
    low, high = measure.extremes(drive, job["oscillation_steps"])
    return {
        "drive": drive,
        "low": low,
        "high": high,
        "fixed": measure.fixed_points(drive),
        "small": measure.small_period(drive),
        "large": measure.large_period(drive, job["oscillation_steps"]),
    }


def _pulses() -> dict[str, Any]:
    """One input spike of each weight into a cell at rest."""
    current = torch.zeros(120, 1, len(PULSES))
    current[10] = torch.tensor(PULSES, dtype=torch.float32)
    with torch.no_grad():
        out, _ = SRC(len(PULSES))(current)
    above = out[:, 0] > SPIKE
    onsets = above[1:] & ~above[:-1]
    first = torch.where(above, torch.arange(len(above))[:, None], len(above)).amin(0) - 10
    return {"count": onsets.sum(0), "peak": out[:, 0].amax(0), "area": out[:, 0].sum(0), "latency": first}


def _beside(points: Mapping[str, float]) -> Table:
    ns = theory.neimark_sacker()
    jacobian, recorded = "Jacobian", "recorded earlier"
    rows: list[tuple[str, float, float, str]] = [
        ("h at rest, b_h = -6", points["rest"], theory.fixed_point(-6.0), "fixed point"),
        ("loss of stability: x + b_h", points["loss"], ns.drive, jacobian),
        ("loss of stability: h", points["h"], ns.h, jacobian),
        ("loss of stability: period (steps)", points["period"], ns.period, jacobian),
        ("onset of output: x + b_h", points["output"], -4.551, recorded),
        ("interval at x = 1.75, b_h = -6 (steps)", points["at_175"], 23.8, recorded),
        ("interval at x = 3, b_h = -6 (steps)", points["at_3"], 19.6, recorded),
        ("fewest spikes in 1500 steps, x from 1.75", points["fewest"], 63, recorded),
        ("most spikes in 1500 steps", points["most"], 77, recorded),
    ]
    return Table(
        "Measured and expected",
        ("quantity", "measured", "expected", "difference", "expected from"),
        [(name, got, want, got - want, source) for name, got, want, source in rows],
        "Thresholds by bisection on runs of the cell in double precision. The intervals recorded earlier are means "
        "over 1500 steps; the ones measured here are those of the steady state.",
        digits=5,
    )


def _rate_table(rate: Mapping[str, Any], biases: list[float]) -> Table:
    step = max(1, (len(rate["x"]) - 1) // 12)
    rows = [
        (float(x), *(float(r) for r in column))
        for x, column in zip(rate["x"][::step], rate["rates"].T[::step], strict=True)
    ]
    return Table("Spikes per step", ("x", *(f"b_h = {b:g}" for b in biases)), rows)


def _pulse_table(pulses: Mapping[str, Any]) -> Table:
    columns = ("weight", "spikes", "peak", "area", "latency (steps)")
    kept = [pulses[k].tolist() for k in ("count", "peak", "area", "latency")]
    here = [f"{name} {_range(values)}" for name, values in zip(columns[1:], kept, strict=True)]
    return Table(
        "One input spike into a cell at rest",
        columns,
        list(zip(PULSES, *kept, strict=True)),
        "Recorded earlier: one spike for every weight, peak 0.85 to 1.0, area 1.5 to 2.2, latency 0 or 1 step. Here: "
        f"{', '.join(here)}.",
    )


def _range(values: Sequence[float]) -> str:
    low, high = (f"{chosen(values):.3g}" for chosen in (min, max))
    return low if low == high else f"{low} to {high}"


PART = Part(
    "response",
    "Response of the cell",
    "response to a sequence, f-I curve, onset of firing, oscillation below it",
    run,
    settings={
        "biases": [-7.0, -6.0, -5.0, -4.5],
        "sequence_steps": 240,
        "inputs": 241,
        "rate_steps": 6000,
        "onset_steps": 20000,
        "drives": 241,
        "oscillation_steps": 8000,
    },
    quick={"inputs": 61, "rate_steps": 2000, "onset_steps": 5000, "drives": 61, "oscillation_steps": 3000},
)
