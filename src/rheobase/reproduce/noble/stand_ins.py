"""The trainings of this paper, each a unit: the Fourier operator and the causal stand-in, by one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rheobase.learning import Recipe, count_parameters, trains_of
from rheobase.operator import (
    Codes,
    Epoch,
    FourierOperator,
    Samples,
    StandIn,
    Traces,
    nearest_model,
    never_firing,
    scores,
    train,
    windows,
)
from rheobase.operator.scores import crossings
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.traces import Family
from rheobase.reproduce.training import fresh

OPERATOR, NEURON = "Fourier operator", "causal neuron"
SHOWN = 0.1  # nA: the trace that is drawn is the nearest to it
PIECE = 64  # windows of one prediction


def trained(job: Job, name: str, on: Family, choice: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """A unit: figures of both parts of the test, the history, and what is drawn."""
    codes, features = on.code(choice["code"])

    def work() -> dict[str, Any]:
        net = fresh(lambda: made(codes, on, choice), seed)
        recipe = Recipe(
            epochs=choice["epochs"], batch_size=choice["batch"], learning_rate=choice["lr"], schedule="cosine",
            clip_norm=1.0, seed=seed,
        )  # fmt: skip
        bar = job.bar(name)

        def progress(done: int, total: int, history: Sequence[Epoch]) -> None:
            bar(done, total, f"validation {history[-1].validation:.4f}" if history else "")

        history = train(
            net, on.train, on.validation, features, on.protocol, recipe, folder=job.folder(name), progress=progress
        )
        if isinstance(net, StandIn):
            net.calibrate(windows(on.validation, features, on.protocol))
        found: dict[str, Any] = {}
        for part, traces in on.parts().items():
            truth = on.windows(traces, features)
            v, trains = predicted(net, truth, on.protocol.sample)
            found[part] = scores(v, truth, on.protocol.sample, trains=trains).as_json()
            found |= {f"v, {part}": v[:, chosen(traces)].numpy(), f"counts, {part}": counted(trains)}
        best = min(history, key=lambda one: one.validation)
        return {
            **found, "epoch": best.epoch, "validation": best.validation, "parameters": count_parameters(net),
            "seconds": sum(one.seconds for one in history), "loss": [one.validation for one in history],
        }  # fmt: skip

    return job.unit(name, work, **choice, training_seed=seed, data=_data(job))


def baselines(job: Job, on: Family) -> Mapping[str, Any]:
    """A unit: the figures of what any stand-in has to beat."""

    def work() -> dict[str, Any]:
        codes, features = on.code("s_thr, I_thr")
        training = on.windows(on.train, features)
        found: dict[str, Any] = {}
        for part, traces in on.parts().items():
            truth = on.windows(traces, features)
            silent = never_firing(training, on.train.amplitude, traces.amplitude)
            found[f"never fires, {part}"] = scores(silent, truth, on.protocol.sample).as_json()
            near = _nearest(on, traces, features, codes)
            v = on.windows(near, features)
            found[f"nearest training model, {part}"] = scores(v.v, truth, on.protocol.sample, trains=v.trains).as_json()
            # what the sampling alone costs: spikes of the kept potential against those of the full step
            found[f"its own kept potential, {part}"] = scores(truth.v, truth, on.protocol.sample).as_json()
        return found

    return job.unit("baselines", work, data=_data(job))


def made(codes: Codes, on: Family, choice: Mapping[str, Any]) -> nn.Module:
    """An operator or a stand-in before training."""
    amplitudes = on.protocol.amplitudes
    if choice["kind"] == NEURON:
        return StandIn(codes, sample=on.protocol.sample, hidden=choice["hidden"], amplitudes=amplitudes)
    sizes = {name: choice[name] for name in ("modes", "hidden", "layers")}
    return FourierOperator(codes, steps=on.protocol.window, amplitudes=amplitudes, **sizes)


def predicted(net: nn.Module, truth: Samples, sample: float) -> tuple[Tensor, Tensor]:
    """Potentials (time, samples) and spike times (samples, most) of a trained net, its own spikes fed back."""
    potentials, trains = list[Tensor](), list[Tensor]()
    with torch.no_grad():
        for low in range(0, len(truth.code), PIECE):
            current, code = truth.current[:, low : low + PIECE], truth.code[low : low + PIECE]
            if isinstance(net, StandIn):
                spikes, v, _ = net(current[:, None], code, check_range=False)
                potentials.append(v[:, 0])
                trains.append(trains_of(spikes[:, 0], sample))
            else:
                potentials.append(net(current, code, check_range=False))
                trains.append(crossings(potentials[-1], sample))
    most = max(one.shape[1] for one in trains)
    padded = [nn.functional.pad(one, (0, most - one.shape[1]), value=torch.inf) for one in trains]
    return torch.cat(potentials, 1), torch.cat(padded)


def counted(trains: Tensor) -> np.ndarray:
    """The number of spikes of each train."""
    return torch.isfinite(trains).sum(1).numpy()


def chosen(traces: Traces) -> int:
    """The sample of a part that is drawn: that of the first model whose amplitude is nearest to 0.1 nA."""
    first = torch.where(traces.model == traces.model[0], (traces.amplitude - SHOWN).abs(), torch.inf)
    return int(first.argmin())


def _nearest(on: Family, traces: Traces, features: Tensor, codes: Codes) -> Traces:
    """The traces of the nearest training model, under the same amplitude: the test has all models under all of its."""
    which = list[int]()
    for model, amplitude in zip(traces.model.tolist(), traces.amplitude.tolist(), strict=True):
        other = nearest_model(features, model, list(on.training), codes)
        which.append(int(((on.test.model == other) & (on.test.amplitude == amplitude)).nonzero()[0, 0]))
    return on.test.of(torch.tensor(which))


def _data(job: Job) -> dict[str, Any]:
    return {name: job[name] for name in ("protocol", "held_out", "models", "chunks", "stimuli", "validation", "tested")}
