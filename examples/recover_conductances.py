"""Six conductances of a branched cell, recovered from the potential that it showed under three currents.

The gradient of a free-running cell leads to false minima: a spike that is missing has no gradient. So each candidate is
pulled to the recorded potential by an electrode, whose resistance rises from stage to stage; its current vanishes where
the conductances are right. Eight candidates, up to three times too high or too low, are lanes of one kernel.

    python examples/recover_conductances.py        half a minute on one core
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rheobase import channels
from rheobase.cells import Cell, Compartments, Current, Section, VoltageClamp

TRUE = {  # S/cm2
    "soma.Pas.g": 5e-5, "soma.NaTa_t.gbar": 0.4, "soma.Kv3_1.gbar": 0.25, "soma.Im.gbar": 2e-3,
    "dend.Ih.gbar": 2e-4, "dend.Im_v2.gbar": 5e-4,
}  # fmt: skip
DT, STOP = 0.025, 80.0
AMPLITUDES = (-0.02, 0.1, 0.35)  # nA, from 10 to 60 ms
CANDIDATES, SPREAD = 8, 3.0
# resistance of the electrode (MOhm), steps of Adam, and their rate at the start
STAGES = ((20.0, 400, 0.1), (60.0, 300, 0.02))


def tree() -> Compartments:
    soma = Section("soma", length=20, diameter=20, nseg=1)
    stem = Section("dend[0]", length=150, diameter=2, parent=soma)
    left = Section("dend[1]", length=100, diameter=1, parent=stem)
    right = Section("dend[2]", length=120, diameter=1.2, parent=stem)
    return Compartments.of([soma, stem, left, right], nseg=3)


def make(values: dict[str, Tensor]) -> Cell:
    """Cells with these conductances, each (cells,), all of them learnable."""
    n = len(values["soma.Pas.g"])

    def learnt(kind: str, name: str, key: str = "gbar", **fixed: float) -> channels.Channel:
        return getattr(channels, name)(n, **{key: values[f"{kind}.{name}.{key}"]}, learn=(key,), **fixed)

    held = {
        "soma": [learnt("soma", "Pas", "g", e=-75.0), *(learnt("soma", name) for name in ("NaTa_t", "Kv3_1", "Im"))],
        "dend": [channels.Pas(g=3e-5, e=-75.0), learnt("dend", "Ih"), learnt("dend", "Im_v2")],
    }
    inputs = {"current": Current(), "pull": VoltageClamp("soma", r=1e9)}
    ions = {"na": 53.0, "k": -107.0}
    return Cell(tree(), held, dt=DT, shape=(n,), Ra=150.0, v_init=-75.0, reversal=ions, inputs=inputs)


def stimulus(cells: int) -> Tensor:
    t = torch.arange(round(STOP / DT), dtype=torch.float64) * DT
    on = ((t >= 10) & (t < 60)).double()
    return (on[:, None, None] * torch.tensor(AMPLITUDES).double()[:, None]).expand(-1, -1, cells).contiguous()


def main() -> None:
    truth = make({name: torch.tensor([x], dtype=torch.float64) for name, x in TRUE.items()})
    with torch.no_grad():
        x = stimulus(1)
        spikes, _, rec = truth(current=x, pull=torch.zeros_like(x), record=("soma",))
    recorded = rec["soma"]
    print(f"the cell to be found fires {[int(n) for n in spikes.sum((0, 2))]} spikes")
    g = torch.Generator().manual_seed(1)
    away = {name: torch.rand(CANDIDATES, generator=g, dtype=torch.float64) for name in TRUE}
    cell = make({name: x * SPREAD ** (2.0 * away[name] - 1.0) for name, x in TRUE.items()})
    x, pull = stimulus(CANDIDATES), recorded.expand(-1, -1, CANDIDATES).contiguous()
    for resistance, steps, rate in STAGES:
        cell.ports["pull"] = VoltageClamp("soma", r=resistance)
        optimiser = torch.optim.Adam((p for p in cell.parameters() if p.requires_grad), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, rate / 50)
        error = torch.full((CANDIDATES,), math.inf)
        for _ in range(steps):
            _, _, rec = cell(current=x, pull=pull, record=("soma",))
            error = (rec["soma"] - recorded).square().mean((0, 1))
            optimiser.zero_grad()
            (error + 1e-6).log().sum().backward()
            optimiser.step()
            schedule.step()
        error, best = error.detach(), int(error.argmin())
        found = {name: float(cell.values()[name].detach()[best]) for name in TRUE}
        off = {name: found[name] / true - 1.0 for name, true in TRUE.items()}
        worst = max(off, key=lambda name: abs(off[name]))
        left = f"{float(error[best]) ** 0.5:.4f} mV left"
        print(f"{resistance:g} MOhm: {left}; most of all {worst} is off, by {100 * off[worst]:+.1f} %")
    for name, true in TRUE.items():
        print(f"{name:18} {true:8.3g} S/cm2, found {found[name]:8.3g} ({100 * off[name]:+.1f} %)")


if __name__ == "__main__":
    main()
