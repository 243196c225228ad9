"""(b) Long runs with real weights and decays: equal wherever no potential comes within rounding of its threshold."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.equivalence import margins, most_spikes, to_single_spike
from rheobase.equivalence.discrete import trains
from rheobase.learning.training.random_state import seeded
from rheobase.plot import Table
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds

COLUMNS = ("network", "steps", "networks", "set aside", "compared", "mismatches", "smallest margin", "most spikes")
INPUTS, SIZES = 8, (10, 8)


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    kept = Seeds()
    for kind in job["kinds"]:
        shared = {name: job[name] for name in ("steps", "samples", "networks", "nearest")}
        got = job.unit(kind, lambda kind=kind: {"networks": _measured(job, kind)}, kind=kind, **shared)["networks"]
        for seed, one in enumerate(got):
            kept.put({"network": kind, "seed": seed, **one})
        used = [one for one in got if not one["aside"]]
        compared, wrong = (sum(one[name] for one in used) for name in ("compared", "mismatches"))
        rows.append(
            (
                kind,
                job["steps"],
                len(got),
                len(got) - len(used),
                compared,
                wrong,
                min((one["margin"] for one in used), default=None),
                max((one["most"] for one in used), default=0),
            )
        )
    aside, compared, wrong = (sum(row[k] for row in rows) for k in (3, 4, 5))
    text = (
        f"{compared:,} compared, {wrong:,} differ; {aside} networks were set aside, in which a potential came within "
        f"{job['nearest']:g} of its threshold."
    )
    note = (
        f"LIF with time constants of 20 ms, real weights, double precision, {job['samples']} samples each. The neurons "
        "run on the fastest backend, their copies on the reference loop: other sums, other rounding."
    )
    return Finding(text, tables=[Table("Long runs in floating point", COLUMNS, rows, note)], seeds=kept.table())


@torch.no_grad()
def _measured(job: Job, kind: str) -> list[dict[str, Any]]:
    """What each random network gave; one that comes near a threshold is set aside."""
    found: list[dict[str, Any]] = []
    for seed in job.track(range(job["networks"]), kind):
        with seeded(1000 * job.seed + seed, torch.device("cpu")):
            net = _made(kind)
            x = torch.rand(job["steps"], job["samples"], INPUTS, dtype=torch.float64) * 2.0
        margin = margins(net, x)
        if margin <= job["nearest"]:
            found.append({"aside": 1, "margin": margin})
            continue
        needed = [max(1, k) for k in most_spikes(net, x)]
        one, _ = to_single_spike(net, max_spikes=needed)
        before = [
            out for layer, out in zip(net.layers, net.outputs(x), strict=True) if not isinstance(layer, torch_nn.Linear)
        ]
        after = trains(one, x)
        found.append(
            {
                "aside": 0,
                "margin": margin,
                "most": max(needed),
                "compared": sum(train.numel() for train in before),
                "mismatches": sum(int((a != b).sum()) for a, b in zip(before, after, strict=True)),
            }
        )
    return found


def _made(kind: str) -> nn.Sequential:
    layers: list[torch_nn.Module] = []
    before = INPUTS
    for size in SIZES:
        linear = torch_nn.Linear(before, size, dtype=torch.float64)
        torch_nn.init.uniform_(linear.weight, -0.3, 0.5 if before == INPUTS else 3.0)
        cells = neurons.LIF(size, dt=1.0)
        layers += [linear, nn.Recurrent(cells) if kind == "recurrent" else cells]
        before = size
    return nn.Sequential(*layers).double()


PART = Part(
    "floating",
    "Discrete time, floating point",
    "long runs with real weights; what came near a threshold is set aside",
    run,
    settings={"kinds": ["feedforward", "recurrent"], "steps": 300, "samples": 8, "networks": 30, "nearest": 1e-9},
    quick={"networks": 2, "samples": 2, "steps": 150},
    revision=2,
)
