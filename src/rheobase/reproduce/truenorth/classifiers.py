"""Classifiers of digits and of MNIST: trained in full precision and in whole numbers, put on the chip, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from matplotlib.figure import Figure

from rheobase import chip
from rheobase.chip.mapping.plan import bill_of
from rheobase.chip.plans import Done
from rheobase.chip.truenorth import Emulator
from rheobase.energy.chips import Bill
from rheobase.errors import ParameterError
from rheobase.plot import Picture, Table
from rheobase.plot.chip_map import chip_map
from rheobase.plot.style import Style
from rheobase.reproduce import training
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import Record
from rheobase.reproduce.scores import SCORES, Scores, scored
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.training import Task
from rheobase.reproduce.truenorth.full_chip import FULL
from rheobase.reproduce.truenorth.networks import network, recipe, task, trained

FLOAT, WHOLE = "full precision", "whole numbers"
ON_CHIP = (
    "data", "network", "seed", "images", "predictions equal", "spike trains equal", "whole numbers (%)",
    "on the chip (%)", "full precision (%)", "lost (points)", "cores", "of them splitters", "ticks of an image",
    "latency (ms)", "spikes", "synaptic events", "hops", "spikes in and out",
)  # fmt: skip
BILL = (
    "data",
    "seed",
    "events, hops, edge (nJ)",
    "with the rest power of its cores (uJ)",
    "whole chip (uJ)",
    "images per second, one after another",
)
PUBLISHED = (
    ("TrueNorth, 64 networks together: Esser et al. (2015), NeurIPS 28", 99.42, 108.0, "on the chip"),
    ("TrueNorth, one network: Esser et al. (2015), NeurIPS 28", 92.7, 0.268, "on the chip"),
    ("an FPGA: arXiv 2604.22179 (2026)", 87.4, 0.0316, "estimated, dynamic energy alone; 10,000 predictions equal"),
)


ACCURACY, CHIP = "Accuracy of classifiers", "On the chip"


def run(job: Job) -> Finding:
    accuracies, on_chip, kept = list[tuple[Any, ...]](), list[tuple[Any, ...]](), Seeds()
    pictures = list[Picture]()
    for name, choice in job["networks"].items():
        on = task(job, choice)
        results = {
            variant: [_trained(job, name, variant, on, choice, s) for s in choice["seeds"]]
            for variant in (FLOAT, WHOLE)
        }
        sizes = "-".join(map(str, [on.data.input_size, *choice["hidden"], choice["votes"] * on.classes]))
        for variant, each in results.items():
            accuracies.append((name, variant, sizes, *Scores.of(each, on.classes).cells))
            for seed, result in zip(choice["seeds"], each, strict=True):
                kept.add({"data": name, "numbers": variant}, seed, result)
        for seed, plain, result in zip(choice["seeds"], results[FLOAT], results[WHOLE], strict=True):
            one = _deployed(job, name, on, choice, seed, result)
            on_chip.append(_chip_row(name, sizes, seed, one, plain["accuracy"]))
        pictures.append(_picture(job, name, on, choice, results[WHOLE][0]))
    note = (
        "Layers are as narrow as cores: groups of 256 neurons at most read up to 128 inputs each, of an image a "
        "window. Thresholds were chosen on held-out training images (--search). Full precision: the same layers, a "
        "threshold of 1."
    )
    latency = "Latency: from the first spike in to the last one out, at 1 ms a tick."
    accuracy = scored(ACCURACY, ("data", "numbers", "layers", *SCORES), accuracies, note)
    return replace(finding(accuracy, Table(CHIP, ON_CHIP, on_chip, latency), kept.table()), pictures=pictures)


def again(held: Record, rows: Sequence[Mapping[str, Any]]) -> Finding:
    """The same with joules of the stored counts."""
    seeds = Table("Seeds", tuple(rows[0]), [list(row.values()) for row in rows])
    return replace(finding(held.table(ACCURACY), held.table(CHIP), seeds), drawn=held.pictures)


def finding(accuracy: Table, on_chip: Table, seeds: Table | None) -> Finding:
    """What was counted, the joules that it is taken to cost, and what others published."""
    found: list[dict[str, Any]] = [dict(zip(on_chip.columns, row, strict=True)) for row in on_chip.rows]
    bills = [billed(one) for one in found]
    rows = [
        (
            one["data"],
            one["seed"],
            1e9 * bill.own.nominal,
            1e6 * bill.shared(one["cores"] / FULL).nominal,
            1e6 * bill.total.nominal,
            1.0 / bill.seconds,
        )
        for one, bill in zip(found, bills, strict=True)
    ]
    bill = (
        "Of one image, nominal: 1.53 pJ an event, 2.3 pJ a hop, 64 pJ a spike to the edge; 64.4 mW of a whole chip at "
        "rest, or the share of its cores, as if the others worked for somebody else. Computed, not measured."
    )
    published = Table(
        "Published classifiers of MNIST",
        ("where", "accuracy (%)", "energy of an image (uJ)", "how"),
        PUBLISHED,
        "An earlier abstract of Esser et al. has 121 and 0.408 uJ.",
    )
    said = [
        _said(name, [pair for pair in zip(found, bills, strict=True) if pair[0]["data"] == name])
        for name in dict.fromkeys(str(one["data"]) for one in found)
    ]
    tables = [accuracy, on_chip, Table("Bill of an image", BILL, rows, bill)]
    return Finding(" ".join(said), tables=tables, quoted=[published], seeds=seeds)


def billed(one: Mapping[str, Any]) -> Bill:
    """The bill of an image by its row of the table, at the present energies. Raises: `KeyError` without its counts."""
    spikes, events, hops, edge = (float(one[k]) for k in ("spikes", "synaptic events", "hops", "spikes in and out"))
    # a spike that comes in costs as much as one that goes out
    return bill_of(Done(int(one["ticks of an image"]), spikes, events, 0.0, hops, edge, 0.0))


def variant_of(choice: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """The settings of one training: those of the network, with `float` in place of what whole numbers use."""
    kept = {k: v for k, v in choice.items() if k not in ("seeds", "float")}
    if variant == WHOLE:
        return kept
    kept.pop("step_of", None)
    return {**kept, "whole": None, "v_threshold": None, **choice["float"]}


def _trained(job: Job, name: str, variant: str, on: Task, choice: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    unit = f"{name}-{'float' if variant == FLOAT else 'whole'}-seed-{seed}"
    return trained(job, unit, on, variant_of(choice, variant), seed, weights=variant == WHOLE)


def _restored(on: Task, choice: Mapping[str, Any], result: Mapping[str, Any]) -> torch.nn.Module:
    return training.restored(lambda: network(on.data, variant_of(choice, WHOLE)), result).eval()


def _deployed(
    job: Job, name: str, on: Task, choice: Mapping[str, Any], seed: int, result: Mapping[str, Any]
) -> Mapping[str, Any]:
    settings = {**variant_of(choice, WHOLE), "training_seed": seed}
    return job.unit(f"{name}-counts-seed-{seed}", lambda: _compared(job, name, on, choice, result), **settings)


def _compared(job: Job, name: str, on: Task, choice: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Every test image on the chip and in the network of whole numbers."""
    truth = on.data.y_test
    x, show = on.encoder(on.data.x_test, seed=0), job.bar(f"{name} on the chip")
    # ties of votes are broken as in the test of the training
    predict = recipe(variant_of(choice, WHOLE), job.seed).criterion.predict
    _, report = chip.deploy(
        _restored(on, choice, result), x=x, predict=predict, progress=lambda done: show(done, len(truth))
    )
    predicted, wanted = report.predicted, report.wanted
    if predicted is None or wanted is None:
        raise ParameterError("classifiers", "a report without samples", "one of test images", "give deploy some")
    right = [100 * int((each == truth).sum()) / len(truth) for each in (predicted, wanted)]
    splitters = sum(n for layer, n in report.cores.items() if layer.startswith("splitters"))
    return {
        "images": report.samples, "same": report.same_predictions, "spikes_same": report.same_spikes,
        "accuracy": right[0], "in_software": right[1], "cores": report.n_cores, "splitters": splitters,
        "ticks": report.ticks, "seconds": report.seconds, "spikes": report.spikes, "events": report.synaptic_events,
        "hops": report.hops, "given": report.given, "host": report.host,
        "predictions": predicted.to(torch.uint8),
    }  # fmt: skip


