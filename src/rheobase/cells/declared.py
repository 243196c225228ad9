"""What a cell itself declares (membrane, cable, step, size), and warnings for values that no published cell has.

Such a value is mostly given in a wrong unit. Parameters without a declared range have the range of their unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from rheobase.cells.implausible import CALLER, FARTHEST, VOLTS
from rheobase.cells.insertion import follows_pool
from rheobase.cells.plan import GAP
from rheobase.cells.ports import Conductance, VoltageClamp
from rheobase.channels.channel import Channel, Pool
from rheobase.core.declaration.words import ParamSpec
from rheobase.errors import ImplausibleWarning

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell

# by unit, the range of a parameter that declares none of its own
USUAL = {
    # a node of Ranvier has some 1e3 sodium channels of 20 pS in a um2, 2 S/cm2, and models of it have 3 (McIntyre,
    # Richardson & Grill 2002, doi 10.1152/jn.00353.2001)
    "S/cm2": (0.0, 10.0),
    # from the activation of sodium at body temperature to what lasts a quarter of an hour
    "ms": (0.01, 1e6),
    # a gate that moves within a microsecond is faster than the pore of any channel opens
    "1/ms": (0.0, 1e3),
    # a synapse opens 0.1 to some 10 nS, and so does a gap junction; the calyx of Held, up to 0.4 uS, gets a warning
    "uS": (0.0, 0.1),
    "mV": (-FARTHEST, FARTHEST),
}
OTHERWISE = {
    "S/cm2": "1 mS/cm2 is 1e-3 S/cm2, 1 pS/um2 is 1e-4 S/cm2",
    "ms": "1 s is 1000 ms",
    "1/ms": "1 per second is 1e-3/ms",
    "uS": "1 nS is 1e-3 uS",
    "mV": "1 V is 1000 mV",
    "mM": "1 uM is 1e-3 mM",
    "uF/cm2": "0.01 F/m2 is 1 uF/cm2",
    "ohm cm": "1 ohm m is 100 ohm cm",
    "um": "1 mm is 1000 um, 1 nm is 1e-3 um",
    "um2": "lengths and diameters are in um, 1 mm is 1000 um, 1 nm is 1e-3 um",
    "1": "5 % is 0.05",
}
BARE = {
    # a bilayer of lipids has 0.5 to 1; with spines that are not drawn ten times that; myelin 0.02 at least
    "c_mem": ParamSpec(1.0, "uF/cm2", "specific capacitance", positive=True, name="c_mem", usual=(0.02, 30.0)),
    # sea water has 20, cytoplasm 30 to 500
    "Ra": ParamSpec(100.0, "ohm cm", "axial resistivity", positive=True, name="Ra", usual=(10.0, 5e3)),
}
SPECS = {**BARE, GAP: ParamSpec(1e-3, "uS", "conductance of the gap junctions", positive=True, name=GAP)}
# declarations of what is no parameter of a mechanism. A published interneuron under 0.2 nA (500 ms, backward Euler)
# fires 37 spikes, but 35 at a step of 0.1 ms, 32 at 0.25 and 22 at 1 ms; and no gate needs less than a microsecond
STEP = ParamSpec(0.025, "ms", "time step", positive=True, name="dt", usual=(5e-4, 10.0))
STEP_OF_GATES = ParamSpec(0.025, "ms", "time step of cells with gates", positive=True, name="dt", usual=(5e-4, 0.25))
COARSE = "a spike lasts 1 ms: steps of 0.1 ms at most"
OUTSIDE = ParamSpec(2.0, "mM", "calcium outside", positive=True, name="ca_outside", usual=(0.01, 100.0))
# from less than the body of a granule cell to a giant axon of squid
AREA = ParamSpec(1e3, "um2", "membrane of the whole cell", name="area", usual=(10.0, 1e8))
# two membranes touch below 0.02 um; a giant axon has 1000
DIAMETER = ParamSpec(1.0, "um", "diameter of a section", name="diameter", usual=(0.02, 2e3))
POTENTIAL = ParamSpec(-65.0, "mV", "potential of an electrode or a battery", name="v", usual=(-FARTHEST, FARTHEST))
# all synapses of a cell at once open some 0.1
OPENED = ParamSpec(0.0, "uS", "conductance that is given", name="conductance", usual=(-1.0, 1.0))


class Unusual(NamedTuple):
    """A value that no published cell has."""

    name: str
    spec: ParamSpec
    value: float
    many: bool
    usual: tuple[float, float]

    @property
    def otherwise(self) -> str | None:
        """What may have been meant."""
        return COARSE if self.spec is STEP_OF_GATES and self.value > self.usual[1] else OTHERWISE.get(self.spec.unit)

    def __str__(self) -> str:
        (low, high), unit = self.usual, "" if self.spec.unit == "1" else f" {self.spec.unit}"
        bounds = f"{low:g} to {high:g}{unit}"
        if low <= self.value <= high:
            bounds += f", 0 or {VOLTS:g}{unit} from it at least"
        return f"{self.name} {'reaches' if self.many else '='} {self.value:.4g}{unit} (usual: {bounds})"


def tell_unusual(cell: Cell, given: Mapping[str, Tensor] = MappingProxyType({}), caller: int = CALLER) -> None:
    """Warn of values that no published cell has, among parameters and the inputs `given`; once for each name."""
    with torch.no_grad():
        found = [one for one in _unusual(cell, given) if one.name not in cell.warned]
    if not found:
        return
    cell.warned.update(one.name for one in found)
    hints = "; ".join(dict.fromkeys(one.otherwise for one in found if one.otherwise is not None))
    text = f"{cell!r}: {'; '.join(map(str, found))}; no published cell has that. Look at the units"
    warnings.warn(text + (f": {hints}" if hints else ""), ImplausibleWarning, stacklevel=caller)


def _unusual(cell: Cell, given: Mapping[str, Tensor]) -> Iterator[Unusual]:
    for name, spec, x, learnt in (*_parameters(cell), *_others(cell), *_inputs(cell, given)):
        usual = spec.usual or USUAL.get(spec.unit)
        if usual is None:
            continue
        low, high = map(float, x.detach().aminmax())
        if name in cell.scale:
            ends = [end * float(factor) for end in (low, high) for factor in cell.scale[name].aminmax()]
            low, high = min(ends), max(ends)
        # a learnt potential may cross 0
        in_volts = spec.unit == "mV" and 0.0 < max(high, -low) < VOLTS and not learnt
        if low < usual[0] or high > usual[1] or in_volts:
            value = high if high > usual[1] else low if low < usual[0] else max(low, high, key=abs)
            yield Unusual(name, spec, value, x.numel() > 1, usual)


Named = tuple[str, ParamSpec, Tensor, bool]  # the last: whether it is learnt


def _parameters(cell: Cell) -> Iterator[Named]:
    """All parameters that equations read, by name."""
    for kind, held in cell.channels.items():
        for name, m in held.items():  # type: ignore[operator]
            for key, spec in m.params.items():
                if not (key == "e" and follows_pool(held, m)):  # type: ignore[arg-type]
                    yield f"{kind}.{name}.{key}", spec, m.value(key), key in m.learn
    for name, receptor in cell.receptors.items():
        for key, spec in receptor.params.items():  # type: ignore[union-attr]
            yield f"{name}.{key}", spec, receptor.value(key), key in receptor.learn  # type: ignore[operator]
    for name in BARE:
        for kind in cell.kinds:
            yield f"{name}.{kind}", BARE[name], cell.logs[f"{name}_{kind}"].exp(), name in cell.learn
    if cell.junctions:
        yield GAP, SPECS[GAP], cell.logs[GAP].exp(), GAP in cell.learn


def _others(cell: Cell) -> Iterator[Named]:
    """The step, the calcium outside, and how large the cell is."""
    mechanisms = [m for held in cell.channels.values() for m in held.values()]  # type: ignore[operator]
    gates = any(isinstance(m, Channel) and m.states for m in mechanisms)
    pool = any(isinstance(m, Pool) for m in mechanisms)
    for spec, value in (
        (STEP_OF_GATES if gates else STEP, cell.dt),
        *([(OUTSIDE, cell.ca_outside)] if pool else []),
        (AREA, float(cell.compartments.area.sum())),
        (DIAMETER, cell.compartments.diameter),
    ):
        yield spec.name, spec, torch.as_tensor(value, dtype=torch.float64), False


def _inputs(cell: Cell, given: Mapping[str, Tensor]) -> Iterator[Named]:
    """Inputs of electrodes and conductances, and reversal potentials of conductances."""
    for name, port in cell.ports.items():
        if isinstance(port, Conductance):
            yield f"e of {name}", POTENTIAL, torch.as_tensor(port.e, dtype=torch.float64), False
        if name in given and isinstance(port, VoltageClamp | Conductance):
            yield name, OPENED if isinstance(port, Conductance) else POTENTIAL, given[name], False


__all__ = ["BARE", "SPECS", "tell_unusual"]
