"""The spiking recurrent cell in fixed point: the authors' exported network on MNIST, and networks of digits.

The export (RHEOBASE_DATA/src_mnist_export, from the authors' repository; see docs/chip_fixed_point.md) is run on the
test images of MNIST, in float, with lines in place of functions, and in the published form of an FPGA, with weights of
few bits. Networks of digits are trained in float, rounded, and trained on through the rounding.

    python -m benchmarks.src_fixed_point [--quick] [--images N,N,N] [--json FILE]
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import ROOT
from benchmarks.options import finish, parsed, parser, say
from rheobase import data, neurons, nn
from rheobase.chip import fixed_point
from rheobase.learning import LastCrossEntropy, Recipe, Trainer

SILENT = 20  # steps before the code, of a whole trace
TRACES = {220: 20, 55: 5, 44: 4}  # steps of a trace, and how many of them are silent
ALLOW = ("functions", "cell")
AT_ONCE = 250
LINES, FPGA = {220: (8, 5, 4), 55: (8, 5, 4, 3), 44: (8, 5, 4, 3)}, {220: (9, 5), 55: (9, 6, 5, 4), 44: (9, 5, 4)}
PUBLISHED = [[220, "fixed point", 96.31], [55, "5-bit weights", 93.32], [44, "4-bit weights", 92.89]]
DIGIT_STEPS, DIGIT_GAIN, WARM = 55, 0.5, 3.0


def exported(folder: Path) -> nn.Sequential:
    """The authors' network."""
    arrays = np.load(folder / "arrays.npz")
    linear = nn.Linear(784, 100, bias=False)
    linear.weight = torch.nn.Parameter(torch.from_numpy(arrays["l0_forward_weights"]).float(), requires_grad=False)
    cell = neurons.SRC(100, b_h=torch.from_numpy(arrays["l0_bias"]).float())
    return nn.Sequential(nn.Flatten(), linear, cell, nn.GroupReadout(100, classes=10))


def cut(s: Tensor, steps: int) -> Tensor:
    """The trace of so many steps: the end of the silence, and as much of what follows it."""
    first = SILENT - TRACES[steps]
    return s[first : first + steps]


def apart(s: Tensor) -> Tensor:
    """Without spikes that follow another at once, as the published chip gets them."""
    kept = s.clone()
    for before, now in pairwise(kept):
        now *= 1 - before
    return kept


def variants(net: nn.Sequential, x: Tensor, steps: int) -> Iterator[tuple[str, str, bool, nn.Sequential, Any]]:
    """(what, bits, whether spikes are apart, network, report); ranges are those of training images x."""
    yield "float", "float", False, net, None
    yield "float", "float", True, net, None
    for bits in LINES[steps]:
        fixed, report = fixed_point.quantise(net, x, weight_bits=bits, allow=ALLOW)
        yield "lines", str(bits), False, fixed, report
    for bits in FPGA[steps]:
        fixed, report = fixed_point.quantise(net, apart(x), weight_bits=bits, form="fpga", allow=ALLOW)
        yield "FPGA", str(bits), True, fixed, report


@torch.no_grad()
def mnist(folder: Path, many: dict[int, int]) -> dict[str, Any]:
    images = data.load("mnist", data_dir=folder)
    net, rows = exported(folder / "src_mnist_export").eval(), list[dict[str, Any]]()
    for steps, number in many.items():
        # a draw does not change with the number of steps
        encode = data.Rate(SILENT - TRACES[steps] + steps, gain=0.25, silent=SILENT)
        some = cut(encode(images.x_train[:200].flatten(1), seed=1), steps)
        made = list(variants(net, some, steps))
        right, same, overflows = ([0] * len(made) for _ in range(3))
        for index in torch.arange(number).split(AT_ONCE):
            s = cut(encode(images.x_test[index].flatten(1), seed=0, index=index), steps)
            alone = apart(s)
            for k, (kind, _, filtered, one, _) in enumerate(made):
                x = alone if filtered else s
                out, states = one(x)
                right[k] += int((out[-1].argmax(1) == images.y_test[index]).sum())
                if kind != "float":
                    overflows[k] += int(sum(float(state.overflows.sum()) for state in states))
                    same[k] += fixed_point.certify(one, x).same_outputs if index[0] == 0 else 0
            say(f"{steps} steps: {int(index[-1]) + 1:,} images, {[kind + bits for kind, bits, *_ in made]}: {right}")
        for k, (kind, bits, filtered, _, report) in enumerate(made):
            rows.append(
                {
                    "steps": steps,
                    "images": number,
                    "cell": kind,
                    "bits": bits,
                    "apart": filtered,
                    "accuracy": 100 * right[k] / number,
                    "overflows": overflows[k],
                    "emulated": 0 if kind == "float" else min(AT_ONCE, number),
                    "same_outputs": same[k],
                    "layers": None if report is None else report.as_json(),
                }
            )
    return {"encoding_seed": 0, "rows": rows, "published": PUBLISHED}


