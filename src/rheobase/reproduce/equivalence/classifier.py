"""(g) Trained classifiers of digits, converted to single spikes and back: the same outputs, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import equivalence, neurons, nn
from rheobase.data import Rate
from rheobase.equivalence.discrete import trains_and_output
from rheobase.errors import ParameterError
from rheobase.learning import Recipe
from rheobase.plot import Table
from rheobase.reproduce import training
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.training import Task

COLUMNS = ("data", "network", "construction", "images", "accuracy as trained (%)", "on the grid (%)", "converted (%)",
           "predictions that change", "outputs that differ", "spikes that differ", "N", "hidden neurons", "bound",
           "synapses", "of them after")  # fmt: skip
BATCH = 100  # images at a time: traces of all neurons are kept
READOUT = 20.0  # ms, of the leaky integrators
# an integrator needs no more digits than float32 has; what leaks takes two more in every step
DTYPES = {"IF": torch.float32, "LIF": torch.float64}


def run(job: Job) -> Finding:
    kept = Seeds()
    rows = [row for name in job["networks"] for row in _rows(job, name, kept)]
    images = sum(row[3] for row in rows)
    changed, outputs, spikes = (sum(row[k] for row in rows) for k in (7, 8, 9))
    text = (
        f"Over {images:,} images and conversions (multi-spike to single-spike, and that to multi-spike again), "
        f"{changed:,} predictions change, {outputs:,} outputs and {spikes:,} spikes differ. Each network was trained "
        "with one seed."
    )
    note = (
        "One hidden layer, rate code, readout by leaky integrators. Weights are rounded to multiples of 2^-10 after "
        "training, the decay of LIF is 3/4; no sum or potential rounds in so many steps (checked; IF in float32, LIF "
        "in float64). N is the most spikes of a neuron; after Moebius inversion the multiples of a threshold passed."
    )
    table = Table("Classifiers, converted both ways", COLUMNS, rows, note)
    return Finding(text, tables=[table], seeds=kept.table())


def _rows(job: Job, name: str, kept: Seeds) -> list[tuple[Any, ...]]:
    choice: dict[str, Any] = job["networks"][name]
    cells = str(choice["cells"])
    on = task(job, choice)
    result, inputs = trained(job, name, on, choice, job.seed, weights=True), on.data.input_size
    got = job.unit(
        f"{name}-converted",
        lambda: _converted(
            job,
            training.restored(lambda: _network(on, choice), result).to(DTYPES[cells]),
            on,
            _recipe(choice, job.seed),
        ),
        **choice,
    )
    kept.add({"network": name, "cells": cells}, job.seed, result, {"on the grid (%)": got["accuracy"]})
    return [
        (
            choice["data"],
            f"{cells} {inputs}-{choice['hidden']}-{on.classes}",
            one["construction"],
            got["images"],
            result["accuracy"],
            got["accuracy"],
            one["accuracy"],
            one["changed"],
            one["outputs"],
            one["spikes"],
            one["most"],
            one["after"],
            one["bound"],
            got["synapses"],
            one["synapses"],
        )
        for one in got["found"]
    ]


def task(job: Job, choice: Mapping[str, Any]) -> Task:
    """Images in the rate code."""
    return Task(job.load(choice["data"], limit=choice["limit"]), Rate(choice["steps"]))


def trained(
    job: Job, name: str, on: Task, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> Mapping[str, Any]:
    """A unit: `choice` has cells, hidden, epochs, batch, lr, and what made the task."""
    settings = {**choice, "training_seed": seed}
    return training.trained(
        job, name, lambda: _network(on, choice), on, _recipe(choice, seed), settings=settings, weights=weights
    )


def _recipe(choice: Mapping[str, Any], seed: int) -> Recipe:
    return Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        loss="sum",
        seed=seed,
    )


def _network(on: Task, choice: Mapping[str, Any]) -> nn.Sequential:
    hidden, classes = choice["hidden"], on.classes
    # a decay of 3/4, which the grid can say
    tau = -1.0 / math.log(0.75)
    layer = neurons.IF(hidden, dt=1.0) if choice["cells"] == "IF" else neurons.LIF(hidden, dt=1.0, tau_mem=tau)
    return nn.Sequential(
        nn.Flatten(),
        torch_nn.Linear(on.data.input_size, hidden),
        layer,
        torch_nn.Linear(hidden, classes),
        neurons.LI(classes, dt=1.0, tau_mem=READOUT),
    )


@torch.no_grad()
def _converted(job: Job, net: torch_nn.Module, on: Task, recipe: Recipe) -> dict[str, Any]:
    """The trained network on the grid, its two conversions, and what they do with every test image.

    Raises: `ParameterError` where the arithmetic is not exact for so many steps.
    """
    grid = equivalence.to_grid(net.eval(), bits=10, decay_bits=2)
    dtype = next(grid.parameters()).dtype
    needed, highest, images = 1, 1.0, 0
    for index in job.track(_batches(on), "most spikes"):
        x = _encoded(on, index, dtype)
        exact = equivalence.exact_steps(grid, x)
        if exact < len(x):
            given = f"{len(x)} steps in {dtype}, of which {exact} are exact"
            raise ParameterError("classifier", given, "as many exact steps", "fewer steps or coarser weights")
        needed, images = max(needed, *equivalence.most_spikes(grid, x)), images + len(index)
    one, there = equivalence.to_single_spike(grid, max_spikes=needed)
    for index in job.track(_batches(on), "highest potentials"):
        highest = max(highest, *equivalence.highest_potentials(one, _encoded(on, index, dtype)))
    many, back = equivalence.to_multi_spike(one, horizon=on.encoder.steps, largest=highest)
    found = [_counts(one, there), _counts(many, back)]
    right = sum(_compare(grid, found, on, index, dtype, recipe) for index in job.track(_batches(on), "comparison"))
    for each in found:
        each["accuracy"] = 100 * each.pop("right") / images
        del each["net"]
    return {"images": images, "accuracy": 100 * right / images, "synapses": there.synapses_before, "found": found}


def _counts(net: torch_nn.Module, certificate: equivalence.Certificate) -> dict[str, Any]:
    return {
        "net": net,
        "construction": certificate.construction.removesuffix(", discrete time"),
        "most": max(certificate.max_spikes),
        "after": certificate.neurons_after,
        "bound": certificate.neurons_bound,
        "synapses": certificate.synapses_after,
        "changed": 0,
        "outputs": 0,
        "spikes": 0,
        "right": 0,
    }


def _compare(
    grid: torch_nn.Module, found: list[dict[str, Any]], on: Task, index: Tensor, dtype: torch.dtype, recipe: Recipe
) -> int:
    """Count into `found` what differs on these images; how many of them the network gets right."""
    x, truth = _encoded(on, index, dtype), on.data.y_test[index]
    predict = recipe.criterion.predict
    trains, out = trains_and_output(grid, x)
    for each in found:
        others, other = trains_and_output(each["net"], x)
        each["changed"] += int((predict(other) != predict(out)).sum())
        each["outputs"] += int((other != out).sum())
        each["spikes"] += sum(int((a != b).sum()) for a, b in zip(trains, others, strict=True))
        each["right"] += int((predict(other) == truth).sum())
    return int((predict(out) == truth).sum())


def _batches(on: Task) -> Sequence[Tensor]:
    return torch.arange(len(on.data.x_test)).split(BATCH)


def _encoded(on: Task, index: Tensor, dtype: torch.dtype) -> Tensor:
    """Test images as spikes (time, images, ...)."""
    return on.encoder(on.data.x_test[index], seed=0, index=index).to(dtype)


_DIGITS = {"data": "digits", "hidden": 64, "epochs": 40, "batch": 64, "steps": 12, "limit": None}
_MNIST = {"data": "mnist", "hidden": 100, "epochs": 5, "batch": 128, "steps": 12, "limit": None}
_QUICK = {"hidden": 24, "epochs": 3, "limit": 400}

PART = Part(
    "classifier",
    "Classifiers",
    "of digits and of MNIST, converted both ways and compared, output by output",
    run,
    settings={
        "networks": {
            "digits-if": {**_DIGITS, "cells": "IF", "lr": 0.005},
            "digits-lif": {**_DIGITS, "cells": "LIF", "lr": 0.01},
            # few steps, since Moebius inversion takes some 250 neurons for each
            "mnist-if": {**_MNIST, "cells": "IF", "lr": 0.003, "steps": 8},
            "mnist-lif": {**_MNIST, "cells": "LIF", "lr": 0.01},
        }
    },
    quick={
        "networks": {
            "digits-if": {**_DIGITS, **_QUICK, "cells": "IF", "lr": 0.01, "steps": 8},
            "digits-lif": {**_DIGITS, **_QUICK, "cells": "LIF", "lr": 0.02, "steps": 8},
            "mnist-if": {**_MNIST, **_QUICK, "cells": "IF", "lr": 0.01, "steps": 6},
            "mnist-lif": {**_MNIST, **_QUICK, "cells": "LIF", "lr": 0.02, "steps": 8},
        }
    },
    needs=("mnist",),
    minutes=8,
)
