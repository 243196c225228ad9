"""What a network on a chip does and takes: the certificate, its cores, and its bill."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from rheobase.chip.plans import Done, Mapped, Plan
from rheobase.chip.samples import Tally
from rheobase.energy import Span, chips
from rheobase.energy.tables import joules, ranged


@dataclass(frozen=True)
class Report:
    """A deployment in numbers. Counts are means over samples; without samples, there are none.

    cores              of each layer, and of the splitters in front of it
    latency            ticks from a step of the input to the output of the same step
    exact_ticks        steps for which chip and network agree on any input; beyond, a potential may leave its range
    of_cores           number of cores of the whole chip; its power at rest is divided by it
    software           the layers that stay off the chip
    samples, ticks     how many were run, each so long (with the latency)
    same_spikes        samples of which all spikes that leave the chip are those of the network, tick by tick
    same_predictions   samples with the same prediction: by default the output that spikes most (the first of several)
    predicted, wanted  the predictions with the chip and without, (samples,)
    spikes, synaptic_events, hops   of a sample; `given`, `host`: spikes to and from the chip
    bill               joules of a sample (`energy.chips`), with these hops
    plain              predictions of the float network that was converted, (samples,); None if there was none
    changes            how its layers changed (`loihi.Report`), on the first 500 samples at most
    silent             samples in which no spike leaves the chip, whose agreement therefore means little
    """

    cores: dict[str, int]
    latency: int
    exact_ticks: float
    of_cores: int
    software: tuple[str, ...] = ()
    samples: int = 0
    ticks: int = 0
    same_spikes: int = 0
    same_predictions: int = 0
    spikes: float = 0.0
    synaptic_events: float = 0.0
    hops: float = 0.0
    given: float = 0.0
    host: float = 0.0
    bill: chips.Bill | None = None
    predicted: Tensor | None = field(default=None, repr=False, compare=False)
    wanted: Tensor | None = field(default=None, repr=False, compare=False)
    plain: Tensor | None = field(default=None, repr=False, compare=False)
    changes: Any = field(default=None, repr=False, compare=False)
    silent: int = 0

    @property
    def n_cores(self) -> int:
        """All cores in use."""
        return sum(self.cores.values())

    @property
    def seconds(self) -> float:
        """From the first spike of a sample to its last output, at a tick of 1 ms (what the bill is for)."""
        return 0.0 if self.bill is None else self.bill.seconds

    @property
    def own_energy(self) -> Span | None:
        """Joules of a sample without the power of a chip at rest: events, hops, spikes to the edge."""
        return None if self.bill is None else self.bill.own

    @property
    def shared_energy(self) -> Span | None:
        """Joules of a sample where the cores that are not used do something else: the share of the power at rest."""
        return None if self.bill is None else self.bill.shared(self.n_cores / self.of_cores)

    @property
    def same_as_plain(self) -> int | None:
        """Samples whose prediction on the chip is that of the float network; None where there was none."""
        return None if self.plain is None else int((self.plain == self.predicted).sum())

    def as_json(self) -> dict[str, Any]:
        """All numbers; an `exact_ticks` without end is None. Of predictions, how many are the same."""
        left_out = ("bill", "predicted", "wanted", "plain", "changes")
        own = {name: value for name, value in vars(self).items() if name not in left_out}
        own |= {"software": list(self.software), "n_cores": self.n_cores}
        exact = None if math.isinf(self.exact_ticks) else int(self.exact_ticks)
        if self.changes is not None:
            own["layers"] = [vars(layer) for layer in self.changes.layers]
            own["same_as_plain"] = self.same_as_plain
        return own | {"exact_ticks": exact, "bill": None if self.bill is None else self.bill.as_json()}

    def __str__(self) -> str:
        exact = "any number of" if math.isinf(self.exact_ticks) else f"{int(self.exact_ticks):,}"
        lines = [
            f"{self.n_cores} cores: " + ", ".join(f"{n} for {name}" for name, n in self.cores.items()),
            f"latency {self.latency} tick{'s' * (self.latency != 1)}; exact on any input for {exact} steps",
        ]
        if self.software:
            lines.append("in software: " + ", ".join(self.software))
        if self.bill is None:
            return "\n".join([*lines, "not run: give samples x for the certificate and the bill"])
        if self.changes is not None:
            lines += str(self.changes).splitlines()
            lines.append(f"same predictions as in full precision: {self.same_as_plain} of {self.samples} samples")
        lines += [
            f"same output spikes, tick by tick: {self.same_spikes} of {self.samples} samples",
            f"same predictions: {self.same_predictions} of {self.samples} samples",
            *([f"no spike leaves the chip in {self.silent} of {self.samples} samples"] if self.silent else []),
            f"a sample: {self.ticks} ticks, {self.spikes:.4g} spikes, {self.synaptic_events:.4g} synaptic events, "
            f"{self.hops:.4g} hops, {self.given:.4g} spikes in, {self.host:.4g} out",
        ]
        parts = [(f"  {name}", part) for name, part in self.bill.parts.items()]
        rows = [(f"energy, {self.bill.chip}", self.bill.total), *parts]
        return "\n".join([*lines, *(f"{name}: {joules(s.nominal)} ({ranged(s)})" for name, s in rows)])


def report_of(plan: Plan, found: Mapped, seen: Tally, *, software: tuple[str, ...] = ()) -> Report:
    """The report on the samples that chip and network ran."""
    counts, samples = seen.counts, len(seen.predicted)
    sent, events, axons, hops, host = (
        float(each.mean())
        for each in (counts.spikes, counts.synaptic_events, counts.active_axons, counts.hops, counts.host)
    )
    into, ticks = seen.given / samples, seen.steps + found.latency
    bill = plan.bill(Done(ticks, sent, events, axons, hops, into, host), found.net)
    return Report(
        found.cores,
        found.latency,
        plan.exact_ticks,
        plan.of_cores,
        software,
        samples,
        ticks,
        seen.same,
        int((seen.predicted == seen.wanted).sum()),
        sent,
        events,
        hops,
        into,
        host,
        bill,
        seen.predicted,
        seen.wanted,
        silent=int((counts.host == 0).sum()),
    )
