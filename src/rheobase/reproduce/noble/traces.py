"""The data of this paper: traces of the 60 published models, by the solver of `rheobase.cells`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.data.sets.mnist import data_root
from rheobase.errors import ParameterError, nearest
from rheobase.jobs.store import key
from rheobase.operator import AllenModels, Codes, Protocol, Samples, Split, Traces, generate, load, windows
from rheobase.operator.models import FEATURES
from rheobase.reproduce.job import Job

FOLDER = "pvalb_689331391"
CODES = ("s_thr, I_thr", "conductances")


@dataclass(frozen=True)
class Family:
    """The models, their traces and how they are told apart."""

    models: AllenModels
    protocol: Protocol
    training: tuple[int, ...]
    held_out: tuple[int, ...]
    train: Traces
    validation: Traces
    test: Traces

    def code(self, kind: str) -> tuple[Codes, Tensor]:
        """The scaling of a code, by the training models alone, and the features of all models."""
        if kind not in CODES:
            raise ParameterError("noble", f"code {kind!r}", "the name of a code", nearest(kind, CODES))
        names, features = (FEATURES, self.models.thresholds()) if kind == CODES[0] else self.models.conductances()
        return Codes.of(names, features[list(self.training)]), features

    def parts(self) -> dict[str, Traces]:
        """The test traces of models that were trained on, and of the others; their amplitudes are new in both."""
        held = torch.isin(self.test.model, torch.tensor(self.held_out))
        return {"unseen amplitudes": self.test.of(~held), "unseen models": self.test.of(held)}

    def windows(self, traces: Traces, features: Tensor) -> Samples:
        """The windows of the test, 15 ms before the step as published."""
        return windows(traces, features, self.protocol)


def family(job: Job) -> Family:
    """Make what is not there yet, in the folder of the job, and read it."""
    settings: dict[str, Any] = {**job["protocol"], "amplitudes": tuple(job["protocol"]["amplitudes"])}
    protocol = Protocol(**settings)
    models = AllenModels.published(data_root(FOLDER, job.data) / FOLDER)
    held_out = tuple(job["held_out"])
    training = tuple(k for k in range(len(models.names)) if k not in held_out)[: job["models"]]
    train = Split(models=training, chunks=job["chunks"], stimuli=job["stimuli"])
    splits = {
        "train": train,
        # one chunk more of the same, to choose the checkpoint by
        "validation": Split(models=training, chunks=1, stimuli=job["validation"]),
        "test": Split(models=(*training, *held_out), chunks=1, stimuli=job["tested"], shared=True),
    }
    # a folder for each kind of data set, which another setting of a training leaves as it is
    made = {"protocol": protocol.as_json(), "splits": {k: [v.models, v.stimuli] for k, v in splits.items()}}
    folder = job.folder(f"traces-{key({**made, 'seed': job.seed})}")
    bar = job.bar("traces, in chunks")
    generate(folder, models, splits, protocol, seed=job.seed, progress=bar)
    chunks = {"train": job["chunks"], "validation": 1, "test": 1}
    found = {name: load(folder, name, chunks=n) for name, n in chunks.items()}
    return Family(models, protocol, training, held_out, found["train"], found["validation"], found["test"])
