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


@dataclass(frozen=True)
class Placed:
    """A mechanism in a region. Its parameters are numbers of the kernel (`constants`) or rows: one value for all, or
    one for each compartment, each lane, or both.
    """

    origin: str  # module:class
    constants: Mapping[str, float]
    rows: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # (along compartments, along lanes)

    @classmethod
    def of(cls, mechanism: Membrane, constants: Mapping[str, float], rows: Mapping[str, tuple[bool, bool]]) -> Placed:
        kind = type(mechanism)
        return cls(f"{kind.__module__}:{kind.__qualname__}", constants, rows)

    @property
    def name(self) -> str:
        return self.origin.rpartition(":")[2].rpartition(".")[2]

    @functools.cached_property
    def mechanism(self) -> Membrane:
        module, _, name = self.origin.partition(":")
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found()


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
class Plan:
    """All that a kernel knows of a cell."""

    regions: tuple[Region, ...]
    celsius: float
    ca_outside: float
    records: tuple[str, ...] = ()  # states that are kept
    lanewise: bool = False  # capacitance and axial conductance differ between lanes
    order: int = 1  # of the scheme, and so many chains has a step (`schemes.py`)

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))

    @functools.cached_property
    def states(self) -> dict[str, str]:
        """All states, each with its region."""
        return {key: region.name for region in self.regions for key in region.states}

    @functools.cached_property
    def rows(self) -> dict[str, tuple[bool, bool]]:
        """All parameters that are rows."""
        return {key: kind for region in self.regions for key, kind in region.rows.items()}


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Plan:
    """The plan of a text."""
    told = json.loads(text)
    regions = tuple(
        Region(r["name"], tuple(Placed(p["origin"], p["constants"], {k: tuple(v) for k, v in p["rows"].items()})
                                for p in r["placed"]))
        for r in told["regions"]
    )  # fmt: skip
    return Plan(regions, told["celsius"], told["ca_outside"], tuple(told["records"]), told["lanewise"], told["order"])


__all__ = ["Placed", "Plan", "Region", "parse"]
