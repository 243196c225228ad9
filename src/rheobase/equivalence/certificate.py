"""The certificate of a conversion: its cost, the conditions under which it is exact, and the margin to them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a conversion between single- and multi-spike networks cost, and what makes it exact.

    construction      its name, in a few words
    max_spikes        for each spiking layer, the spikes of a neuron that it provides for
    neurons_*         neurons that spike, before and after; readouts do not count
    neurons_bound     neurons that the theorem allows: the largest `max_spikes` times those before
    synapses_*        weights, a shared one counted once, and synapses within a group of copies, before and after
    conditions        what must hold for equal spikes, as sentences; each was checked unless it states otherwise
    margin            smallest |v - v_threshold| of a neuron that may fire, on the given inputs; None without inputs
    compared          (neuron, step, sample) triples whose spikes were compared on the given inputs
    mismatches        those that differ; None without inputs

    >>> one = Certificate(
    ...     construction="gated copies",
    ...     max_spikes=(2,),
    ...     neurons_before=3,
    ...     neurons_after=6,
    ...     neurons_bound=6,
    ...     synapses_before=12,
    ...     synapses_after=27,
    ...     conditions=("no neuron spikes more than 2 times",),
    ... )
    >>> one.neuron_factor, one.as_json()["synapses_after"]
    (2.0, 27)
    """

    construction: str
    max_spikes: tuple[int, ...]
    neurons_before: int
    neurons_after: int
    neurons_bound: int
    synapses_before: int
    synapses_after: int
    conditions: tuple[str, ...]
    margin: float | None = None
    compared: int = 0
    mismatches: int | None = None

    @property
    def neuron_factor(self) -> float:
        """Neurons after for each one before."""
        return self.neurons_after / max(self.neurons_before, 1)

    @property
    def synapse_factor(self) -> float:
        """Synapses after for each one before."""
        return self.synapses_after / max(self.synapses_before, 1)

    def rows(self) -> dict[str, str]:
        """Names and values as text, for display."""
        found = {
            "construction": self.construction,
            "spikes provided for": ", ".join(map(str, self.max_spikes)),
            "neurons": f"{self.neurons_before:,} -> {self.neurons_after:,} (bound {self.neurons_bound:,})",
            "synapses": f"{self.synapses_before:,} -> {self.synapses_after:,}",
            "smallest |v - v_threshold|": "not measured" if self.margin is None else f"{self.margin:.3g}",
            "mismatches": "not compared" if self.mismatches is None else f"{self.mismatches:,} of {self.compared:,}",
        }
        return found | {f"condition {k}": text for k, text in enumerate(self.conditions, start=1)}

    def as_json(self) -> dict[str, Any]:
        """All fields as values of JSON."""
        return {**asdict(self), "max_spikes": list(self.max_spikes), "conditions": list(self.conditions)}

    def __str__(self) -> str:
        rows = self.rows()
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
