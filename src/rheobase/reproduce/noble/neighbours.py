"""What a stand-in that knows mixed models has to beat: the nearest model, simulated, of few and of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase.jobs.store import key
from rheobase.operator import Codes, Split, Traces, generate, load, nearest_model, never_firing
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import Prediction, figures
from rheobase.reproduce.noble.stand_ins import intervals
from rheobase.reproduce.noble.traces import RESPONSE, Between, Family, data_of

SILENT, NEAR, NEAREST = "never fires", "nearest training model", "nearest of all models"


def floor(job: Job, on: Family, between: Between) -> Mapping[str, Any]:
    """A unit: the figures of these three predictions in each part of the test; near is by the responses to steps."""

    def work() -> dict[str, Any]:
        codes, features = on.code(RESPONSE)
        known = list(on.training)
        both = [*known, *between.steps.model.unique().tolist()]
        training, found = on.windows(on.train, features), dict[str, Any]()
        for part, traces in on.parts().items():
            truth = on.windows(traces, features)
            silent = never_firing(training, on.train.amplitude, traces.amplitude)
            none = torch.full((len(traces), 1), torch.inf)
            found[f"{SILENT}, {part}"] = figures(Prediction(silent, none), truth, on, shaped=False)
            for name, among in ((NEAR, known), (NEAREST, both)):
                near = _simulated(job, on, between, traces, features, codes, among)
                shown = on.windows(near, features)
                found[f"{name}, {part}"] = figures(Prediction(shown.v, shown.trains), truth, on)
                found[f"intervals, {name}, {part}"] = intervals(shown.trains).numpy()
            found[f"intervals, cell, {part}"] = intervals(truth.trains).numpy()
        return found

    return job.unit("neighbours", work, data=data_of(job))


def _simulated(
    job: Job, on: Family, between: Between, traces: Traces, features: Tensor, codes: Codes, among: list[int]
) -> Traces:
    """For each trace that of the nearest other model, under the same current."""
    asked = traces.model.unique().tolist()
    near = {model: nearest_model(features, model, among, codes) for model in asked}
    pool = on.test
    new = tuple(sorted(set(near.values()) - set(pool.model.tolist())))
    if new:
        # the amplitudes of a test follow from the name of its split, its number of stimuli and the seed
        split = Split(models=new, chunks=1, stimuli=job["tested"], shared=True)
        folder = job.shared(f"nearest-{key({'models': new, 'data': data_of(job), 'seed': job.seed})}")
        generate(folder, between.models, {"test": split}, on.protocol, seed=job.seed)
        pool = Traces.together([pool, load(folder, "test", protocol=on.protocol)])
    which = [
        int(((pool.model == near[model]) & (pool.amplitude == amplitude)).nonzero()[0, 0])
        for model, amplitude in zip(traces.model.tolist(), traces.amplitude.tolist(), strict=True)
    ]
    return pool.of(torch.tensor(which))


__all__ = ["NEAR", "NEAREST", "SILENT", "floor"]
