"""(e) One neuron's spikes, shared out among copies, and one spike, left over by a group that cancels the others."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from rheobase import neurons
from rheobase.core import Neuron
from rheobase.equivalence import OneShot, moebius, square_free, to_multi_spike, to_single_spike
from rheobase.equivalence.measure import watched
from rheobase.learning.training.random_state import seeded
from rheobase.plot import Panel, Picture, Style, Table, raster
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    x = drive(job["steps"], job.seed)
    cell = neurons.LIF(1, dt=1.0, tau_mem=job["tau_mem"]).double()
    one, copied = to_single_spike(cell, inputs=x)
    integrator = OneShot(neurons.IF(1, dt=1.0, r=job["r"])).double()
    many, cancelled = to_multi_spike(integrator, inputs=x)
    k, n = copied.max_spikes[0], cancelled.max_spikes[0]
    text = said(
        k, copied.neurons_after, copied.mismatches or 0, n, cancelled.neurons_after, cancelled.mismatches or 0, len(x)
    )
    rows = [("copies", k, copied.compared, copied.mismatches), ("group", n, cancelled.compared, cancelled.mismatches)]
    return Finding(
        text,
        tables=[Table("What the pictures show", ("construction", "spikes", "steps compared", "mismatches"), rows)],
        pictures=[
            Picture(
                "A train and its copies",
                "Below the input and the potential: spikes of the neuron (row 0) and of its copies.",
                text,
                lambda style: _copies(cell, one, x, style),
            ),
            Picture(
                "A spike and its group",
                "Moebius inversion: the group by the sign of mu(m), a row for each m, and "
                "what their weighed sum gives.",
                text,
                lambda style: _group(integrator, many, x, n, style),
            ),
        ],
    )


def said(spikes: int, copies: int, wrong: int, most: int, group: int, amiss: int, steps: int) -> str:
    """What the two conversions gave; what they are said to do is said where no step differs.

    >>> said(3, 3, 0, 12, 8, 2, 100).partition(". ")[2]
    'An integrator that spikes once became a group of 8 that spike up to 12 times; 2 of 100 steps differ.'
    """
    one = (
        f"A LIF neuron spikes {spikes} times; {copies} copies spike once each, together at these times"
        if not wrong
        else f"A LIF neuron spikes {spikes} times; with its {copies} copies {wrong} of {steps} steps differ"
    )
    many = f"An integrator that spikes once became a group of {group} that spike up to {most} times"
    if amiss:
        return f"{one}. {many}; {amiss} of {steps} steps differ."
    return f"{one}. {many}: those with mu(m) = 1 and those with mu(m) = -1 cancel from the second spike on."


def drive(steps: int, seed: int) -> Tensor:
    """A current that comes and goes, (steps, 1, 1), in double precision."""
    with seeded(seed, torch.device("cpu")):
        noise = torch.randn(steps, dtype=torch.float64)
    t = torch.arange(steps, dtype=torch.float64)
    return (1.7 + torch.sin(t / 9.0) + 0.4 * noise).clamp(min=0.0).view(-1, 1, 1)


@torch.no_grad()
def _copies(cell: Neuron, one: torch.nn.Module, x: Tensor, style: Style) -> Figure:
    spikes, _, rec = cell(x, record=("v",), backend="reference")
    panels = [
        Panel("Input", x[:, 0], "lines", "current", given=True),
        Panel("Potential of the neuron", rec.v[:, 0], "lines", "v"),
        Panel(
            "The neuron (0) and its copies, each of which spikes once",
            torch.cat([spikes[:, 0], _spikes(one, x)], 1),
            "spikes",
            "neuron, copies",
        ),
    ]
    return raster(panels, dt=1.0, style=style)


@torch.no_grad()
def _group(cell: Neuron, many: torch.nn.Module, x: Tensor, n: int, style: Style) -> Figure:
    members, counts = square_free(n), _spikes(many, x)
    panels: list[Panel] = []
    for sign in (1, -1):
        those = [k for k, m in enumerate(members) if moebius(m) == sign]
        title = f"mu(m) = {sign:+d}: m = {', '.join(str(members[k]) for k in those)}"
        panels.append(Panel(title, counts[:, those], "spikes", "neuron"))
    both = torch.cat([many(x)[0][:, 0], cell(x)[0][:, 0]], 1)
    panels.append(Panel("Their weighed sum (0) and the one-shot neuron (1)", both, "spikes", ""))
    return raster(panels, dt=1.0, style=style)


def _spikes(net: torch.nn.Module, x: Tensor) -> Tensor:
    """What each neuron of the one group in a network gives, (time, neurons)."""
    (seen,), _ = watched(net, x)
    return seen.spikes[:, 0]


PART = Part(
    "trains",
    "Trains",
    "a multi-spike train and its one-spike copies; a single spike and the group behind it",
    run,
    settings={"steps": 120, "tau_mem": 12.0, "r": 0.06},
)
