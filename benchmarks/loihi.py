"""Digits and MNIST on a Loihi chip: accuracy in full precision and on the chip, certificate, cores, energy, latency.

    python -m benchmarks.loihi [--data digits,mnist] [--seeds 3] [--quick] [--json FILE]

CubaLIF neurons (tau_syn 2, tau_mem 8 steps), the last ones of which vote for the classes, 8 for each; a rate code of 16
steps, Adam with a cosine schedule. Trained in full precision, then put into whole numbers of 8 bits (`loihi.quantise`)
and trained on for a few epochs, beside as many more in full precision. No setting was searched for, so none was chosen
by a test score. On the chip is the emulated chip, on all test images. MNIST is trained once, whatever the seeds.
"""

from __future__ import annotations

import copy
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import write_results
from rheobase import chip, neurons, nn
from rheobase.chip import Loihi, loihi
from rheobase.data import Dataset, Rate, digits, mnist
from rheobase.errors import RheobaseError
from rheobase.learning import Recipe, SumCrossEntropy, Trainer
from rheobase.machine import in_words, machine

FILE = Path(__file__).parent / "results" / "loihi.json"
STEPS, VOTES, BITS = 16, 8, 8
CASES: dict[str, dict[str, Any]] = {
    "digits": {"hidden": 128, "epochs": 20, "more": 5, "batch": 32, "lr": 5e-3},
    "mnist": {"hidden": 256, "epochs": 4, "more": 1, "batch": 128, "lr": 2e-3},
}
QUICK = {"epochs": 2, "more": 1}
AT_ONCE = 500


