"""The trainings of this paper, each a unit, by one loop: the operator, the causal stand-in and a convolutional one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rheobase.errors import ParameterError
from rheobase.learning import Recipe, count_parameters, trains_of
from rheobase.operator import (
    Codes,
    Convolutional,
    Epoch,
    FourierOperator,
    Samples,
    StandIn,
    Traces,
    nearest_model,
    never_firing,
    train,
    windows,
)
from rheobase.operator.embedding import AMPLITUDE_LEVELS
from rheobase.operator.refinement import refine, reread
from rheobase.operator.sag import LearnsPotential
from rheobase.operator.scores import crossings
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import Prediction, figures
from rheobase.reproduce.noble.material import Material, material
from rheobase.reproduce.noble.traces import Family, data_of
from rheobase.reproduce.training import fresh

OPERATOR, NEURON, CONVOLUTIONAL = "Fourier operator", "causal neuron", "convolutional network"
BASELINES = ("never fires", "nearest training model", "the solver itself")
SHOWN = 0.1  # nA: the trace that is drawn is the nearest to it
FREE_RATE = 0.3  # of the learning rate, once spikes are its own
PIECE = 64  # windows of one prediction


def recipe_of(choice: Mapping[str, Any], seed: int) -> Recipe:
    """How a network of this part is trained: on a cosine, its gradients cut at a norm of 1."""
    return Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        clip_norm=1.0,
        seed=seed,
    )


def trained(job: Job, name: str, on: Family, choice: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """A unit: figures of both parts of the test, the history, and what is drawn."""
    codes, features = on.code(choice["code"])
    source = material(on, choice)

    def work() -> dict[str, Any]:
        net = fresh(lambda: made(codes, on, choice), seed)
        recipe = recipe_of(choice, seed)
        history = learned(job, name, net, source, features, recipe)
        later: list[Epoch] = []
        if choice.get("free") and isinstance(net, StandIn):
            net.free = True
            again = replace(recipe, epochs=choice["free"], learning_rate=choice["lr"] * FREE_RATE)
            later = learned(job, f"{name}-free", net, source, features, again)
        if isinstance(net, StandIn):
            net.calibrate(windows(source.calibration, features))
        elif isinstance(net, Convolutional):
            # of which all windows at once would not fit into memory
            net.calibrate(windows(on.validation, features))
        began = time.perf_counter()
        if choice.get("refined") and isinstance(net, StandIn):
            known, bar = windows(source.calibration, features), job.bar(f"{name}, refined")
            refine(net, known, rounds=choice["refined"], progress=bar)
            reread(net, known)
        refining = time.perf_counter() - began
        found: dict[str, Any] = {}
        for part, traces in on.parts().items():
            if not bool(torch.isfinite(features[traces.model]).all()):
                continue  # of models without this code
            truth = on.windows(traces, features)
            began = time.process_time()
            own = predicted(net, truth, on.protocol.sample)
            cost = (time.process_time() - began) / (len(traces) * on.protocol.window * on.protocol.sample)
            found[part] = {**figures(own, truth, on), "cost": 1e6 * cost}
            found |= {f"v, {part}": own.v[:, chosen(traces)].numpy(), f"counts, {part}": counted(own.trains)}
            found[f"intervals, {part}"] = intervals(own.trains).numpy()
        # other stimuli are tried on a neuron; what is trained on later says so
        if isinstance(net, StandIn) or choice.get("weights"):
            found |= {f"weights/{name}": x.numpy() for name, x in net.state_dict().items()}
        best = min(later or history, key=lambda one: one.validation)
        return {
            **found,
            "epoch": best.epoch,
            "validation": best.validation,
            "parameters": count_parameters(net),
            "seconds": refining + sum(one.seconds for one in (*history, *later)),
            "cpu": sum(one.cpu_seconds for one in (*history, *later)),
            "loss": [one.validation for one in history],
        }

    return job.unit(name, work, **choice, training_seed=seed, data=data_of(job))


def learned(job: Job, name: str, net: nn.Module, source: Material, features: Tensor, recipe: Recipe) -> list[Epoch]:
    """Train in the folder of that name, where it goes on after an interruption."""
    bar = job.bar(name)

    def progress(done: int, total: int, history: Sequence[Epoch]) -> None:
        bar(done, total, f"validation {history[-1].validation:.4f}" if history else "")

    return train(net, source.train, source.validation, features, recipe, folder=job.folder(name), progress=progress)


def restored(on: Family, choice: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[StandIn, Tensor]:
    """The stand-in of a unit, and the features of all models for it."""
    net, features = again(on, choice, result)
    if not isinstance(net, StandIn):
        raise ParameterError("noble", f"kind {choice['kind']!r}", f"{NEURON!r}", "others take steps alone")
    return net, features


def again(on: Family, choice: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[LearnsPotential, Tensor]:
    """What a unit trained, where it kept its weights, and the features of all models for it."""
    codes, features = on.code(choice["code"])
    net = made(codes, on, choice)
    net.load_state_dict({k.removeprefix("weights/"): torch.as_tensor(v) for k, v in result.items() if "weights/" in k})
    return net, features


def baselines(job: Job, on: Family) -> Mapping[str, Any]:
    """A unit: the figures of what any stand-in has to beat."""

    def work() -> dict[str, Any]:
        codes, features = on.code("s_thr, I_thr")
        training = on.windows(on.train, features)
        found: dict[str, Any] = {}
        for part, traces in on.parts().items():
            truth = on.windows(traces, features)
            silent = never_firing(training, on.train.amplitude, traces.amplitude)
            none = torch.full((len(traces), 1), torch.inf)
            found[f"never fires, {part}"] = figures(Prediction(silent, none), truth, on, shaped=False)
            near = nearest(on, traces, features, codes)
            v = on.windows(near, features)
            found[f"nearest training model, {part}"] = figures(Prediction(v.v, v.trains), truth, on)
            # what the sampling alone costs: spikes of the kept potential against those of the full step
            kept = Prediction(truth.v, crossings(truth.v, on.protocol.sample))
            found[f"the solver itself, {part}"] = figures(kept, truth, on)
        return {**found, "cost": {"the solver itself": _solver_cost(on)}}

    return job.unit("baselines", work, data=data_of(job))


def _solver_cost(on: Family) -> float:
    """Processor milliseconds of one thread for a simulated second of one trace, `PIECE` lanes at once, in float32."""
    lanes = [on.training[k % len(on.training)] for k in range(PIECE)]
    cell, steps = on.models.cell(lanes, on.protocol.dt), 500
    state, current = cell.rest(1, dtype=torch.float32), torch.full((steps, 1, *cell.shape), SHOWN)
    with torch.no_grad():
        cell(current, state)  # what is compiled is compiled before
        began = time.process_time()
        cell(current, state)
    return 1e6 * (time.process_time() - began) / (PIECE * steps * on.protocol.dt)


def made(codes: Codes, on: Family, choice: Mapping[str, Any]) -> LearnsPotential:
    """An operator or a stand-in before training."""
    amplitudes = on.protocol.amplitudes
    if choice["kind"] == NEURON:
        sizes = {"hidden": choice["hidden"], "code_hidden": choice.get("code_hidden", 0)}
        return StandIn(codes, sample=on.protocol.sample, amplitudes=amplitudes, **sizes)
    if choice["kind"] == CONVOLUTIONAL:
        sizes = {name: choice[name] for name in ("channels", "layers", "width", "stride")}
        return Convolutional(codes, sample=on.protocol.sample, amplitudes=amplitudes, **sizes)
    sizes = {name: choice[name] for name in ("modes", "hidden", "layers")}
    sizes["levels"] = choice.get("levels", AMPLITUDE_LEVELS)
    return FourierOperator(codes, steps=on.protocol.window, amplitudes=amplitudes, **sizes)


def predicted(net: nn.Module, truth: Samples, sample: float) -> Prediction:
    """What a trained net says, its own spikes fed back."""
    potentials, trains = list[Tensor](), list[Tensor]()
    with torch.no_grad():
        for low in range(0, len(truth.code), PIECE):
            current, code = truth.current[:, low : low + PIECE], truth.code[low : low + PIECE]
            if isinstance(net, StandIn):
                spikes, v, _ = net(current[:, None], code, check_range=False)
                potentials.append(v[:, 0])
                trains.append(trains_of(spikes[:, 0], sample))
            elif isinstance(net, Convolutional):
                v, logit = net(current, code, check_range=False)
                potentials.append(v)
                trains.append(net.trains(logit))
            else:
                potentials.append(net(current, code, check_range=False))
                trains.append(crossings(potentials[-1], sample))
    most = max(one.shape[1] for one in trains)
    padded = [nn.functional.pad(one, (0, most - one.shape[1]), value=torch.inf) for one in trains]
    return Prediction(torch.cat(potentials, 1), torch.cat(padded))


def counted(trains: Tensor) -> np.ndarray:
    """The number of spikes of each train."""
    return torch.isfinite(trains).sum(1).numpy()


def intervals(trains: Tensor) -> Tensor:
    """The mean interval of each train in ms, NaN below three spikes."""
    count = torch.isfinite(trains).sum(1)
    last = torch.where(torch.isfinite(trains), trains, -torch.inf).amax(1)
    return torch.where(count > 2, (last - trains.amin(1)) / (count - 1).clamp(min=1), torch.nan)


def chosen(traces: Traces) -> int:
    """The sample of a part that is drawn: that of the first model whose amplitude is nearest to 0.1 nA."""
    first = torch.where(traces.model == traces.model[0], (traces.amplitude - SHOWN).abs(), torch.inf)
    return int(first.argmin())


def nearest(on: Family, traces: Traces, features: Tensor, codes: Codes) -> Traces:
    """The traces of the nearest training model, under the same amplitude: the test has all models under all of its."""
    which = list[int]()
    for model, amplitude in zip(traces.model.tolist(), traces.amplitude.tolist(), strict=True):
        other = nearest_model(features, model, list(on.training), codes)
        which.append(int(((on.test.model == other) & (on.test.amplitude == amplitude)).nonzero()[0, 0]))
    return on.test.of(torch.tensor(which))
