"""The data of this paper: traces of the 60 published models, by the solver of `rheobase.cells`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.data.sets.mnist import data_root
from rheobase.errors import DataError, ParameterError, nearest
from rheobase.jobs.store import key
from rheobase.operator import AllenModels, Codes, Protocol, Samples, Split, Traces, generate, load, windows
from rheobase.operator.currents import VARIED
from rheobase.operator.mixtures import mixed
from rheobase.operator.models import FEATURES
from rheobase.operator.screening import RESPONSES, alike, responses, within
from rheobase.reproduce.job import Job

FOLDER = "pvalb_689331391"
GROUP = 250  # mixed models that are simulated at once
SHORT, CLOSE = 200.0, 5e-4  # ms and nA: of the step by which they are screened, and how near its amplitude is to it
EXACT = 1e-9  # nA: what float32 makes one amplitude
WIDER = 1.0  # of the range of the responses of the training models: mixed models further beyond are left out
# how models are told apart: nothing, the published features, the genome, or each training model by a code of its own
CODES = ("s_thr, I_thr", "conductances", "none", "s_thr", "I_thr", "its own", "responses to steps")
RESPONSE = CODES[-1]
TOLD = ("rest", "delay", "first interval", "mean interval")  # of `RESPONSES`; the rest is that of the first step


@dataclass(frozen=True)
class Between:
    """Models mixed from the training models, numbered behind the published ones, and their traces."""

    models: AllenModels  # the published ones, and these
    steps: Traces
    varied: Traces | None
    validation: Traces
    test: Traces
    told: tuple[tuple[str, ...], Tensor]  # the code "three steps": its names, and (models, features), NaN if not used


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
    between: Between | None = None
    responses: tuple[tuple[str, ...], Tensor] | None = None  # the code of responses, where no models are mixed

    def code(self, kind: str) -> tuple[Codes, Tensor]:
        """The scaling of a code, by the training models alone, and the features of all models, NaN where not known."""
        if kind not in CODES:
            raise ParameterError("noble", f"code {kind!r}", "the name of a code", nearest(kind, CODES))
        training = list(self.training)
        count = len((self.between.models if self.between else self.models).names)
        count = max(count, len(self.responses[1]) if self.responses else 0)
        if kind == "conductances":
            names, features = (self.between.models if self.between else self.models).conductances()
        elif kind == RESPONSE:
            known = self.responses if self.between is None else self.between.told
            if known is None:
                given, remedy = f"code {kind!r} without responses to steps", "give the part the setting mixed"
                raise ParameterError("noble", given, "another code", remedy)
            names, features = known
        elif kind == "none":
            names, features = ("none",), torch.zeros(count, 1, dtype=torch.float64)
        elif kind == "its own":
            # a model that was not trained has the mean of all codes
            names = tuple(self.models.names[k] for k in training)
            features = torch.full((len(self.models.names), len(training)), 1.0 / len(training), dtype=torch.float64)
            features[training] = torch.eye(len(training), dtype=torch.float64)
        else:
            names = tuple(kind.split(", "))
            features = self.models.thresholds()[:, [FEATURES.index(name) for name in names]]
        if len(features) < count:  # mixed models have no such code
            features = torch.nn.functional.pad(features, (0, 0, 0, count - len(features)), value=torch.nan)
        return Codes.of(names, features[training]), features

    def parts(self) -> dict[str, Traces]:
        """The test traces of models that were trained on, and of the others; their amplitudes are new in both."""
        held, fitted = (torch.isin(self.test.model, torch.tensor(which)) for which in (self.held_out, self.fitted))
        parts = {"unseen amplitudes": self.test.of(~held), "unseen models": self.test.of(held)}
        if self.between is not None:
            parts["mixed models"] = self.between.test
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
    three = _made(job, models, training, held_out, protocol, job.settings, "traces")
    mixtures = job.settings.get("mixed")
    between = None if mixtures is None else _between(job, models, training, protocol, mixtures)
    return Family(models, protocol, training, held_out, *three, tuple(job["fitted"]), between)


def hyperpolarising(job: Job, on: Family) -> Family:
    """The same models under steps below 0 alone, evenly spread over the range; how many says the setting of the name.

    A test is drawn anew for it, with as many of its own amplitudes for all models.
    """
    low = on.protocol.amplitudes[0]
    # a normal distribution that is that wide is even within the range, to 4 %
    protocol = replace(on.protocol, amplitudes=(low, 0.0), location=low / 2, scale=-2 * low, skew=0.0)
    counts = job["hyperpolarising"]
    train, validation, test = _made(job, on.models, on.training, on.held_out, protocol, counts, "traces below 0")
    return replace(on, protocol=protocol, train=train, validation=validation, test=test, fitted=(), between=None)


def _made(
    job: Job,
    models: AllenModels,
    training: tuple[int, ...],
    held_out: tuple[int, ...],
    protocol: Protocol,
    counts: Mapping[str, Any],
    called: str,
) -> tuple[Traces, Traces, Traces]:
    """Traces to train on, to choose the checkpoint by, and to test with."""
    splits = {
        "train": Split(models=training, chunks=counts["chunks"], stimuli=counts["stimuli"]),
        # one chunk more of the same, to choose the checkpoint by
        "validation": Split(models=training, chunks=1, stimuli=counts["validation"]),
        "test": Split(models=(*training, *held_out), chunks=1, stimuli=counts["tested"], shared=True),
    }
    # a folder for each kind of data set, which another setting of a training leaves as it is
    made = {"protocol": protocol.as_json(), "splits": {k: [v.models, v.stimuli] for k, v in splits.items()}}
    folder = job.shared(f"traces-{key({**made, 'seed': job.seed})}")
    generate(folder, models, splits, protocol, seed=job.seed, progress=job.bar(f"{called}, in chunks"))
    train, validation, test = (load(folder, k, chunks=v.chunks, protocol=protocol) for k, v in splits.items())
    return train, validation, test


def _between(
    job: Job, models: AllenModels, training: tuple[int, ...], protocol: Protocol, chosen: Mapping[str, Any]
) -> Between:
    """Traces of models mixed from the training models: those held out play no part in them."""
    names = ("candidates", "jitter", "screened")
    named = {**{name: chosen[name] for name in names}, "training": training, "protocol": protocol.as_json()}
    folder = job.shared(f"mixed-{key({**named, 'seed': job.seed})}")
    joint = mixed(models, training, chosen["candidates"], folder / "models", seed=job.seed, jitter=chosen["jitter"])
    kept = _screened(job, joint, len(models.names), training, protocol, chosen, folder / "screened")
    counts = [chosen[name] for name in ("validation", "test", "models")]
    if len(kept) < sum(counts):
        given = f"{len(kept)} of {chosen['candidates']} mixed models that behave like the training models"
        raise DataError("noble", given, f"{sum(counts)}", "a larger setting candidates, or fewer models")
    numbers = [tuple(kept[sum(counts[:k]) : sum(counts[: k + 1])]) for k in range(3)]
    splits = {
        "validation": Split(models=numbers[0], chunks=1, stimuli=chosen["stimuli"]),
        "test": Split(models=numbers[1], chunks=1, stimuli=job["tested"], shared=True),
    }
    # lanes of one call would not fit into memory for all of them
    for k, low in enumerate(range(0, chosen["models"], GROUP)):
        which = numbers[2][low : low + GROUP]
        splits[f"steps{k}"] = Split(models=which, chunks=1, stimuli=chosen["stimuli"])
        if chosen["varied"]:
            splits[f"varied{k}"] = Split(models=which, chunks=1, stimuli=chosen["varied"], currents=VARIED)
    made = {k: [v.models, v.stimuli, v.currents] for k, v in splits.items()}
    traces = folder / f"traces-{key(made)}"
    generate(traces, joint, splits, protocol, seed=job.seed, progress=job.bar("traces of mixed models, in chunks"))

    told = responses_of(job, joint, sum(numbers, ()), len(models.names), protocol, chosen, folder)
    usual = within(told[1], told[1][list(training)], WIDER)

    def of(kind: str) -> Traces:
        found = Traces.together([load(traces, name, protocol=protocol) for name in splits if name.startswith(kind)])
        return found.of(usual[found.model])

    return Between(joint, of("steps"), of("varied") if chosen["varied"] else None, of("validation"), of("test"), told)


def _step(protocol: Protocol, amplitude: float, duration: float, near: float) -> Protocol:
    """One step, of an amplitude within `near` of the given one."""
    ends = (amplitude - near, amplitude + near)
    return replace(
        protocol,
        before=10.0,
        early=10.0,
        after=10.0,
        duration=duration,
        amplitudes=ends,
        location=amplitude,
        scale=near,
        skew=0.0,
    )


def responses_of(
    job: Job,
    joint: AllenModels,
    used: tuple[int, ...],
    first: int,
    protocol: Protocol,
    chosen: Mapping[str, Any],
    folder: Path,
) -> tuple[tuple[str, ...], Tensor]:
    """The features of the responses of all published models (the `first` ones), and the `used` ones, to short steps:
    their names, and (models, features), NaN for the others; `chosen` has `told` in nA and `told_ms`."""
    numbers = (*range(first), *used)
    splits = {
        f"told{k}": Split(models=numbers[low : low + GROUP], chunks=1, stimuli=1, shared=True)
        for k, low in enumerate(range(0, len(numbers), GROUP))
    }
    names, columns = list[str](), list[Tensor]()
    for amplitude in chosen["told"]:
        step = _step(protocol, amplitude, chosen["told_ms"], EXACT)
        place = folder / f"told-{key({'models': numbers, 'protocol': step.as_json()})}"
        bar = job.bar(f"responses to {1000 * amplitude:g} pA, in chunks")
        generate(place, joint, splits, step, seed=job.seed, progress=bar)
        traces = Traces.together([load(place, name, protocol=step) for name in splits])
        found = torch.full((len(joint.names), len(RESPONSES)), torch.nan, dtype=torch.float64)
        found[traces.model] = responses(traces)
        found[~torch.isfinite(found)] = torch.nan
        for name in TOLD if not names else TOLD[1:]:
            names.append(f"{name} at {1000 * amplitude:g} pA")
            columns.append(found[:, RESPONSES.index(name)])
    return tuple(names), torch.stack(columns, 1)


def _screened(
    job: Job,
    joint: AllenModels,
    first: int,
    training: tuple[int, ...],
    protocol: Protocol,
    chosen: Mapping[str, Any],
    folder: Path,
) -> list[int]:
    """The numbers of the mixed models whose response to one step is within what the training models do."""
    short = _step(protocol, chosen["screened"], SHORT, CLOSE)
    numbers = range(first, len(joint.names))
    splits = {
        f"screened{k}": Split(models=(*training, *numbers[low : low + GROUP]), chunks=1, stimuli=1, shared=True)
        for k, low in enumerate(range(0, len(numbers), GROUP))
    }
    generate(folder, joint, splits, short, seed=job.seed, progress=job.bar("mixed models, screened in chunks"))
    kept = list[int]()
    for name in splits:
        traces = load(folder, name, protocol=short)
        known = traces.model < first
        like = alike(traces.of(~known), traces.of(known), slack=chosen["slack"])
        kept += traces.model[~known][like].tolist()
    return kept


def data_of(job: Job) -> dict[str, Any]:
    """The settings of a job that decide the traces, for the identity of a unit."""
    names = ("protocol", "held_out", "models", "chunks", "stimuli", "validation", "tested", "fitted")
    more = {"mixed": job["mixed"]} if "mixed" in job.settings else {}
    return {**{name: job[name] for name in names}, **more}
