"""(a) Random networks in discrete time whose arithmetic is exact: copies against neurons, and one copy too few."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.equivalence import exact_steps, margins, most_spikes, to_single_spike
from rheobase.equivalence.discrete import trains
from rheobase.plot import Table
from rheobase.reproduce.equivalence.networks import Choice, exact_sequence, made
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds

COLUMNS = ("network", "delays", "reset, w = threshold", "decay", "exact steps", "networks", "most spikes", "compared",
           "mismatches", "smallest margin", "neurons x")  # fmt: skip
FEWER = (
    "network",
    "delays",
    "reset, w = threshold",
    "decay",
    "samples",
    "with a neuron that needs every copy",
    "that differ",
    "first by the spike that is missing",
)


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    lost: list[tuple[Any, ...]] = []
    kept = Seeds()
    choices = [
        Choice(kind, leaks, decay, delays)
        for kind in job["kinds"]
        for leaks, decay in job["resets"]
        for delays in (False, True)
    ]
    for choice in job.track(choices, "random networks"):
        words = ("leaks" if choice.leaks else "stays", "delays" if choice.delays else "none")
        name = f"{choice.kind}-{choice.decay:g}-{'-'.join(words)}"
        shared = {setting: job[setting] for setting in ("longest", "samples", "seeds")}
        got = job.unit(name, lambda choice=choice: {"seeds": _measured(job, choice)}, **vars(choice), **shared)["seeds"]
        about = (choice.kind, "yes" if choice.delays else "no", choice.reset, choice.decay)
        for seed, one in zip(job["seeds"], got, strict=True):
            kept.put({**dict(zip(COLUMNS, about, strict=False)), "seed": seed, **one})
        whole = {name: sum(one[name] for one in got) for name in SUMS}
        rows.append(
            (
                *about,
                min(one["steps"] for one in got),
                len(got),
                max(one["most"] for one in got),
                whole["compared"],
                whole["mismatches"],
                min(one["margin"] for one in got),
                statistics.fmean(one["factor"] for one in got),
            )
        )
        lost.append((*about, *(whole[name] for name in ("samples", "reach", "differ", "predicted"))))
    note = (
        "Double precision, weights on a grid of 2^-10, three layers, as many steps as no sum and no potential is "
        "rounded in (checked). A smallest margin of 0 is a potential that meets its threshold exactly."
    )
    counts = [sum(row[k] for row in rows) for k in (7, 8)] + [sum(row[k] for row in lost) for k in (5, 6, 7)]
    return Finding(
        said(*counts),
        tables=[Table("Copies against neurons", COLUMNS, rows, note), Table("One copy too few", FEWER, lost)],
        seeds=kept.table(),
    )


def said(compared: int, wrong: int, reach: int, differ: int, predicted: int) -> str:
    """What was counted: all of it, and with one copy less than needed.

    >>> said(1000, 0, 12, 12, 12).partition(". ")[2].partition(";")[0]
    'With one copy less than needed, 12 of the 12 samples that need every copy differ'
    """
    fewer = (
        f"{differ:,} of the {reach:,} samples that need every copy differ"
        if differ <= reach
        else f"{differ:,} samples differ, and {reach:,} need every copy"
    )
    return (
        f"{compared:,} spikes or silences of single neurons in single steps were compared, {wrong:,} differ. With one "
        f"copy less than needed, {fewer}; in {predicted:,} the first difference is the spike that is missing."
    )


SUMS = ("compared", "mismatches", "samples", "reach", "differ", "predicted")


@torch.no_grad()
def _measured(job: Job, choice: Choice) -> list[dict[str, Any]]:
    """What each random network of a choice gave."""
    return [_of_seed(job, choice, 1000 * job.seed + seed) for seed in job["seeds"]]


def _of_seed(job: Job, choice: Choice, seed: int) -> dict[str, Any]:
    net = made(choice, seed)
    x = exact_sequence(net, choice, job["longest"], job["samples"], seed)
    one, certificate = to_single_spike(net, inputs=x)
    needed = most_spikes(net, x)
    layer = max(range(len(needed)), key=lambda k: needed[k])
    fewer, _ = to_single_spike(net, max_spikes=[max(1, k - (j == layer)) for j, k in enumerate(needed)])
    before, after, lost = trains(net, x), trains(one, x), trains(fewer, x)
    counted = {"reach": 0, "differ": 0, "predicted": 0}
    if needed[layer] > 1:
        counted = first_differences(before, lost, layer, needed[layer])
    return {
        "compared": sum(train.numel() for train in before),
        "mismatches": sum(int((a != b).sum()) for a, b in zip(before, after, strict=True)),
        "most": max(needed),
        "steps": min(len(x), exact_steps(net, x)),
        "margin": margins(net, x),
        "samples": job["samples"],
        **counted,
        "factor": certificate.neuron_factor,
    }


def first_differences(before: Sequence[Tensor], after: Sequence[Tensor], layer: int, k: int) -> dict[str, int]:
    """Samples in which a neuron of `layer` spikes k times, those that differ, and those that first do by that spike.

    Shapes: for each layer, trains (time, samples, *shape).
    """
    wrong = torch.stack([(a != b).flatten(2).any(2) for a, b in zip(before, after, strict=True)])
    reach = before[layer].sum(0).flatten(1).amax(1) >= k
    predicted = 0
    for sample in wrong.any(0).any(0).nonzero()[:, 0].tolist():
        t = int(wrong[:, :, sample].any(0).to(torch.int8).argmax())
        first = int(wrong[:, t, sample].nonzero()[0])
        a, b = (train[first][:, sample].flatten(1) for train in (before, after))
        at = (a[t] != b[t]).nonzero()[:, 0]
        missing = bool((a[t, at] > b[t, at]).all()) and bool((a[: t + 1, at].sum(0) == k).all())
        predicted += first == layer and missing
    return {"reach": int(reach.sum()), "differ": int(wrong.any(0).any(0).sum()), "predicted": predicted}


PART = Part(
    "discrete",
    "Discrete time, exact arithmetic",
    "random feedforward, recurrent and convolutional networks, both resets, delays",
    run,
    settings={
        "kinds": ["feedforward", "recurrent", "convolutional"],
        "longest": 45,
        "samples": 32,
        "seeds": [0, 1, 2],
        "resets": [[True, 0.5], [False, 0.5], [True, 0.75], [False, 0.75], [True, 1.0]],
    },
    quick={"samples": 4, "seeds": [0], "longest": 20},
    revision=2,
)
