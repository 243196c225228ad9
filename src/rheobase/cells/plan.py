"""What a kernel of a cell is made of, as text: which mechanisms stand in which region, and what varies of them.

A plan says nothing of the tree, of values or of lanes: cells of any shape that have the same plan share a kernel.
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rheobase.channels.channel import Channel, Membrane, Pool
from rheobase.errors import ParameterError
from rheobase.synapses.receptor import Receptor

GAP = "g_gap"  # the row of the conductances of gap junctions
JUNCTIONS, ENDS = "junctions", ("gap:a", "gap:b")  # how many there are, and the arrays of their nodes


@dataclass(frozen=True)
class Placed:
    """A mechanism in a region. Its parameters are numbers of the kernel (`constants`) or rows: one value for all, or
    one for each compartment, each lane, or both.
    """

    origin: str  # module:class
    constants: Mapping[str, float]
    rows: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # (along compartments, along lanes)
    made: int = 0  # tells its class from one of the same name that was there before, in a notebook say

    @classmethod
    def of(
        cls, mechanism: Membrane | Receptor, constants: Mapping[str, float], rows: Mapping[str, tuple[bool, bool]]
    ) -> Placed:
        """Raises: `ParameterError` for a class that its module does not have, or no longer has."""
        kind = type(mechanism)
        origin = f"{kind.__module__}:{kind.__qualname__}"
        if _named(origin) is not kind:
            given = f"an instance of {origin}, which there is not or is now another class"
            remedy = "write the class at the top of a file, and make its instances again after a change"
            raise ParameterError("Cell", given, "a class that its module has", remedy)
        return cls(origin, constants, rows, id(kind))

    @property
    def name(self) -> str:
        return self.origin.rpartition(":")[2].rpartition(".")[2]

    @functools.cached_property
    def mechanism(self) -> Any:
        return _named(self.origin)()


def _named(origin: str) -> Any:
    """The class of that origin; None where there is none."""
    module, _, name = origin.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


@dataclass(frozen=True)
class Region:
    """Compartments that have the same mechanisms."""

    name: str
    placed: tuple[Placed, ...]

    @functools.cached_property
    def pool(self) -> Placed | None:
        """What holds the calcium, if something does."""
        return next((p for p in self.placed if isinstance(p.mechanism, Pool)), None)

    @functools.cached_property
    def channels(self) -> list[Placed]:
        """What a current flows through."""
        return [p for p in self.placed if isinstance(p.mechanism, Channel)]

    @functools.cached_property
    def moving(self) -> list[Placed]:
        """What has states, the pool first."""
        held = [p for p in self.placed if p.mechanism.lane_states]
        return sorted(held, key=lambda p: p is not self.pool)

    @functools.cached_property
    def states(self) -> tuple[str, ...]:
        """The rows that go from step to step: `soma.NaV.O`."""
        return tuple(f"{self.name}.{p.name}.{k}" for p in self.placed for k in p.mechanism.lane_states)

    @property
    def flow(self) -> str:
        """The row of the calcium current, which a step computes for its pool."""
        return f"{self.name}.i_ca"

    @functools.cached_property
    def rows(self) -> dict[str, tuple[bool, bool]]:
        """The parameters that are rows: `soma.NaV.gbar`."""
        return {f"{self.name}.{p.name}.{k}": kind for p in self.placed for k, kind in p.rows.items()}


@dataclass(frozen=True)
class Group:
    """Synapses with one receptor, as many as there are places: an input of the cell."""

    name: str
    placed: Placed

    @functools.cached_property
    def states(self) -> tuple[str, ...]:
        """The rows that go from step to step: `exc.g`."""
        return tuple(f"{self.name}.{k}" for k in self.placed.mechanism.lane_states)

    @functools.cached_property
    def rows(self) -> dict[str, tuple[bool, bool]]:
        """The parameters: `exc.weight`."""
        return {f"{self.name}.{k}": kind for k, kind in self.placed.rows.items()}


@dataclass(frozen=True)
class Plan:
    """All that a kernel knows of a cell."""

    regions: tuple[Region, ...]
    celsius: float
    ca_outside: float
    groups: tuple[Group, ...] = ()
    gap: tuple[bool, bool] | None = None  # the row of the gap junctions, where there are some
    records: tuple[str, ...] = ()  # states that are kept
    lanewise: bool = False  # capacitance and axial conductance differ between lanes
    order: int = 1  # of the scheme, and so many chains has a step (`schemes.py`)

    @functools.cached_property
    def text(self) -> str:
        return json.dumps(asdict(self))

    @functools.cached_property
    def states(self) -> dict[str, str]:
        """All states, each with its region or group."""
        return {key: each.name for each in (*self.regions, *self.groups) for key in each.states}

    @functools.cached_property
    def rows(self) -> dict[str, tuple[bool, bool]]:
        """All parameters that are rows."""
        found = {key: kind for each in (*self.regions, *self.groups) for key, kind in each.rows.items()}
        return found if self.gap is None else {**found, GAP: self.gap}

    @functools.cached_property
    def contacts(self) -> dict[str, str]:
        """The arrays of the nodes of synapses and gap junctions, in order, each with the size that is its length."""
        found = {f"at:{group.name}": f"count:{group.name}" for group in self.groups}
        return found if self.gap is None else {**found, **dict.fromkeys(ENDS, JUNCTIONS)}


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Plan:
    """The plan of a text."""
    content = json.loads(text)
    regions = tuple(Region(r["name"], tuple(map(_placed, r["placed"]))) for r in content["regions"])
    groups = tuple(Group(g["name"], _placed(g["placed"])) for g in content["groups"])
    gap = None if content["gap"] is None else (content["gap"][0], content["gap"][1])
    records = tuple(content["records"])
    made = (
        regions,
        content["celsius"],
        content["ca_outside"],
        groups,
        gap,
        records,
        content["lanewise"],
        content["order"],
    )
    return Plan(*made)


def _placed(content: Mapping[str, Any]) -> Placed:
    rows = {k: (v[0], v[1]) for k, v in content["rows"].items()}
    return Placed(content["origin"], content["constants"], rows, content["made"])


__all__ = ["ENDS", "GAP", "JUNCTIONS", "Group", "Placed", "Plan", "Region", "parse"]
