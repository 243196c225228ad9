"""One epoch of MNIST with the SRC network 784-100, 220 steps, batches of 256: every batch run, part by part.

Encoding draws 9.4e9 Bernoulli numbers. The images are MNIST's where --data has them; else images with as many dark
pixels, at the same places for all, in the same number.

    python -m benchmarks.epoch [--quick] [--data FOLDER]
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.options import finish, parsed, parser, say
from rheobase import data, neurons, nn
from rheobase.errors import DataError

FULL, QUICK = (60_000, 220, 256), (512, 22, 64)
DARK = 0.809  # of MNIST's pixels
GAIN, SILENT = 0.25, 1 / 11


def images(folder: Path | None, count: int) -> tuple[Tensor, Tensor, str]:
    """Pixels (count, 784), classes, and whose they are."""
    try:
        found = data.load("mnist", folder)
    except DataError:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(count, 784, generator=generator) * (torch.linspace(0, 1, 784) > DARK)
        return x, torch.randint(10, (count,), generator=generator), "made up, as dark as MNIST"
    return found.x_train[:count].flatten(1), found.y_train[:count], "MNIST"


class Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.parts[part] = self.parts.get(part, 0.0) + time.perf_counter() - began


def epoch(products: str, x: Tensor, y: Tensor, steps: int, batch: int) -> dict[str, float]:
    """Seconds of one epoch: forward, loss, backward and Adam for every batch."""
    torch.manual_seed(0)
    linear = nn.SpikeLinear(784, 100, bias=False, products=products)
    torch.nn.init.xavier_uniform_(linear.weight, gain=math.sqrt(2))
    cells = neurons.SRC(100, b_h=torch.full((100,), -6.0), learn=("b_h",))
    readout = nn.GroupReadout(100, classes=10)
    adam = torch.optim.Adam([*linear.parameters(), *cells.parameters()], lr=0.005)
    encoder = data.Rate(steps, gain=GAIN, silent=round(SILENT * steps), dtype=linear.made_in("cpu"))
    clock = Clock()
    began = time.perf_counter()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    for chosen in order.split(batch):
        with clock("encoding"):
            spikes = encoder(x[chosen], seed=0, index=chosen)
        with clock("product"):
            current = linear(spikes)
        with clock("cells, readout, loss"):
            out, _ = readout(cells(current)[0])
            loss = functional.cross_entropy(out[-1] / 3.0, y[chosen])
        with clock("backward, Adam"):
            adam.zero_grad()
            loss.backward()
            adam.step()
    return {**clock.parts, "whole": time.perf_counter() - began, "last loss": float(loss.detach())}


def huge_pages() -> None:
    """Start this program again with torch's large tensors in huge pages, as the command line has them."""
    if "THP_MEM_ALLOC_ENABLE" not in os.environ:
        os.environ["THP_MEM_ALLOC_ENABLE"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def main() -> None:
    huge_pages()
    p = parser(__doc__)
    p.add_argument("--data", type=Path, default=None, help="where mnist/ lies (default: $RHEOBASE_DATA)")
    options = parsed(p)
    count, steps, batch = QUICK if options.quick else FULL
    x, y, source = images(options.data, count)
    rows: dict[str, dict[str, float]] = {}
    chosen = str(nn.SpikeLinear(1, 1).made_in("cpu")).removeprefix("torch.")
    for products in ("bfloat16", "float32"):
        name = f"{products} products" + (" (chosen here)" if products == chosen else "")
        rows[name] = epoch(products, x, y, steps, batch)
        say(f"  {name:32s} {rows[name]['whole']:7.1f} s  " + ", ".join(f"{k} {v:.1f}" for k, v in rows[name].items()))
    draws = count * 784 * (steps - round(SILENT * steps))
    finish(
        "epoch",
        options,
        {
            "samples": count,
            "steps": steps,
            "batch": batch,
            "images": source,
            "draws": draws,
            "rows": rows,
        },
    )


if __name__ == "__main__":
    main()
