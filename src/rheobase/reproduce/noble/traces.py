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
# how models are told apart: nothing, the published features, the genome, or each training model by a code of its own
CODES = ("s_thr, I_thr", "conductances", "none", "s_thr", "I_thr", "its own")


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
    fitted: tuple[int, ...] = ()  # training models that point neurons are fitted to, too

    def code(self, kind: str) -> tuple[Codes, Tensor]:
        """The scaling of a code, by the training models alone, and the features of all models."""
        if kind not in CODES:
            raise ParameterError("noble", f"code {kind!r}", "the name of a code", nearest(kind, CODES))
        training = list(self.training)
        if kind == "conductances":
            names, features = self.models.conductances()
        elif kind == "none":
            names, features = ("none",), torch.zeros(len(self.models.names), 1, dtype=torch.float64)
        elif kind == "its own":
            # a model that was not trained has the mean of all codes
            names = tuple(self.models.names[k] for k in training)
            features = torch.full((len(self.models.names), len(training)), 1.0 / len(training), dtype=torch.float64)
            features[training] = torch.eye(len(training), dtype=torch.float64)
        else:
            names = tuple(kind.split(", "))
            features = self.models.thresholds()[:, [FEATURES.index(name) for name in names]]
        return Codes.of(names, features[training]), features

    def parts(self) -> dict[str, Traces]:
        """The test traces of models that were trained on, and of the others; their amplitudes are new in both."""
        held, fitted = (torch.isin(self.test.model, torch.tensor(which)) for which in (self.held_out, self.fitted))
        parts = {"unseen amplitudes": self.test.of(~held), "unseen models": self.test.of(held)}
        return {**parts, **({"fitted models": self.test.of(fitted)} if self.fitted else {})}

    def windows(self, traces: Traces, features: Tensor) -> Samples:
        """The windows of the test, 15 ms before the step as published."""
        return windows(traces, features)


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
    found = {name: load(folder, name, chunks=n, protocol=protocol) for name, n in chunks.items()}
    three = found["train"], found["validation"], found["test"]
    return Family(models, protocol, training, held_out, *three, tuple(job["fitted"]))


def data_of(job: Job) -> dict[str, Any]:
    """The settings of a job that decide the traces, for the identity of a unit."""
    names = ("protocol", "held_out", "models", "chunks", "stimuli", "validation", "tested", "fitted")
    return {name: job[name] for name in names}
