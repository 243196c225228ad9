"""Trained once more on steps below 0, with the error of the sag or without, and how far off it then is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase.jobs.store import key
from rheobase.operator import Epoch, Samples, Traces, never_firing, scores
from rheobase.operator.sag import LearnsPotential, sag
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.material import Material
from rheobase.reproduce.noble.stand_ins import again, learned, nearest, predicted, recipe_of
from rheobase.reproduce.noble.traces import Family, data_of
from rheobase.reproduce.record import slug

SEEN, AMPLITUDES, MODELS = "fine-tuning traces", "unseen amplitudes", "unseen models"
BELOW = (SEEN, AMPLITUDES, MODELS)  # of steps below 0
ALL = ("all currents, training models", "all currents, unseen models")
BEFORE, MEAN, NEAR = "before fine-tuning", "mean of near amplitudes", "nearest training model"
SAG, SAG_L2, SAG_MV = "sag error (%)", "sag error, relative L2 (%)", "sag error (mV)"
WHEN = "time of the minimum, error (ms)"
VOLTAGE, SUBTRACTED = "voltage error (%)", "mean-subtracted error (%)"
GAMMA, MISSED = "Gamma at 4 ms", "missed"
EPSILON = 1e-6  # mV, of a relative error, in the paper
SHOWN = -0.1  # nA: the trace that is drawn is the nearest to it


def tuned(
    job: Job,
    name: str,
    on: Family,
    below: Family,
    before: Mapping[str, Any],
    choice: Mapping[str, Any] | None,
    seed: int,
) -> Mapping[str, Any]:
    """A unit: what was trained before, trained once more on steps below 0, and its figures; without a choice as it
    was."""
    network = job["network"]
    told = {"network": network, "tuned": choice, "data": _data(job), "training_seed": seed}

    def work() -> dict[str, Any]:
        net, features = again(on, network, before)
        facts: dict[str, Any] = {"epoch": before["epoch"], "validation": before["validation"], "cpu": before["cpu"]}
        if choice is not None:
            # of these settings alone: what was half done with others is left, and not gone on with
            folder = f"{slug(name)}-seed-{seed}-{key(told)[:8]}"
            history = _learned_again(job, folder, net, below, features, choice, seed)
            best = min(history, key=lambda one: one.validation)
            facts = {"epoch": best.epoch, "validation": best.validation, "cpu": sum(x.cpu_seconds for x in history)}
        found: dict[str, Any] = {}
        for part, (traces, here) in parts(on, below).items():
            truth = here.windows(traces, features)
            v = predicted(net, truth, on.protocol.sample).v
            found[part] = figures(v, truth, here)
            if part == MODELS:
                found["v"] = v[:, chosen(traces)].numpy()
        return {**found, **facts, "parameters": before["parameters"]}

    return job.unit(f"{slug(name)}-tuned-seed-{seed}", work, **told)


def _learned_again(
    job: Job, name: str, net: LearnsPotential, below: Family, features: Tensor, choice: Mapping[str, Any], seed: int
) -> list[Epoch]:
    net.sag_weight = choice["weight"]
    return learned(
        job, name, net, Material(below.train, below.validation, below.train), features, recipe_of(choice, seed)
    )


def parts(on: Family, below: Family) -> dict[str, tuple[Traces, Family]]:
    """Each part of the test, and the family that it is of."""
    here, there = below.parts(), on.parts()
    seen = below.train.of(torch.arange(min(len(below.train), len(here[AMPLITUDES]))))
    return {
        SEEN: (seen, below),
        **{part: (here[part], below) for part in (AMPLITUDES, MODELS)},
        **dict(zip(ALL, ((there[part], on) for part in (AMPLITUDES, MODELS)), strict=True)),
    }


def floor(job: Job, on: Family, below: Family) -> Mapping[str, Any]:
    """A unit: what knows the amplitude alone, and the nearest training model, simulated."""

    def work() -> dict[str, Any]:
        codes, features = on.code(job["network"]["code"])
        found: dict[str, Any] = {}
        for part, (traces, here) in parts(on, below).items():
            if part == SEEN:
                continue  # of which every trace has itself as its nearest
            truth, training = here.windows(traces, features), here.windows(here.train, features)
            mean = never_firing(training, here.train.amplitude, traces.amplitude)
            near = here.windows(nearest(here, traces, features, codes), features).v
            for name, v in ((MEAN, mean), (NEAR, near)):
                found[f"{name}, {part}"] = figures(v, truth, here)
        return found

    return job.unit("floor", work, code=job["network"]["code"], data=_data(job))


def _data(job: Job) -> dict[str, Any]:
    return {**data_of(job), "hyperpolarising": job["hyperpolarising"]}


def figures(v: Tensor, truth: Samples, on: Family) -> dict[str, Any]:
    """Errors of potentials v (time, samples), and of their sag where all currents are below 0.

    The sag is eFEL's: less the true minimum, and not the soft one that was learned by. A potential can have it by
    ripples, so how far off the time of its minimum is stands beside it.
    """
    found = scores(v, truth, on.protocol.sample)
    whole = {VOLTAGE: found.voltage, SUBTRACTED: found.subtracted, "samples": found.samples}
    if on.protocol.amplitudes[1] > 0:
        return {**whole, GAMMA: found.gamma, MISSED: found.missed}
    own, wanted = (sag(x.double(), truth.current, sharpness=math.inf) for x in (v, truth.v))
    apart = (own - wanted).abs()
    lowest, true = (torch.where(truth.current != 0, x, torch.inf).argmin(0).double() for x in (v, truth.v))
    return {
        **whole,
        SAG: 100.0 * float((apart / (wanted + EPSILON)).mean()),
        SAG_L2: 100.0 * float(apart.norm() / wanted.norm()),
        SAG_MV: float(apart.mean()),
        WHEN: on.protocol.sample * float((lowest - true).abs().mean()),
    }


def chosen(traces: Traces) -> int:
    first = torch.where(traces.model == traces.model[0], (traces.amplitude - SHOWN).abs(), torch.inf)
    return int(first.argmin())


__all__ = [
    "ALL",
    "AMPLITUDES",
    "BEFORE",
    "BELOW",
    "GAMMA",
    "MEAN",
    "MISSED",
    "MODELS",
    "NEAR",
    "SAG",
    "SAG_L2",
    "SAG_MV",
    "SEEN",
    "SHOWN",
    "SUBTRACTED",
    "VOLTAGE",
    "WHEN",
    "chosen",
    "figures",
    "floor",
    "tuned",
]