def _chip_row(name: str, sizes: str, seed: int, one: Mapping[str, Any], plain: float) -> tuple[Any, ...]:
    return (
        name, sizes, seed, one["images"], one["same"], one["spikes_same"], one["in_software"], one["accuracy"],
        plain, round(plain - one["accuracy"], 4), one["cores"], one["splitters"], one["ticks"], 1e3 * one["seconds"],
        one["spikes"], one["events"], one["hops"], one["given"] + one["host"],
    )  # fmt: skip


def _said(name: str, found: Sequence[tuple[Mapping[str, Any], Bill]]) -> str:
    same, images = (sum(one[k] for one, _ in found) for k in ("predictions equal", "images"))
    worst = max(one["lost (points)"] for one, _ in found)
    first, bill = found[0]
    return (
        f"{name}: {same:,} of {images:,} predictions on the chip are those of the network of whole numbers "
        f"({len(found)} training{'s' if len(found) > 1 else ''}); against full precision at most {worst:.2f} points "
        f"are lost. An image takes {first['cores']} cores, {1e3 * bill.seconds:g} ms and "
        f"{1e9 * bill.own.nominal:.0f} nJ of its own (first seed), beside {1e6 * bill.total.nominal:.0f} uJ of a whole "
        "chip."
    )


def _picture(job: Job, name: str, on: Task, choice: Mapping[str, Any], result: Mapping[str, Any]) -> Picture:
    return Picture(
        f"The chip with {name}",
        "Above: axons and neurons of each core in use, of 256. Below: the spikes that cores send for one test image, "
        "and those that links between routers carry.",
        "a map of the cores in use with their load, and of the traffic between them",
        lambda style: _draw(on, choice, result, style),
    )


