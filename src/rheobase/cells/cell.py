"""A cell with a shape: sections cut into compartments, with channels in their membranes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.cells import operator
from rheobase.cells.call import (
    arguments,
    asked,
    check_device,
    check_every,
    check_junctions,
    check_state,
    gathered,
)
from rheobase.cells.compartments import Compartments
from rheobase.cells.declared import BARE, tell_unusual
from rheobase.cells.divergence import check_end
from rheobase.cells.implausible import check_celsius, check_given, extremes, warn_implausible
from rheobase.cells.insertion import by_kind, fitting, inserted, joined, profiles
from rheobase.cells.plan import GAP, Group, Placed, Plan, Region, parse
from rheobase.cells.ports import Conductance, Current, GapJunction, Place, Port, Synapse, VoltageClamp
from rheobase.cells.schemes import BackwardEuler, Scheme
from rheobase.cells.sections import KINDS
from rheobase.channels.channel import Membrane, Pool
from rheobase.checks import is_number
from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import RESERVED
from rheobase.core.states import registered
from rheobase.errors import ParameterError
from rheobase.nn.stateful import Stateful


class CellState(NamedTuple):
    """The state of a cell: v and low (nodes, batch, *cells), above (batch, *cells), membrane (rows, batch, *cells).

    v + low is the potential in mV, `above` is 1 where it is above threshold, and `membrane` holds the states of all
    mechanisms; `Cell.rows` names its rows.
    """

    v: Tensor
    low: Tensor
    above: Tensor
    membrane: Tensor


registered(CellState)


class Run(NamedTuple):
    """The results of a run: spikes (time, batch, *cells), the final state, traces by name, and `farthest`, the largest
    distance of a potential from 0 in mV, over all nodes and steps, (batch, *cells), without a gradient.
    """

    spikes: Tensor
    state: CellState
    traces: dict[str, Tensor]
    farthest: Tensor


class Cell(Stateful):
    """Cells of one shape, each with parameters of its own: simulated as lanes of one kernel, with gradients.

        c_m dv/dt = - sum over channels of g (v - e) + i_in + axial currents of neighbours,     v where -(axial) Ra

    Shapes: current (time, batch, *shape) in nA, spikes out of the same shape; with `record`, a dictionary of traces
    (time // every, batch, *shape).

    compartments  the tree, `Compartments.of(sections)`
    channels      for each kind of section ("soma", "axon", "dend", "apic") its channels, and at most one pool of
                  calcium: declarations of `rheobase.channels`, whose parameters are one number or of shape (*shape).
                  A channel that conducts an ion takes its e from `reversal` where that names the ion; calcium beside
                  a pool has its Nernst potential.
    scale         by the name of a parameter ("apic.Ih.gbar"), factors along the compartments: an array
                  (compartments,), or a function that returns one for their distances from the soma in um
    c_mem         specific capacitance in uF/cm2, one number or one for each kind; each a number or of shape (*shape)
    Ra            axial resistivity in ohm cm, likewise
    celsius       temperature in degC, which channels with a parameter of that name take
    v_init        potential in mV at which a run starts
    inputs        by name: `Current`, `Conductance`, `VoltageClamp` or `Synapse`; by default a current at the soma
    junctions     electrical synapses between two places, each a `GapJunction`
    watch         the place at which spikes are detected, as upward crossings of `threshold` mV
    scheme        the time integration: `BackwardEuler()`, as NEURON by default, or `Extrapolated()` of order 3
    shape         the number of cells, as a shape; () by default, one cell
    start         "settled": gates start at their steady states at v_init; "neuron": as the published files start a
                  simulation in NEURON, known mistakes included (NaV)
    learn         "c_mem", "Ra", "g_gap"; learnable parameters of channels and receptors are named at these:
                  NaV(learn=("gbar",))

    Numerics: NEURON's fixed step (backward Euler over the tree, staggered gates), of first order in dt, or with
    `Extrapolated()` that extrapolated to order 3 or 2; float32 has spike times within 0.1 ms of float64 (960 traces of
    715 ms by NEURON's step, `benchmarks.cells`). On the CPU only.

    Raises: `ParameterError`; at a call `ShapeError`, `DTypeError`, `StateError`, and `Diverged` with step, place and
    cell where a potential is not finite, or beyond 1e5 mV, at the end. Warns (`errors.ImplausibleWarning`) of a
    potential more than 200 mV from 0 in any compartment and step, and, once for each, of parameter values that no
    published cell has, which mostly are in a wrong unit.

    >>> from rheobase import channels
    >>> from rheobase.cells import Cell, Compartments, Section
    >>> soma = Section("soma", length=20, diameter=20)
    >>> cell = Cell(Compartments.of([soma]), {"soma": [channels.Pas(g=1e-4, e=-70.0)]}, dt=0.1, v_init=-70.0)
    >>> spikes, end, rec = cell(torch.full((2000, 1), 0.01), record=("soma",))
    >>> round(float(rec["soma"][-1]), 2)  # 0.01 nA / (1e-4 S/cm2 * 1256.6 um2) = 7.96 mV above -70 mV
    -62.04
    """

    graded = False  # what comes out are spikes

    def __init__(
        self,
        compartments: Compartments,
        channels: Mapping[str, Sequence[Membrane]],
        *,
        dt: float,
        scale: Mapping[str, Any] | None = None,
        c_mem: Any = 1.0,
        Ra: Any = 100.0,
        reversal: Mapping[str, float] | None = None,
        celsius: float = 34.0,
        ca_outside: float = 2.0,
        v_init: float = -65.0,
        inputs: Mapping[str, Port] | None = None,
        junctions: Sequence[GapJunction] = (),
        watch: Place | None = None,
        threshold: float = -20.0,
        scheme: Scheme = BackwardEuler(),  # noqa: B008 (frozen)
        shape: Sequence[int] = (),
        start: str = "settled",
        learn: Iterable[str] = (),
    ):
        super().__init__()
        self.compartments, self.shape = compartments, tuple(shape)
        self.dt: float = _number("dt", dt, above=0)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.celsius, self.ca_outside = _number("celsius", celsius), _number("ca_outside", ca_outside, above=0)
        self.v_init, self.threshold = _number("v_init", v_init), _number("threshold", threshold)
        check_given("v_init", self.v_init)
        check_celsius(self.celsius)
        self.start, self.scheme, self.learn = start, scheme, tuple(learn)
        _check_choices(start, scheme)
        self.ports = dict({"current": Current()} if inputs is None else inputs)
        self.watch = Place() if watch is None else watch
        self._check_places()
        self.kinds = [kind for kind in KINDS if len(compartments.where(kind))]
        ions = dict(reversal or {})
        self.channels = inserted(
            self.kinds, channels, reversal=ions, celsius=self.celsius, dt=self.dt, shape=self.shape
        )
        self.scale = profiles(compartments, self.channels, scale or {})
        self.warned = set[str]()  # names of unusual values that a warning was given for
        _check_learn(self.learn, (*BARE, *([GAP] if junctions else [])))
        self.logs = nn.ParameterDict()  # logarithms of the positive parameters
        for name, given in zip(BARE, (c_mem, Ra), strict=True):
            for kind, value in by_kind(name, given, self.kinds, self.shape).items():
                self.logs[f"{name}_{kind}"] = nn.Parameter(value.log(), requires_grad=name in self.learn)
        self.receptors = nn.ModuleDict(
            {name: fitting(name, port, self.dt, self.shape) for name, port in self._synapses()}
        )
        self.junctions = tuple(junctions)
        if self.junctions:
            log = joined(self.junctions, self.shape).log()
            self.logs[GAP] = nn.Parameter(log, requires_grad=GAP in self.learn)
        self.contacts = self._contacts()
        self.double()
        self._plan()  # for its errors
        for _, _, m in self._mechanisms():
            m.placed = True

    def _synapses(self) -> list[tuple[str, Synapse]]:
        return [(name, port) for name, port in self.ports.items() if isinstance(port, Synapse)]

    def _check_places(self) -> None:
        if not self.ports:
            raise ParameterError("Cell", "no input", "at least one", 'inputs={"current": Current("soma")}')
        for name, port in self.ports.items():
            if not isinstance(port, Current | Conductance | VoltageClamp | Synapse):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ParameterError("Cell", f"input {name} = {port!r}", "a port", 'Current("soma"), say')
            if name in (*RESERVED, "every"):
                raise ParameterError("Cell", f"an input named {name!r}", "a name that is free", "a call has it already")
            taken = name in (*KINDS, GAP) or hasattr(nn.ModuleDict, str(name)) or not str(name).isidentifier()
            if isinstance(port, Synapse) and taken:
                given = f"a synapse named {name!r}"
                raise ParameterError("Cell", given, "a name that is free", '"exc", say')
            for place in port.places if isinstance(port, Synapse) else [port]:
                self.compartments.index(place.section, place.x)
        self.compartments.index(self.watch.section, self.watch.x)

    @property
    def rows(self) -> tuple[str, ...]:
        """The name of each row of a state's `membrane`: soma.NaV.O, and so on, one for each compartment of the kind."""
        return tuple(key for key, kind in self._plan().states.items() for _ in range(self.count(kind)))

    def count(self, of: str) -> int:
        """How many rows a state or parameter has: compartments of a kind, places of a synapse, or gap junctions."""
        if of == GAP:
            return len(self.junctions)
        port = self.ports.get(of)
        return len(port.places) if isinstance(port, Synapse) else len(self.compartments.where(of))

    def _contacts(self) -> list[list[int]]:
        """The nodes of each synapse, and those of the two ends of the gap junctions, as `Plan.contacts` names them."""
        index = self.compartments.index
        found = [[index(place.section, place.x) for place in port.places] for _, port in self._synapses()]
        ends = [[index(end.section, end.x) for end in each.ends] for each in self.junctions]
        for each, (a, b) in zip(self.junctions, ends, strict=True):
            if a == b:
                given = f"a junction of {each.a!r} and {each.b!r}"
                raise ParameterError("Cell", given, "two compartments", "both places lie in one: cut it finer")
        return [*found, *([a for a, _ in ends], [b for _, b in ends])] if ends else found

    def values(self) -> dict[str, Tensor]:
        """The parameters by name: "dend.NaV.gbar", and "c_mem.soma", "Ra.soma" of each kind of section."""
        found = {f"{name}.{kind}": self.logs[f"{name}_{kind}"].exp() for name in BARE for kind in self.kinds}
        for kind, name, m in self._mechanisms():
            found |= {f"{kind}.{name}.{key}": x for key, x in m.values().items()}
        for name, receptor in self.receptors.items():
            found |= {f"{name}.{key}": x for key, x in receptor.values().items()}  # type: ignore[operator]
        return {**found, GAP: self.logs[GAP].exp()} if self.junctions else found

    def _mechanisms(self) -> list[tuple[str, str, Membrane]]:
        return [(kind, name, m) for kind, held in self.channels.items() for name, m in held.items()]  # type: ignore[operator]

    def rest(self, batch: int, *, dtype: torch.dtype = torch.float64) -> CellState:
        """The state in which a run starts: v_init everywhere, concentrations at rest, gates as `start` says."""
        size = (batch, *self.shape)
        v, none = torch.tensor(self.v_init, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        parts: list[Tensor] = []
        for kind, held in self.channels.items():
            count = len(self.compartments.where(kind))
            pool = next((m for m in held.values() if isinstance(m, Pool)), None)  # type: ignore[operator]
            ca = none if pool is None else self._started(pool, none)[0]
            for m in held.values():  # type: ignore[operator]
                i = none if m is pool else m.reads(v, ca)
                parts += [x.expand(count, *size) for x in map(torch.as_tensor, self._started(m, i))]
        for name, receptor in self.receptors.items():
            parts += [none.expand(self.count(name), *size) for _ in receptor.lane_states]  # type: ignore[union-attr]
        with torch.no_grad():
            full = torch.full((len(self.compartments.parent), *size), self.v_init, dtype=dtype)
            above = torch.full(size, float(self.v_init >= self.threshold), dtype=dtype)
        membrane = torch.cat(parts).to(dtype) if parts else full.new_zeros(0, *size)
        return CellState(full, torch.zeros_like(full), above, membrane)

    def _started(self, m: Membrane, i: Any) -> Any:
        bound = Bound(m, {name: x.double() for name, x in m.values().items()}, self.dt)
        return bound.neuron_start(i) if self.start == "neuron" else bound.settled(i)

    def forward(
        self,
        x: Tensor | Mapping[str, Tensor] | None = None,
        state: CellState | None = None,
        *,
        record: Sequence[str] = (),
        every: int = 1,
        lengths: Tensor | None = None,
        backend: str = "auto",
        check_finite: bool = True,
        **inputs: Tensor,
    ) -> Any:
        """Run over a sequence; None starts at rest. Returns (spikes, state), or (spikes, state, traces) with `record`.

        x is the one input, or all by name; each is (time, batch, *shape), of a synapse at many places (time, batch,
        *shape, places). `record` names places, "dend[3](0.97)", of which the potential is kept after every `every`
        steps, (time // every, batch, *shape), and states of a kind of section, "soma.CaDynamics.ca", or of a synapse,
        "exc.g", kept for all its compartments or places, (time // every, compartments, batch, *shape).
        """
        if lengths is not None:
            raise ParameterError(repr(self), "lengths", "sequences of one length", "pad the stimulus, cut the traces")
        given = gathered(self, x, inputs)
        first = next(iter(given.values()))
        self.runs_on(first, backend)
        if state is None:
            state = self.rest(first.shape[1], dtype=first.dtype)
        else:
            check_state(self, state, first, check_finite)
        ran = self.run(given, state, record=record, every=every)
        if check_finite:
            tell_unusual(self, given)
            check_end(self, given, state, ran.state.v)
            warn_implausible(self, given, extremes(self, given, state, ran.farthest).values())
        return (ran.spikes, ran.state, ran.traces) if record else (ran.spikes, ran.state)

    def run(self, given: Mapping[str, Tensor], state: CellState, *, record: Sequence[str] = (), every: int = 1) -> Run:
        """What a call returns, and the farthest potential of each lane: for all inputs by name, looking at neither.

        Shapes and errors: those of a call, whose checks of numbers it leaves out.

        >>> from rheobase.cells import Compartments, Section
        >>> cell = Cell(Compartments.of([Section("soma", length=20, diameter=20)]), {}, dt=0.1)
        >>> ran = cell.run({"current": torch.zeros(10, 1)}, cell.rest(1, dtype=torch.float32))
        >>> ran.farthest  # mV from 0
        tensor([65.])
        """
        first = next(iter(given.values()))
        check_every(self, every, first.shape[0])
        plan = self._plan()
        sites, states = asked(self, record, plan.states)
        plan = self._plan(states) if states else plan
        check_junctions(self)
        found = operator.cable(arguments(self, plan, given, state, list(sites.values()), every))
        size = (first.shape[1], *self.shape)
        membrane = torch.cat(found.states).view(-1, *size) if found.states else state.membrane
        last = CellState(found.v.view(-1, *size), found.low.view(-1, *size), found.above.view(size), membrane)
        traces = {name: found.potentials[:, k].view(-1, *size) for k, name in enumerate(sites)}
        traces |= {name: x.view(*x.shape[:2], *size) for name, x in found.records.items()}
        traces = {name: traces[name] for name in record}
        return Run(found.spikes.view(-1, *size), last, traces, found.farthest.view(size))

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend for an input like x: LLVM. Raises: `ParameterError` for another, `DeviceError` for a GPU."""
        if backend not in ("auto", "llvm"):
            raise ParameterError(repr(self), f"backend {backend!r}", '"auto" or "llvm"', "cells run on the CPU")
        check_device(self, "an input", x)
        return "llvm"

    def explained(self, x: Tensor) -> str:
        """For `rheobase.explain`."""
        count = int((~self.compartments.is_end).sum())
        return f"one kernel over the tree (compartments: {count}, states: {len(self.rows)}); cells run on the CPU"

    def _plan(self, records: tuple[str, ...] = ()) -> Plan:
        regions = {kind: list[Placed]() for kind in self.kinds}
        for kind, name, m in self._mechanisms():
            rows: dict[str, tuple[bool, bool]] = {}
            for key, value in m.values().items():
                along = f"{kind}.{name}.{key}" in self.scale
                # a number that nobody changes is part of the kernel
                if along or key in m.learn or value.dim() or float(value) != m.params[key].default:
                    rows[key] = (along, bool(value.dim()))
            constants = {key: spec.default for key, spec in m.params.items() if key not in rows}
            regions[kind].append(Placed.of(m, constants, rows))
        made = tuple(Region(kind, tuple(placed)) for kind, placed in regions.items())
        groups = list[Group]()
        for name, port in self._synapses():
            axes = {key: value.dim() for key, value in port.receptor.values().items()}
            # that of the places is the last axis of a parameter, behind those of the cells
            rows = {key: (port.many and n > 0, n > int(port.many)) for key, n in axes.items()}
            groups.append(Group(name, Placed.of(port.receptor, {}, rows)))
        lanewise = any(self.logs[f"{name}_{kind}"].dim() > 0 for name in BARE for kind in self.kinds)
        gap = (True, self.logs[GAP].dim() > 1) if self.junctions else None
        order = self.scheme.order
        # what follows from a plan is kept with the one of its text: a call makes a plan, and no mechanism
        return parse(Plan(made, self.celsius, self.ca_outside, tuple(groups), gap, records, lanewise, order).text)

    def __repr__(self) -> str:
        held = "; ".join(f"{kind}: {', '.join(held)}" for kind, held in self.channels.items() if len(held))  # type: ignore[arg-type]
        shape = f"{', '.join(map(str, self.shape))}, " if self.shape else ""
        scheme = "" if self.scheme.order == 1 else f", scheme={self.scheme}"
        return f"Cell({shape}{self.compartments}, {held}, dt={self.dt}{scheme})"


STARTS = ("settled", "neuron")


def _check_choices(start: Any, scheme: Any) -> None:
    if start not in STARTS:
        expected = f"one of {', '.join(map(repr, STARTS))}"
        raise ParameterError("Cell", f"start = {start!r}", expected, "see its docstring")
    if not isinstance(scheme, Scheme):
        remedy = "Extrapolated() from rheobase.cells, say"
        raise ParameterError("Cell", f"scheme = {scheme!r}", "BackwardEuler() or Extrapolated()", remedy)


def _check_learn(learn: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in learn:
        if name not in known:
            remedy = "name those of channels at the channels: NaV(learn=('gbar',))"
            raise ParameterError("Cell", f"learn {name!r}", " or ".join(known), remedy)


def _number(name: str, value: Any, above: float | None = None) -> float:
    if not is_number(value, above=above):
        expected = "a finite number" + (f" > {above:g}" if above is not None else "")
        raise ParameterError("Cell", f"{name} = {value!r}", expected, "times are in ms, potentials in mV")
    return float(value)


__all__ = ["Cell", "CellState", "Run"]
