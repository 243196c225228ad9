"""How a channel stands and moves over the potential, or over calcium: steady states, time constants, open share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.channels.channel import REST, Channel, Membrane, Pool
from rheobase.core.bound import Bound
from rheobase.core.declaration.words import Relax
from rheobase.core.equations.kinetic import Reaction

Curve = NDArray[np.float64]
POINTS = 181
POTENTIALS, CONCENTRATIONS, CURRENTS = (-120.0, 60.0), (1e-5, 1e-2), (-1e-3, 0.0)  # mV, mM, mA/cm2
SLOWEST = "slowest"


@dataclass(frozen=True)
class Kinetics:
    """Curves of a channel or a pool, each (points,), over `x`.

    along   the input that x is, with its unit: v in mV, ca in mM where a channel reads calcium, i_ca of a pool
    steady  where each state settles; of a kinetic scheme the sums of like states, C1 to C5 as C
    tau     of each gate its time constant in ms; of a kinetic scheme the slowest relaxation
    open    the conductance when all is settled, as a share of the maximal one; None of a pool
    """

    along: tuple[str, str]
    x: Curve
    steady: Mapping[str, Curve]
    tau: Mapping[str, Curve]
    open: Curve | None

    def as_json(self) -> dict[str, Any]:
        """All numbers."""
        name, unit = self.along
        return {
            "along": {"name": name, "unit": unit},
            name: self.x.tolist(),
            "steady": {k: y.tolist() for k, y in self.steady.items()},
            "tau": {k: y.tolist() for k, y in self.tau.items()},
            "open": None if self.open is None else self.open.tolist(),
        }


def kinetics(kind: type[Membrane], **values: Any) -> Kinetics:
    """The curves of a channel with these values of its parameters, the others as declared.

    Raises: `DeclarationError` for a state of which only the derivative is declared.

    >>> from rheobase import channels
    >>> found = kinetics(channels.Kv3_1)
    >>> round(float(found.steady["m"][found.x == -40.0][0]), 6), round(float(found.tau["m"][found.x == 0.0][0]), 4)
    (0.002349, 2.9668)
    """
    m = kind(**values).double()
    bound = Bound(m, m.values(), None)
    along, x, i = _inputs(m)
    settled = bound.settled(i)
    full = {name: getattr(settled, name).expand_as(x) for name in kind.states}
    scheme = bound.reactions(i)
    steady, tau = dict(full), _taus(bound.dynamics(settled, i))
    if scheme:
        steady = _grouped(full, {name for reaction in scheme for name in reaction[:2]})
        tau[SLOWEST] = _slowest(list(full), scheme, x)
    share = bound.conductance(settled, i) / _maximal(m) if isinstance(m, Channel) else None
    return Kinetics(
        along,
        x.numpy(),
        {k: _curve(y, x) for k, y in steady.items()},
        {k: _curve(y, x) for k, y in tau.items()},
        None if share is None else _curve(share, x),
    )


def _inputs(m: Membrane) -> tuple[tuple[str, str], Tensor, Any]:
    """What is varied, its values, and the inputs of the equations: the potential, unless calcium is read."""
    if isinstance(m, Pool):
        x = torch.linspace(*CURRENTS, POINTS, dtype=torch.float64)
        name, spec = next(iter(m.entries.items()))
        return (name, spec.unit), x, x
    if "ca" in m.entries:
        low, high = (float(np.log10(end)) for end in CONCENTRATIONS)
        x = torch.logspace(low, high, POINTS, dtype=torch.float64)
        return ("ca", m.entries["ca"].unit), x, m.reads(torch.full_like(x, REST), x)
    x = torch.linspace(*POTENTIALS, POINTS, dtype=torch.float64)
    return ("v", m.entries["v"].unit), x, x


def _taus(slopes: Mapping[str, Any]) -> dict[str, Any]:
    """The time constants in ms; `settled` has refused what has none."""
    return {k: 1.0 / d.rate if d.tau is None else d.tau for k, d in slopes.items() if isinstance(d, Relax)}


def _maximal(m: Channel) -> Any:
    """The maximal conductance: the one parameter in S/cm2, or the first of several."""
    return next(m.value(name) for name, spec in m.params.items() if spec.unit == "S/cm2")


def _grouped(full: Mapping[str, Tensor], scheme: set[str]) -> dict[str, Tensor]:
    """Probabilities of states whose names differ in their numbers alone, added."""
    found: dict[str, Tensor] = {}
    for name, p in full.items():
        group = name.rstrip("0123456789") if name in scheme else name
        found[group] = found[group] + p if group in found else p
    return found


def _slowest(order: list[str], scheme: Any, x: Tensor) -> Tensor:
    """The slowest relaxation of a scheme in ms: -1 over the eigenvalue next to the zero of its equilibrium."""
    reactions: list[Reaction] = list(scheme)
    generator = np.zeros((len(x), len(order), len(order)))
    for source, target, forward, backward in reactions:
        for a, b, rate in ((source, target, forward), (target, source, backward)):
            j, k = order.index(a), order.index(b)
            flow = _curve(rate, x)
            generator[:, j, j] -= flow
            generator[:, k, j] += flow
    real = np.sort(np.linalg.eigvals(generator).real, axis=1)
    return torch.as_tensor(-1.0 / real[:, -2])


def _curve(y: Any, x: Tensor) -> Curve:
    return torch.as_tensor(y, dtype=torch.float64).detach().expand_as(x).numpy().copy()


__all__ = ["Kinetics", "kinetics"]
