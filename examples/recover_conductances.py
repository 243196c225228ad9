"""Six conductances of a branched cell, recovered from the potential that it showed under three currents.

Eight candidates, up to three times too high or too low, are lanes of one kernel. `fit_neuron` pulls each of them to the
recorded potential by an electrode that weakens from step to step; its current vanishes where they are right. Nothing is
held before it (`passive=0`): these traces are perfect, and what is held is no better than the stage that found it.

    python examples/recover_conductances.py        half a minute on one core
"""

from __future__ import annotations

import torch

from rheobase import channels, stimuli
from rheobase.cells import Cell, Compartments, Section
from rheobase.learning import FitRecipe, Recording, fit_neuron

TRUE = {  # S/cm2
    "soma.Pas.g": 5e-5,
    "soma.NaTa_t.gbar": 0.4,
    "soma.Kv3_1.gbar": 0.25,
    "soma.Im.gbar": 2e-3,
    "dend.Ih.gbar": 2e-4,
    "dend.Im_v2.gbar": 5e-4,
}
DT, STOP = 0.025, 80.0
AMPLITUDES = (-0.02, 0.1, 0.35)  # nA, from 10 to 60 ms
SPREAD = 3.0
RECIPE = FitRecipe(restarts=8, passive=0, forced=700, generations=0, rate=0.05, settle=0.0)


def tree() -> Compartments:
    soma = Section("soma", length=20, diameter=20, nseg=1)
    stem = Section("dend[0]", length=150, diameter=2, parent=soma)
    left = Section("dend[1]", length=100, diameter=1, parent=stem)
    right = Section("dend[2]", length=120, diameter=1.2, parent=stem)
    return Compartments.of([soma, stem, left, right], nseg=3)


def make() -> Cell:
    """The cell with the conductances that are to be found."""

    def held(kind: str, name: str, key: str = "gbar", **fixed: float) -> channels.Channel:
        return getattr(channels, name)(**{key: TRUE[f"{kind}.{name}.{key}"]}, **fixed)

    inserted = {
        "soma": [held("soma", "Pas", "g", e=-75.0), *(held("soma", name) for name in ("NaTa_t", "Kv3_1", "Im"))],
        "dend": [channels.Pas(g=3e-5, e=-75.0), held("dend", "Ih"), held("dend", "Im_v2")],
    }
    ions = {"na": 53.0, "k": -107.0}
    return Cell(tree(), inserted, dt=DT, Ra=150.0, v_init=-75.0, reversal=ions)


def record(cell: Cell) -> Recording:
    current = torch.stack([stimuli.step(i, start=10.0, stop=60.0).sample(STOP, DT) for i in AMPLITUDES])
    with torch.no_grad():
        _, _, rec = cell(current.T.contiguous(), record=("soma",))
    return Recording(rec["soma"].T, current, DT, level=-20.0, v_unit="mV", current_unit="nA")


def main() -> None:
    cell = make()
    recording = record(cell)
    print(recording)
    ranges = {name: (x / SPREAD, x * SPREAD) for name, x in TRUE.items()}
    fit = fit_neuron(cell, recording, learn=tuple(TRUE), ranges=ranges, recipe=RECIPE, seed=1)
    print(fit)
    for name, true in TRUE.items():
        found = fit.best.values[name]
        print(f"{name:18} {true:8.3g} S/cm2, found {found:8.3g} ({100 * (found / true - 1):+.1f} %)")


if __name__ == "__main__":
    main()