def fresh(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    linear = nn.Linear(64, 100, bias=False)
    torch.nn.init.xavier_uniform_(linear.weight, gain=2**0.5)
    cell = neurons.SRC(100, b_h=torch.full((100,), -6.0), learn=("b_h",))
    return nn.Sequential(nn.Flatten(), linear, cell, nn.GroupReadout(100, classes=10))


def digits(quick: bool) -> dict[str, Any]:
    images, rows = data.load("digits"), list[dict[str, Any]]()
    encode = data.Rate(DIGIT_STEPS, gain=DIGIT_GAIN, silent=5)
    train, test = (images.x_train, images.y_train), (images.x_test, images.y_test)
    epochs, more = (1, 1) if quick else (20, 8)

    def fit(net: nn.Sequential, epochs: int, lr: float, warm: float, seed: int) -> None:
        recipe = Recipe(
            epochs=epochs,
            batch_size=64,
            learning_rate=lr,
            schedule="cosine",
            seed=seed,
            loss=LastCrossEntropy(temperature=warm),
        )
        Trainer(recipe, accelerator="cpu").fit(net, encoder=encode, train=train)
        net.eval()

    @torch.no_grad()
    def accuracy(net: nn.Sequential) -> float:
        out = net(encode(test[0], seed=0))[0]
        return 100 * float((out[-1].argmax(1) == test[1]).float().mean())

    for seed in (0,) if quick else (0, 1, 2):
        net = fresh(seed)
        fit(net, epochs, 0.01, WARM, seed)
        rows.append({"seed": seed, "cell": "float", "bits": "float", "rounded": accuracy(net), "trained": None})
        longer = fresh(seed)
        longer.load_state_dict(net.state_dict())
        fit(longer, more, 0.003, WARM, seed)
        rows[-1]["trained"] = accuracy(longer)
        say(str(rows[-1]))
        x = encode(train[0][:200], seed=1)
        for form in ("lines", "fpga"):
            for bits in (5,) if quick else (8, 5, 4, 3, 2):
                fixed, _ = fixed_point.quantise(net, x, weight_bits=bits, form=form, allow=ALLOW)
                before = accuracy(fixed)
                fit(fixed, more, 0.003, WARM * (1.25 if form == "fpga" else 1), seed)
                held = fixed_point.certify(fixed, encode(test[0], seed=0))
                rows.append(
                    {
                        "seed": seed,
                        "cell": form,
                        "bits": str(bits),
                        "rounded": before,
                        "trained": accuracy(fixed),
                        "same_outputs": held.same_outputs,
                        "samples": held.samples,
                        "overflows": held.overflows,
                    }
                )
                say(str(rows[-1]))
    return {
        "steps": DIGIT_STEPS,
        "gain": DIGIT_GAIN,
        "epochs": epochs,
        "more": more,
        "test": len(test[1]),
        "rows": rows,
    }


def main() -> None:
    more = parser(__doc__)
    more.add_argument("--images", default="10000,10000,10000", help="test images of MNIST at 220, 55 and 44 steps")
    more.add_argument("--only", choices=("digits", "mnist"), help="leave the other out, and keep its earlier results")
    options = parsed(more)
    path = options.json or ROOT / "benchmarks" / "results" / "src_fixed_point.json"
    made = dict[str, Any]()
    if options.only != "mnist":
        made["digits"] = digits(options.quick)
    folder = Path(os.environ.get("RHEOBASE_DATA", "data"))
    if options.only != "digits" and (folder / "src_mnist_export").is_dir():
        numbers = [250] * 3 if options.quick else [int(word) for word in options.images.split(",")]
        made["mnist"] = mnist(folder, dict(zip(TRACES, numbers, strict=True)))
    elif options.only != "digits":
        say(f"no src_mnist_export in {folder}: MNIST is left out")
    # read at the end: both parts may be under way at a time
    earlier: dict[str, Any] = json.loads(path.read_text()) if options.only and path.exists() else {}
    made_then = {name: earlier[name] for name in ("date", "machine") if name in earlier}
    parts = {part: {"made": made_then, **earlier[part]} for part in ("digits", "mnist") if part in earlier}
    finish("src_fixed_point", options, parts | made)


if __name__ == "__main__":
    main()
