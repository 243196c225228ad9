"""The membrane of one compartment: how its mechanisms move on, and what they add to the equation of its potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rheobase.cells.plan import Placed, Plan, Region
from rheobase.channels.ions import VALENCE, nernst
from rheobase.core.bound import Bound
from rheobase.engine.graph.step_adjoint import adjoint as gradients
from rheobase.engine.graph.symbols import Symbol, lift

SIEMENS = 0.01  # uS of a compartment per um2 and S/cm2; nA per um2 and mA/cm2
FARADS = 1e-5  # nF of a compartment per um2 and uF/cm2


class Compartment:
    """The mechanisms of a region on the rows of one compartment; `rows` holds the parameters by `Region.rows`."""

    def __init__(self, plan: Plan, region: Region, rows: Mapping[str, Any]):
        self.plan, self.region, self.rows = plan, region, rows
        self.tracer = next(x for x in rows.values() if isinstance(x, Symbol)).tracer
        # of a scheme of several chains each has steps of its own
        self.dt = rows["h"] if plan.order > 1 else self.tracer.symbol("number", tag="dt")

    def advanced(self, p: Placed, v: Any, states: Mapping[str, Any]) -> dict[str, Any]:
        """The states of one mechanism dt later: a pool by the currents of before, channels for it and the new v."""
        i = states[self.region.flow] if p is self.region.pool else p.mechanism.reads(v, self._calcium(states))
        after = self._bound(p).advanced(self._state(p, states), i)
        return {self._key(p, k): x for k, x in after._asdict().items()}

    def load(self, v: Any, states: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """The slope of the membrane current (S/cm2), the current and the part of it that is calcium (mA/cm2)."""
        ca = self._calcium(states)
        total: Any = 0.0
        i_ca: Any = 0.0
        for p in self.region.channels:
            e: dict[str, Any] = {}
            if ca is not None and p.mechanism.ion == "ca":
                e["e"] = nernst(ca, self.plan.ca_outside, self.plan.celsius, VALENCE["ca"])
            i = self._bound(p, **e).current(self._state(p, states), p.mechanism.reads(v, ca))
            total = total + i
            i_ca = i_ca + i if p.mechanism.ion == "ca" else i_ca
        return slope(total, v, [ca, *states.values()]), total, i_ca

    def _key(self, p: Placed, name: str) -> str:
        return f"{self.region.name}.{p.name}.{name}"

    def _bound(self, p: Placed, **more: Any) -> Any:
        held = {name: self.rows[self._key(p, name)] for name in p.rows}
        return Bound(p.mechanism, {**p.constants, **held, **more}, self.dt)

    def _state(self, p: Placed, rows: Mapping[str, Any]) -> Any:
        return p.mechanism.State(*(rows[self._key(p, name)] for name in p.mechanism.lane_states))

    def _calcium(self, rows: Mapping[str, Any]) -> Any:
        pool = self.region.pool
        return None if pool is None else self._state(pool, rows)[0]


def slope(of: Any, by: Symbol, held: Sequence[Any]) -> Any:
    """The derivative of a current by the potential, with the states held."""
    if not isinstance(of, Symbol):
        return 0.0
    graph = by.tracer.graph
    stop = [by.node, *(x.node for x in held if isinstance(x, Symbol))]
    found = gradients(graph, [(lift(by.tracer, of), graph.const(1.0))], stop)
    return Symbol(by.tracer, found[by.node]) if by.node in found else 0.0


__all__ = ["FARADS", "SIEMENS", "Compartment", "slope"]