def encode(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
    """Spikes of 16 steps, (time, batch, pixels)."""
    return Rate(STEPS)(x, seed=seed, index=index).flatten(2)


def network(data: Dataset, hidden: int) -> nn.Sequential:
    """Two layers of CubaLIF; the host counts the spikes of the second by class."""
    classes, layers = len(data.classes), list[torch.nn.Module]()
    sizes = data.input_size, hidden, VOTES * classes
    for before, after in pairwise(sizes):
        cells = neurons.CubaLIF(after, dt=1.0, tau_syn=2.0, tau_mem=8.0, v_threshold=0.2)
        layers += [nn.Linear(before, after, bias=False), cells]
    return nn.Sequential(*layers, nn.GroupReadout(sizes[-1], classes=classes, inhibition=0.0, decay=0.0))


def trained(net: Any, data: Dataset, case: dict[str, Any], epochs: int, seed: int) -> Any:
    """The network after so many epochs, in evaluation."""
    rule = SumCrossEntropy(temperature=VOTES * STEPS / 16)
    recipe = Recipe(
        epochs=epochs, batch_size=case["batch"], learning_rate=case["lr"], schedule="cosine", loss=rule, seed=seed
    )
    Trainer(recipe, devices=1).fit(net, encoder=encode, train=(data.x_train, data.y_train))
    return net.cpu().eval()


@torch.no_grad()
def accuracy(net: Any, x: Tensor, y: Tensor) -> float:
    """In percent; ties of votes go to the first class, as on the chip."""
    predicted = torch.cat([net(part)[0].sum(0).argmax(1) for part in x.split(AT_ONCE, dim=1)])
    return 100 * float((predicted == y).float().mean())


def measured(name: str, seed: int, *, quick: bool) -> dict[str, Any]:
    """One seed of a data set."""
    case = {**CASES[name], **(QUICK if quick else {})}
    data = digits() if name == "digits" else mnist()
    if quick and name == "mnist":
        data = data.limited(2000)
    torch.manual_seed(seed)
    plain = trained(network(data, case["hidden"]), data, case, case["epochs"], seed)
    x, y = encode(data.x_test, seed=0), data.y_test
    chip_part = nn.Sequential(*plain.layers[:-1])
    on_chip, report = loihi.quantise(chip_part, x[:, :AT_ONCE], allow=("reset",), weight_bits=BITS)
    twin = nn.Sequential(*on_chip.layers, copy.deepcopy(plain[-1]))
    first, untrained = accuracy(plain, x, y), accuracy(twin, x, y)
    trained(twin, data, case, case["more"], seed)
    trained(plain, data, case, case["more"], seed)
    deployed, found = chip.deploy(twin, Loihi(), x)
    bill, own, shared, predicted = found.bill, found.own_energy, found.shared_energy, found.predicted
    if bill is None or own is None or shared is None or predicted is None:
        raise SystemExit("a report without samples")
    spans = {"of its own": own, "with its cores at rest": shared, "with a whole chip": bill.total}
    return {
        "data": name,
        "seed": seed,
        "network": f"{data.input_size}-{case['hidden']}-{VOTES * len(data.classes)}",
        "training images": len(data.y_train),
        "images": found.samples,
        "full precision": first,
        "full precision, trained on": accuracy(plain, x, y),
        "whole numbers, as they come": untrained,
        "on the chip": 100 * float((predicted == y).float().mean()),
        "same predictions": found.same_predictions,
        "same spikes": found.same_spikes,
        "cores": found.n_cores,
        "latency (ms)": 1e3 * found.seconds,
        "spikes": found.spikes,
        "synaptic operations": found.synaptic_events,
        "fullest core (KiB)": max(core.load().synapse_bits for core in deployed.net.cores) / 8192,
        "joules": {key: [span.low, span.nominal, span.high] for key, span in spans.items()},
        "spikes of layers, float and chip": [(one.spikes_float, one.spikes_chip) for one in report.layers],
    }


def shown(values: list[float]) -> str:
    spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def table(rows: list[dict[str, Any]]) -> str:
    """In Markdown, a row for each data set."""
    head = ("data", "seeds", "network", "full precision (%)", "trained on (%)", "8 bits as they come (%)",
            "on the chip (%)", "same predictions", "cores", "latency (ms)", "of its own (uJ)", "cores at rest (uJ)",
            "whole chip (uJ)")  # fmt: skip
    lines = [" | ".join(head), "|".join(["---"] * len(head))]
    for name in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == name]
        accuracies = (
            shown([row[key] for row in own])
            for key in ("full precision", "full precision, trained on", "whole numbers, as they come", "on the chip")
        )
        joules = (f"{statistics.mean(1e6 * row['joules'][key][1] for row in own):.4g}" for key in own[0]["joules"])
        same = f"{sum(row['same predictions'] for row in own):,} of {sum(row['images'] for row in own):,}"
        cells = (
            name,
            str(len(own)),
            own[0]["network"],
            *accuracies,
            same,
            str(own[0]["cores"]),
            f"{own[0]['latency (ms)']:g}",
            *joules,
        )
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits,mnist", help="which, with a comma between two")
    parser.add_argument("--seeds", type=int, default=3, help="of digits")
    parser.add_argument("--quick", action="store_true", help="one seed and two epochs: a reduced run, not recorded")
    parser.add_argument("--json", type=Path, default=None, help=f"where the numbers go, by default {FILE.name}")
    given = parser.parse_args()
    names = [name.strip() for name in given.data.split(",")]
    unknown = [name for name in names if name not in CASES]
    if unknown or given.seeds < 1:
        parser.error(f"--data {given.data} --seeds {given.seeds}: expected {', '.join(CASES)}, and a seed at least")
    rows = list[dict[str, Any]]()
    for name in names:
        for seed in range(1 if given.quick or name == "mnist" else given.seeds):
            try:
                rows.append(measured(name, seed, quick=given.quick))
            except RheobaseError as error:
                raise SystemExit(f"error: {error}") from error
            print(f"{name}, seed {seed}: {rows[-1]['on the chip']:.2f} % on the chip", flush=True)
    print(table(rows))
    print(in_words(machine()) + (", a reduced run" if given.quick else ""))
    if given.json is not None or not given.quick:
        write_results(given.json or FILE, {"machine": machine(), "steps": STEPS, "cases": CASES, "rows": rows})


if __name__ == "__main__":
    main()