def _draw(on: Task, choice: Mapping[str, Any], result: Mapping[str, Any], style: Style) -> Figure:
    x = on.encoder(on.data.x_test[:1], seed=0)
    deployed, _ = chip.deploy(_restored(on, choice, result), x=x)
    inputs = deployed.inputs(x.flatten(2)[:, 0])
    run = Emulator(deployed.net).run(len(x) + deployed.latency, inputs, record="all")
    return chip_map(deployed.net, run.spikes, style=style)


_WHOLE = {"whole": 1, "inputs": 128, "limit": None}
_DIGITS = {**_WHOLE, "data": "digits", "hidden": [192], "votes": 12, "steps": 4, "v_threshold": 2, "lr": 0.002,
           "epochs": 15, "batch": 32, "temperature": 6.0, "steepness": 2.0, "per_row": True, "float": {"lr": 0.002},
           "seeds": [0, 1, 2]}  # fmt: skip
_MNIST = {**_WHOLE, "data": "mnist", "hidden": [576], "votes": 24, "steps": 3, "v_threshold": 4, "lr": 0.005,
          "epochs": 5, "batch": 128, "temperature": 9.0, "step_of": "mean", "float": {"epochs": 10},
          "seeds": [0]}  # fmt: skip

PART = Part(
    "classifiers",
    "Classifiers",
    "of digits and of MNIST on the chip: certificate, accuracy, cores, energy, latency",
    run,
    again=again,
    settings={"networks": {"digits": _DIGITS, "mnist": _MNIST}},
    quick={
        "networks": {
            "digits": {**_DIGITS, "hidden": [64], "votes": 4, "epochs": 3, "limit": 300, "seeds": [0]},
            "mnist": {**_MNIST, "hidden": [144], "votes": 4, "steps": 2, "epochs": 1, "limit": 300},
        }
    },
    needs=("mnist",),
    minutes=15,
)
