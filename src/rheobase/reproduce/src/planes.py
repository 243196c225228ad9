"""The planes of two parameters in which the cell is mapped: data, no code that runs cells."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from rheobase.neurons import SRC

Axis = tuple[str, float, float]  # parameter, first and last value

PAPER = {name: spec.default for name, spec in SRC.params.items() if name not in ("alpha", "rho")}


@dataclass(frozen=True)
class Plane:
    """Two parameters that vary, the others as in the paper but for `fixed`; under a constant x."""

    name: str
    title: str
    x: Axis
    y: Axis
    drive: float
    shows: str
    fixed: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """All parameters; of those that vary, the paper's value."""
        return {**PAPER, **self.fixed}

    @property
    def paper_lies_in_it(self) -> bool:
        """Whether the paper's cell is a point of this plane."""
        inside = all(low <= PAPER[name] <= high for name, low, high in (self.x, self.y))
        return inside and all(PAPER[name] == value for name, value in self.fixed.items())

    def lanes(self, side: int) -> dict[str, Tensor]:
        """The parameters of side x side lanes, row after row of y."""
        columns, rows = (torch.linspace(low, high, side) for _, low, high in (self.x, self.y))
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        same = {name: torch.full((side * side,), value) for name, value in self.values.items()}
        return {**same, self.x[0]: x.flatten(), self.y[0]: y.flatten()}

    def said(self) -> str:
        """What is held, in words."""
        held = [f"{k} = {v:g}" for k, v in self.values.items() if k not in (self.x[0], self.y[0])]
        return f"Held: {', '.join(held)}, x = {self.drive:g}."


PLANES = (
    Plane(
        "gates-weak", "Slow gates, weak input", ("z_hyp", 0.0, 0.98), ("z_dep", 0.0, 0.98), 1.2,
        "z_hyp, the memory of the slow feedback between spikes, takes the cell from tonic firing through mixed modes "
        "to a subthreshold oscillation and to a single spike; z_dep hardly matters, since it acts in a spike alone.",
    ),
    Plane(
        "gates", "Slow gates, strong input", ("z_hyp", 0.0, 0.98), ("z_dep", 0.0, 0.98), 1.75,
        "Here the cell fires for all gates. z_dep sets how long a spike lasts; where z_hyp is small and z_dep near 1, "
        "spikes become plateaus of unequal length.",
    ),
    Plane(
        "feedback", "Fast and slow feedback", ("r", 0.0, 10.0), ("r_s", -16.0, 0.0), 1.75,
        "The slow feedback r_s has to outweigh the fast one, r, for firing; where it does not, the step gives one "
        "spike, or nothing, and where r is strong the cell holds a plateau beside its rest: a bit of memory.",
    ),
    Plane(
        "bias", "Bias and slow feedback", ("b_h", -9.0, -4.0), ("r_s", -16.0, 0.0), 1.75,
        "A higher bias needs less slow feedback to fire. Between silence and firing lie a band in which the step gives "
        "one spike, and one of subthreshold oscillations.",
    ),
    Plane(
        "irregular", "Firing patterns", ("r", 0.0, 10.0), ("z_hyp", 0.0, 0.98), 1.75,
        "With a feedback that stays slow during spikes (z_dep = 0.85), spike trains lose their regularity in "
        "tongues between locked rhythms.",
        {"r_s": -10.0, "z_dep": 0.85},
    ),
    Plane(
        "membrane", "Membrane gate", ("b_h", -6.3, -5.5), ("z", 0.5, 0.9), 0.0,
        "With z = 0, as in the paper, hardly a lane both rests and fires under one input. A membrane gate z of 0.7 or "
        "so, which slows h, opens a wedge in which rest and tonic firing coexist.",
        {"r": 7.1, "r_s": -11.9, "z_hyp": 0.89, "z_dep": 0.39},
    ),
)  # fmt: skip
