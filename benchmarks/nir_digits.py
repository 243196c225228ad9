"""The N-MNIST network of the NIR paper, as `interop.nir` reads it, on the recordings of nmnist_small.

    RHEOBASE_DATA=... python -m benchmarks.nir_digits [--quick] [--json out.json]

The graph is the authors' (oracle_nir/02_cnn/cnn_sinabs.nir): convolutions and integrate-and-fire neurons, written by
Sinabs. Its r = 1 is that of steps of one unit of time, so it is read with steps of 1 s; each step is a frame of 1 ms of
events. The recordings are of the training part of N-MNIST; the published accuracies are of its test part.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import write_results
from benchmarks.options import parsed, parser, say
from rheobase import nn
from rheobase.interop import nir

STEPS, BATCH = 300, 25


def data() -> Path:
    return Path(os.environ["RHEOBASE_DATA"])


def network(reset: str | None = None) -> nn.Sequential:
    return nir.read(data() / "oracle_nir" / "02_cnn" / "cnn_sinabs.nir", dt=1000.0, reset=reset)


def frames(held: Mapping[str, Any], which: Sequence[int], steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Counts of events in frames of 1 ms (time, batch, polarity, y, x), and the labels."""
    x = np.zeros((steps, len(which), 2, 34, 34), np.float32)
    for k, n in enumerate(which):
        part = slice(held["offsets"][n], held["offsets"][n + 1])
        t = held["t"][part].astype(np.int64) // 1000
        inside = t < steps
        at = (t, np.full_like(t, k), *(held[axis][part].astype(np.int64) for axis in ("p", "y", "x")))
        np.add.at(x, tuple(axis[inside] for axis in at), 1.0)
    return torch.from_numpy(x), torch.from_numpy(held["label"][list(which)].astype(np.int64))


@torch.no_grad()
def main() -> None:
    options = parsed(parser(__doc__))
    with np.load(data() / "nmnist_small" / "nmnist_small_train.npz") as archive:
        held = {name: archive[name] for name in archive.files}
    count = 2 * BATCH if options.quick else len(held["label"])
    published = json.loads((data() / "oracle_nir" / "reported_accuracies.json").read_text())
    theirs = {
        key.split("/")[1].removesuffix("_accuracy.npy"): value[0]
        for key, value in published.items()
        if key.startswith("02_cnn")
    }
    net, right, start = network(), 0, time.perf_counter()
    for first in range(0, count, BATCH):
        x, labels = frames(held, range(first, min(count, first + BATCH)))
        right += int((net(x)[0].sum(0).argmax(-1) == labels).sum())
        say(f"{right} of {min(count, first + BATCH)} right")
    content = {
        "recordings": count,
        "steps": STEPS,
        "right": right,
        "accuracy": right / count,
        "published": theirs,
        "seconds": time.perf_counter() - start,
    }
    say(f"accuracy {right / count:.4f}; published, on the test part: {theirs}")
    if options.json is not None or not options.quick:
        write_results(options.json or Path(__file__).parent / "results" / "nir_digits.json", content)


if __name__ == "__main__":
    main()
