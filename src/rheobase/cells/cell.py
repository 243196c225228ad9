"""A cell with a shape: sections cut into compartments, with channels in their membranes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.cells import operator
from rheobase.cells.compartments import Compartments
from rheobase.cells.membrane import FARADS
from rheobase.cells.plan import Placed, Plan, Region
from rheobase.cells.ports import Conductance, Current, Place, Port, VoltageClamp
from rheobase.channels.channel import Channel, Membrane, Pool
from rheobase.checks import is_number, is_whole
from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import RESERVED
from rheobase.core.states import registered
from rheobase.errors import Diverged, DTypeError, ParameterError, ShapeError, StateError, nearest
from rheobase.nn.stateful import Stateful


class CellState(NamedTuple):
    """Where a cell stands. Shapes: v, low (nodes, batch, *cells), above (batch, *cells), membrane (rows, ...).

    v + low is the potential in mV, `above` whether it was above threshold, membrane the states of all mechanisms, row
    by row as `Cell.rows` names them.
    """

    v: Tensor
    low: Tensor
    above: Tensor
    membrane: Tensor


registered(CellState)


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
    scale         how the parameter "apic.Ih.gbar" goes along compartments: a function of their distance from the soma
                  in um (a NumPy array), or an array (compartments,), that multiplies it
    c_mem         specific capacitance in uF/cm2, one number or one for each kind; each a number or of shape (*shape)
    Ra            axial resistivity in ohm cm, likewise
    celsius       temperature in degC, which channels with a parameter of that name take
    v_init        potential in mV at which a run starts, everything settled there
    inputs        where something enters, by name: `Current`, `Conductance` or `VoltageClamp`
    watch         where spikes are seen: upward crossings of `threshold` mV
    shape         how many cells; () by default, one
    start         "settled", or "neuron": as the published files start a simulation in NEURON, slips included (NaV)
    learn         "c_mem", "Ra"; those of channels are named at the channels: NaV(learn=("gbar",))

    Numerics: NEURON's fixed step (backward Euler over the tree, staggered gates), of first order in dt; float32 has
    spike times within 0.01 ms of float64. On the CPU only.

    Raises: `ParameterError`; at a call `ShapeError`, `DTypeError`, `StateError`, and `Diverged` with step, place and
    cell where a potential is no longer finite.

    >>> from rheobase import channels
    >>> from rheobase.cells import Cell, Compartments, Section
    >>> soma = Section("soma", length=20, diameter=20)
    >>> cell = Cell(Compartments.of([soma]), {"soma": [channels.Pas(g=1e-4, e=-70.0)]}, dt=0.1, v_init=-70.0)
    >>> spikes, end, rec = cell(torch.full((2000, 1), 0.01), record=("soma",))
    >>> round(float(rec["soma"][-1]), 2)  # 0.01 nA / (1e-4 S/cm2 * 1256.6 um2) = 7.96 mV above -70 mV
    -62.04
    """

    def __init__(
        self,
        compartments: Compartments,
        channels: Mapping[str, Sequence[Membrane]],
        *,
        dt: float,
        scale: Mapping[str, Callable[[Any], Any] | Any] | None = None,
        c_mem: Any = 1.0,
        Ra: Any = 100.0,
        reversal: Mapping[str, float] | None = None,
        celsius: float = 34.0,
        ca_outside: float = 2.0,
        v_init: float = -65.0,
        inputs: Mapping[str, Port] | None = None,
        watch: Place | None = None,
        threshold: float = -20.0,
        shape: Sequence[int] = (),
        start: str = "settled",
        learn: Iterable[str] = (),
    ):
        super().__init__()
        self.compartments, self.shape = compartments, tuple(shape)
        self.dt = _positive("dt", dt, "ms")
        self.celsius, self.ca_outside = _finite("celsius", celsius), _positive("ca_outside", ca_outside, "mM")
        self.v_init, self.threshold = _finite("v_init", v_init), _finite("threshold", threshold)
        if start not in ("settled", "neuron"):
            raise ParameterError("Cell", f"start = {start!r}", '"settled" or "neuron"', "see its docstring")
        self.start = start
        self.ports = dict({"current": Current()} if inputs is None else inputs)
        self.watch = Place() if watch is None else watch
        self.kinds = [kind for kind in KINDS if len(compartments.where(kind))]
        self.channels = nn.ModuleDict()
        self._insert(channels, dict(reversal or {}))
        self.scale = {name: self._profile(name, along) for name, along in (scale or {}).items()}
        self._passive(c_mem, Ra, tuple(learn))
        self._check_ports()
        self.double()

    # --- what it is made of -------------------------------------------------------------------------
    def _insert(self, channels: Mapping[str, Sequence[Membrane]], reversal: Mapping[str, float]) -> None:
        for kind in channels:
            if kind not in self.kinds:
                found = ", ".join(self.kinds)
                raise ParameterError("Cell", f"channels of {kind!r}", f"a kind of section it has: {found}", nearest(kind, self.kinds))
        for kind in self.kinds:
            self.channels[kind] = nn.ModuleDict()
            for m in channels.get(kind, ()):
                name = type(m).__name__
                if not isinstance(m, (Channel, Pool)):
                    raise ParameterError("Cell", f"{name} in {kind}", "channels and pools", "see rheobase.channels")
                if name in self.channels[kind]:
                    raise ParameterError("Cell", f"two {name} in {kind}", "each channel once", "add their conductances")
                if m.shape not in ((), self.shape):
                    given = f"{name} of shape {m.shape}"
                    raise ParameterError("Cell", given, f"one, or {self.shape} as the cell", f"{name}(*shape, ...)")
                if "celsius" in m.params:
                    m.celsius = self.celsius
                ion = getattr(m, "ion", None)
                if isinstance(m, Channel) and ion in reversal:
                    m.e = reversal[ion]
                self.channels[kind][name] = m
            pools = [m for m in self.channels[kind].values() if isinstance(m, Pool)]
            if len(pools) > 1:
                raise ParameterError("Cell", f"{len(pools)} pools in {kind}", "one for calcium", "leave one")
            for name, m in self.channels[kind].items():
                if isinstance(m, Channel) and "ca" in m.entries and not pools:
                    given = f"{name} in {kind}, which reads calcium"
                    raise ParameterError("Cell", given, "a pool beside it", "add CaDynamics()")

    def _profile(self, name: str, along: Any) -> Tensor:
        kind, channel, parameter = _three(name)
        known = [f"{k}.{c}.{p}" for k, held in self.channels.items() for c, m in held.items() for p in m.params]
        if name not in known:
            raise ParameterError("Cell", f"scale of {name!r}", "kind.channel.parameter", nearest(name, known))
        at = self.compartments.where(kind)
        values = torch.as_tensor(along(self.compartments.distance[at]) if callable(along) else along).double()
        if tuple(values.shape) != (len(at),) or not bool(torch.isfinite(values).all()):
            given = f"scale of {name!r} of shape {tuple(values.shape)}"
            raise ParameterError("Cell", given, f"{len(at)} finite numbers", f"one for each compartment of {kind}")
        return values

    def _passive(self, c_mem: Any, Ra: Any, learn: tuple[str, ...]) -> None:
        for name in learn:
            if name not in ("c_mem", "Ra"):
                remedy = "name those of channels at the channels: NaV(learn=('gbar',))"
                raise ParameterError("Cell", f"learn {name!r}", "c_mem or Ra", remedy)
        self.learn = learn
        self.logs = nn.ParameterDict()
        for name, given in (("c_mem", c_mem), ("Ra", Ra)):
            by_kind = given if isinstance(given, Mapping) else dict.fromkeys(self.kinds, given)
            for kind in self.kinds:
                if kind not in by_kind:
                    raise ParameterError("Cell", f"{name} without {kind!r}", f"one for each of {', '.join(self.kinds)}", "or one number")
                value = torch.as_tensor(by_kind[kind]).detach().double().clone()
                if tuple(value.shape) not in ((), self.shape) or not bool(((value > 0) & value.isfinite()).all()):
                    given_text = f"{name} of {kind} = {by_kind[kind]!r}"
                    raise ParameterError("Cell", given_text, f"finite numbers > 0, one or {self.shape}", "c_mem=1.0, Ra=100.0")
                self.logs[f"{name}_{kind}"] = nn.Parameter(value.log(), requires_grad=name in learn)

    def _check_ports(self) -> None:
        for name, port in self.ports.items():
            if not isinstance(port, (Current, Conductance, VoltageClamp)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ParameterError("Cell", f"input {name} = {port!r}", "a port", 'Current("soma"), say')
            if name in (*RESERVED, "every"):
                raise ParameterError("Cell", f"an input named {name!r}", "a name that is free", "a call has it already")
            self.compartments.index(port.section, port.x)
        self.compartments.index(self.watch.section, self.watch.x)
        if not self.ports:
            raise ParameterError("Cell", "no input", "at least one", 'inputs={"current": Current("soma")}')

    @property
    def rows(self) -> tuple[str, ...]:
        """The name of each row of a state's `membrane`: soma.NaV.O, and so on, one for each compartment of the kind."""
        counts = {kind: len(self.compartments.where(kind)) for kind in self.kinds}
        return tuple(key for key, kind in self._plan(()).states.items() for _ in range(counts[kind]))

    def values(self) -> dict[str, Tensor]:
        """The parameters by name: "dend.NaV.gbar", and "c_mem.soma", "Ra.soma" of each kind of section."""
        found = {f"{name}.{kind}": self.logs[f"{name}_{kind}"].exp() for name in ("c_mem", "Ra") for kind in self.kinds}
        for kind, held in self.channels.items():
            for name, m in held.items():
                found |= {f"{kind}.{name}.{k}": x for k, x in m.values().items()}
        return found

    # --- running ------------------------------------------------------------------------------------
    def rest(self, batch: int, *, dtype: torch.dtype = torch.float64) -> CellState:
        """The state in which a run starts: v_init everywhere, concentrations at rest, gates settled there."""
        parts: list[Tensor] = []
        size = (batch, *self.shape)
        v = torch.as_tensor(self.v_init, dtype=torch.float64)
        for kind, held in self.channels.items():
            count = len(self.compartments.where(kind))
            pool = next((m for m in held.values() if isinstance(m, Pool)), None)
            ca = None
            if pool is not None:
                ca = Bound(pool, _double(pool.values()), self.dt).settled(torch.zeros((), dtype=torch.float64))[0]
            for m in held.values():
                i = torch.zeros((), dtype=torch.float64) if m is pool else _inputs(m, v, ca)
                bound = Bound(m, _double(m.values()), self.dt)
                settled = bound.neuron_start(i) if self.start == "neuron" else bound.settled(i)
                parts += [torch.as_tensor(x, dtype=torch.float64).expand(count, *size) for x in settled]
            if pool is not None:
                parts.append(torch.zeros(count, *size, dtype=torch.float64))
        with torch.no_grad():
            nodes = len(self.compartments.parent)
            full = torch.full((nodes, *size), self.v_init, dtype=dtype)
            above = torch.full(size, float(self.v_init >= self.threshold), dtype=dtype)
            membrane = torch.cat(parts).to(dtype) if parts else full.new_zeros(0, *size)
        return CellState(full, torch.zeros_like(full), above, membrane)

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

        x is the one input, or all by name; each is (time, batch, *shape). `record` names places, "dend[3](0.97)", of
        which the potential is kept after every `every` steps, and states of a kind of section, "soma.CaDynamics.ca",
        kept for all its compartments, (time // every, compartments, batch, *shape).
        """
        given = self._given(x, inputs, every, lengths, backend)
        sites, states = self._asked(record)
        first = next(iter(given.values()))
        steps, batch = first.shape[:2]
        if state is None:
            state = self.rest(batch, dtype=first.dtype)
        else:
            self._check_state(state, first)
        plan = self._plan(states)
        results = operator.cable(self._arguments(plan, given, state, sites, every))
        size = (batch, *self.shape)
        if check_finite and not bool(torch.isfinite(results.v).all()):
            raise self._diverged(given, state)
        last = CellState(
            results.v.view(-1, *size), results.low.view(-1, *size), results.above.view(size),
            torch.cat([x.view(-1, *size) for x in results.states]) if results.states else state.membrane,
        )  # fmt: skip
        spikes = results.spikes.view(steps, *size)
        if not record:
            return spikes, last
        traces = {name: results.potentials[:, k].view(-1, *size) for k, name in enumerate(sites)}
        traces |= {name: x.view(*x.shape[:2], *size) for name, x in results.records.items()}
        return spikes, last, {name: traces[name] for name in record}

    def _given(self, x: Any, inputs: dict[str, Tensor], every: int, lengths: Any, backend: str) -> dict[str, Tensor]:
        if lengths is not None:
            raise ParameterError(repr(self), "lengths", "sequences of one length", "pad the stimulus, and cut the traces")
        if backend not in ("auto", "llvm"):
            raise ParameterError(repr(self), f"backend {backend!r}", '"auto" or "llvm"', "cells run on the CPU")
        named = dict(x) if isinstance(x, Mapping) else {} if x is None else {next(iter(self.ports)): x}
        given = {**named, **inputs}
        for name in given:
            if name not in self.ports:
                raise ParameterError(repr(self), f"input {name!r}", "the name of an input", nearest(str(name), self.ports))
        missing = [name for name in self.ports if name not in given]
        if missing:
            remedy = f"cell({', '.join(f'{name}=...' for name in self.ports)})"
            raise ParameterError(repr(self), f"no {missing[0]}", f"inputs {', '.join(self.ports)}", remedy)
        first = given[next(iter(self.ports))]
        expected = ("time", "batch", *self.shape)
        for name, value in given.items():
            if not isinstance(value, Tensor) or value.dtype not in (torch.float32, torch.float64):  # pyright: ignore[reportUnnecessaryIsInstance]
                kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
                raise DTypeError(repr(self), f"{name} of {kind}", "a tensor of float32 or float64", "call .float() on it")
            text = f"{name} of shape {tuple(value.shape)}"
            if value.dim() != len(expected) or tuple(value.shape[2:]) != self.shape or 0 in value.shape:
                raise ShapeError(repr(self), text, f"({', '.join(map(str, expected))})", "time first, then batch")
            if value.shape != first.shape or value.dtype != first.dtype:
                raise ShapeError(repr(self), f"{text}, {value.dtype}", f"{tuple(first.shape)}, {first.dtype}", "all alike")
            if value.is_meta or value.device.type != "cpu":
                raise ParameterError(repr(self), f"{name} on {value.device}", "the CPU", "cells have no GPU kernel yet")
            if not bool(torch.isfinite(value).all()):
                raise ParameterError(repr(self), f"{name} with NaN or infinity", "finite numbers", "look at the stimulus")
        if not is_whole(every, 1) or first.shape[0] % every:
            remedy = f"it must divide the {first.shape[0]} steps"
            raise ParameterError(repr(self), f"every = {every!r}", "a whole number > 0", remedy)
        return given

    def _asked(self, record: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
        """The places of potentials, with their nodes, and the states."""
        if isinstance(record, str):
            raise ParameterError(repr(self), f"record={record!r}", "a tuple of names", f"record=({record!r},)")
        states, sites = self._plan(()).states, dict[str, int]()
        for name in record:
            if name in states:
                continue
            match = re.fullmatch(r"([^()]+?)(?:\(([0-9.eE+-]+)\))?", str(name))
            if match is None or (match[1].count(".") == 2):
                remedy = nearest(str(name), states) if str(name).count(".") == 2 else '"dend[3](0.5)", say'
                raise ParameterError(repr(self), f"record {name!r}", "a place, or a state of a kind of section", remedy)
            sites[name] = self.compartments.index(match[1], float(match[2] or 0.5))
        return sites, tuple(name for name in dict.fromkeys(record) if name in states)

    def _check_state(self, state: Any, first: Tensor) -> None:
        batch = first.shape[1]
        size = (batch, *self.shape)
        nodes = len(self.compartments.parent)
        shapes = ((nodes, *size), (nodes, *size), size, (len(self.rows), *size))
        if not isinstance(state, CellState):
            raise StateError(repr(self), f"a state of type {type(state).__name__}", "CellState", "pass on what a call returned")
        for (name, x), shape in zip(state._asdict().items(), shapes, strict=True):
            if tuple(x.shape) != shape or x.dtype != first.dtype:
                given = f"state {name} of shape {tuple(x.shape)}, {x.dtype}"
                raise StateError(repr(self), given, f"{shape}, {first.dtype}", "pass on what a call returned")

    def _plan(self, records: tuple[str, ...], lanewise: bool = False) -> Plan:
        regions: list[Region] = []
        for kind, held in self.channels.items():
            placed: list[Placed] = []
            for name, m in held.items():
                rows: dict[str, tuple[bool, bool]] = {}
                constants: dict[str, float] = {}
                for key, value in m.values().items():
                    along = f"{kind}.{name}.{key}" in self.scale
                    if along or key in m.learn or value.dim() or float(value) != m.params[key].default:
                        rows[key] = (along, bool(value.dim()))
                    else:
                        constants[key] = m.params[key].default
                placed.append(Placed.of(m, constants, rows))
            regions.append(Region(kind, tuple(placed)))
        return Plan(tuple(regions), self.celsius, self.ca_outside, records, lanewise)

    def _arguments(self, plan: Plan, given: dict[str, Tensor], state: CellState, sites: dict[str, int], every: int) -> Any:
        c, first = self.compartments, next(iter(given.values()))
        dtype, (steps, batch) = first.dtype, first.shape[:2]
        lanes = batch * math.prod(self.shape)
        ports: dict[type[Any], list[str]] = {Current: [], Conductance: [], VoltageClamp: []}
        for name, port in self.ports.items():
            ports[type(port)].append(name)
        flat = {name: x.reshape(steps, 1, lanes) for name, x in given.items()}
        empty = first.new_empty(steps, 0, lanes)
        currents = [flat[name] for name in ports[Current]]
        opened = [(flat[n], flat[n] * self.ports[n].e) for n in ports[Conductance]]  # type: ignore[union-attr]
        for name in ports[VoltageClamp]:
            g = 1.0 / self.ports[name].r  # type: ignore[union-attr]
            opened.append((torch.full_like(flat[name], g), flat[name] * g))
        values = self.values()
        diagonal, axial, lanewise = self._passive_rows(values, batch)
        params = []
        for key, (along, by_lane) in plan.rows.items():
            value = values[key].to(torch.float64)
            if by_lane:
                value = value.expand(batch, *self.shape).reshape(lanes)
            if along:
                profile = self.scale[key]
                value = profile[:, None] * value if by_lane else profile * value
            params.append(value.to(dtype))
        counts = [len(c.where(plan.states[key])) for key in plan.states]
        nodes = [c.where(r.name) for r in plan.regions]
        where = [self.compartments.index(self.ports[n].section, self.ports[n].x) for kind in (Current, Conductance, VoltageClamp) for n in ports[kind]]
        split = len(ports[Current])
        arrays = (
            c.parent.clip(0), where[:split], where[split:], list(sites.values()),
            c.is_end.nonzero()[0], [c.index(self.watch.section, self.watch.x)],
        )  # fmt: skip
        return operator.Given(
            torch.cat(currents, 1) if currents else empty,
            torch.cat([g for g, _ in opened], 1) if opened else empty,
            torch.cat([ge for _, ge in opened], 1) if opened else empty,
            diagonal.to(dtype), axial.to(dtype),
            state.v.reshape(-1, lanes), state.low.reshape(-1, lanes), state.above.reshape(lanes),
            list(state.membrane.reshape(-1, lanes).split(counts)) if counts else [], params,
            [torch.as_tensor(c.area[at], dtype=dtype) for at in nodes],
            [torch.as_tensor(at, dtype=torch.int32) for at in nodes],
            [torch.as_tensor(x, dtype=torch.int32) for x in arrays],
            Plan(plan.regions, plan.celsius, plan.ca_outside, plan.records, lanewise).text,
            every, self.dt, self.threshold,
        )  # fmt: skip

    def _passive_rows(self, values: dict[str, Tensor], batch: int) -> tuple[Tensor, Tensor, bool]:
        """Capacitance over dt and axial conductances of each node, and that to its parent: (nodes), or (nodes, lanes)."""
        c = self.compartments
        at = torch.as_tensor([self.kinds.index(kind) for kind in c.kind])
        rows = {}
        for name in ("c_mem", "Ra"):
            of = torch.stack(torch.broadcast_tensors(*(values[f"{name}.{kind}"].double() for kind in self.kinds)))
            rows[name] = of[at].flatten(1) if of.dim() > 1 else of[at]
        lanewise = any(x.dim() > 1 for x in rows.values())
        if lanewise:
            n = math.prod(self.shape)
            rows = {k: (x if x.dim() > 1 else x[:, None]).expand(-1, n) for k, x in rows.items()}
            rows = {k: x[:, None].expand(-1, batch, -1).reshape(len(at), -1) for k, x in rows.items()}
        column = (-1, 1) if lanewise else (-1,)
        resistance = torch.as_tensor(c.axial).view(column) * rows["Ra"] * 0.01
        first = torch.arange(len(at)).view(column) == 0
        axial = torch.where(first, 0.0, 1.0 / torch.where(first, 1.0, resistance))
        own = FARADS * torch.as_tensor(c.area).view(column) * rows["c_mem"] / self.dt + axial
        return own.index_add(0, torch.as_tensor(c.parent).clamp(min=0), axial), axial, lanewise

    def _diverged(self, given: dict[str, Tensor], state: CellState) -> Diverged:
        """The error for potentials that are not finite: it runs again, in smaller and smaller pieces."""
        steps, start = next(iter(given.values())).shape[0], 0
        with torch.no_grad():
            for piece in (steps, 1000, 30, 1):
                while start < steps:
                    part = {name: x[start : start + piece] for name, x in given.items()}
                    _, after = self(part, state, check_finite=False)
                    if not bool(torch.isfinite(after.v).all()):
                        break
                    state, start = after, start + piece
        bad = (~torch.isfinite(after.v)).nonzero()[0].tolist()
        c, node = self.compartments, bad[0]
        where = f"{c.sections[c.section[node]].name}({c.x[node]:.3g})"
        which = f", sample {bad[1]}" + (f", cell {bad[2:]}" if self.shape else "")
        given_text = f"v = {float(after.v[tuple(bad)])} mV at {where}{which} after step {start} ({start * self.dt:g} ms)"
        return Diverged(repr(self), given_text, "potentials that stay finite", "look at its parameters and the stimulus")

    def __repr__(self) -> str:
        held = "; ".join(f"{kind}: {', '.join(held)}" for kind, held in self.channels.items() if len(held))
        shape = f"{', '.join(map(str, self.shape))}, " if self.shape else ""
        return f"Cell({shape}{self.compartments}, {held}, dt={self.dt})"


KINDS = ("soma", "axon", "dend", "apic")


def _double(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.double() for name, x in values.items()}


def _inputs(m: Any, v: Tensor, ca: Any) -> Any:
    return v if m.Input is None else m.Input(*(v if name == "v" else ca for name in m.entries))


def _three(name: str) -> tuple[str, str, str]:
    parts = name.split(".")
    if len(parts) != 3:
        raise ParameterError("Cell", f"scale of {name!r}", "kind.channel.parameter", '"apic.Ih.gbar", say')
    return parts[0], parts[1], parts[2]


def _positive(name: str, value: Any, unit: str) -> float:
    if not is_number(value, above=0):
        raise ParameterError("Cell", f"{name} = {value!r}", f"a finite number > 0 in {unit}", f"{name}=0.025, say")
    return float(value)


def _finite(name: str, value: Any) -> float:
    if not is_number(value):
        raise ParameterError("Cell", f"{name} = {value!r}", "a finite number", "")
    return float(value)


__all__ = ["Cell", "CellState"]
