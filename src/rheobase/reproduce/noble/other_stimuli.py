"""Currents that no stand-in here was trained on, through the causal one: ramps, noise, pulses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase import stimuli
from rheobase.learning import trains_of
from rheobase.operator import Protocol, Samples, StandIn, scores
from rheobase.operator.data_set import PIECE, decimated, settled
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.traces import Family, data_of

ONSET = 15.0  # ms


def currents(on: Protocol, seed: int) -> dict[str, stimuli.Stimulus]:
    """In nA, all within the range of amplitudes that is trained, over one window."""
    stop = ONSET + on.duration
    return {
        "ramp up": stimuli.ramp(0.2, start=ONSET, stop=stop),
        "ramp down": stimuli.ramp(0.0, first=0.2, start=ONSET, stop=stop),
        "slow noise": stimuli.noise(0.08, 0.04, tau=20.0, seed=seed),
        "fast noise": stimuli.noise(0.08, 0.06, tau=3.0, seed=seed + 1),
        "two steps": stimuli.step(0.05, start=ONSET, stop=stop)
        + stimuli.step(0.1, start=ONSET + 0.5 * on.duration, stop=stop),
    }


def answered(job: Job, on: Family, models: Sequence[int]) -> Mapping[str, Any]:
    """A unit: potentials (time, models) and spike times of the cell, for each of these currents."""

    def work() -> dict[str, Any]:
        p = on.protocol
        cell, state = settled(on.models.cell(models, p.dt), p)
        found: dict[str, Any] = {}
        for name, stimulus in currents(p, job.seed).items():
            given = _clipped(stimulus.in_steps(p.window * p.keep, p.dt), p)
            at, v, fired = state, list[Tensor](), list[Tensor]()
            with torch.no_grad():
                for piece in given.float().split(PIECE):
                    x = piece[:, None, None].expand(-1, 1, *cell.shape).contiguous()
                    spikes, at, traces = cell(x, at, record=("soma",))
                    v.append(traces["soma"][:, 0])
                    fired.append(spikes[:, 0])
            found[f"v, {name}"] = decimated(torch.cat(v).T, p.keep).T.numpy()
            found[f"trains, {name}"] = trains_of(torch.cat(fired), p.dt).numpy()
        return found

    return job.unit("other-stimuli", work, data=data_of(job))


def tried(
    job: Job, on: Family, cell: Mapping[str, Any], models: Sequence[int], net: StandIn, features: Tensor
) -> list[tuple[Any, ...]]:
    """A row for each current: what it is, and the scores of a trained stand-in on what `answered` has of the models."""
    p = on.protocol
    code, rows = features[list(models)].float(), list[tuple[Any, ...]]()
    for name, stimulus in currents(p, job.seed).items():
        fine = _clipped(stimulus.in_steps(p.window * p.keep, p.dt), p)
        current = fine.view(-1, p.keep).mean(1).float()[:, None].expand(-1, len(code)).contiguous()
        v, trains = torch.as_tensor(cell[f"v, {name}"]), torch.as_tensor(cell[f"trains, {name}"]).double()
        with torch.no_grad():
            spikes, own, _ = net(current[:, None], code, check_range=False)
        truth = Samples(current, code, v.float(), torch.zeros_like(spikes[:, 0]), trains)
        found = scores(own[:, 0], truth, p.sample, trains=trains_of(spikes[:, 0], p.sample))
        count = float(torch.isfinite(trains).sum(1).double().mean())
        rows.append((name, count, found.gamma, found.count, found.subtracted, found.missed, found.invented))
    return rows


COLUMNS = (
    "current",
    "spikes of the cell",
    "Gamma at 4 ms",
    "spike count error (%)",
    "mean-subtracted error (%)",
    "missed",
    "invented",
)


def _clipped(current: Tensor, on: Protocol) -> Tensor:
    return current.clamp(*on.amplitudes)


__all__ = ["COLUMNS", "answered", "tried"]
