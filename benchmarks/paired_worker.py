"""One of the two processes of `benchmarks.paired`: times the row that is named on each line of its input.

It uses only what both versions have, and names what is a default in one of them.
"""

from __future__ import annotations

import inspect
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from rheobase import OdeNeuron, data, integrators, neurons, nn

STEPS, BATCH, SIZE = 100, 64, 512
BRIEF = 0.15  # seconds of one turn
SCALE = {"mV": 20.0, "pA": 500.0, "uA/cm2": 10.0}


def made(name: str, learn: bool) -> Any:
    """A layer of neurons as both versions can make it."""
    cls = getattr(neurons, name)
    given: dict[str, Any] = {"detach_reset": False}
    if issubclass(cls, OdeNeuron):
        fine = getattr(cls, "crossing", False)
        given |= {"dt": 0.01 if fine else 1.0, "integrator": integrators.ExpEuler()}
        if "detach_spike" in inspect.signature(cls).parameters:
            given["detach_spike"] = False
    return cls(SIZE, learn=tuple(cls.params)[:3] if learn else (), **given)


def layer(name: str, learn: bool = False) -> Callable[[bool], Callable[[], None]]:
    def prepare(backward: bool) -> Callable[[], None]:
        cell = made(name, learn)
        # a version before several inputs had one, called current
        entries = getattr(cell, "entries", {"current": None})
        unit = getattr(type(cell), "input_unit", None) or next(iter(entries.values())).unit
        x = SCALE.get(unit, 1.0) * torch.rand(STEPS, BATCH, SIZE, generator=torch.Generator().manual_seed(0))
        g = torch.rand(STEPS, BATCH, SIZE)
        x.requires_grad_(backward)

        def call() -> None:
            out, _ = cell(x) if len(entries) == 1 else cell(**dict.fromkeys(entries, x))
            if backward:
                torch.autograd.grad(out, [x, *cell.parameters()], g, allow_unused=True)

        return call

    return prepare


def module(make: Callable[[], torch.nn.Module], shape: tuple[int, ...]) -> Callable[[bool], Callable[[], None]]:
    def prepare(backward: bool) -> Callable[[], None]:
        torch.manual_seed(0)
        net = make()
        x = (torch.rand(shape) < 0.1).float().requires_grad_(backward)

        def call() -> None:
            out, *_ = net(x)
            if backward:
                torch.autograd.grad(out.sum(), [x, *net.parameters()], allow_unused=True)

        return call

    return prepare


def encoder() -> Callable[[bool], Callable[[], None]]:
    def prepare(backward: bool) -> Callable[[], None]:
        rate, x = data.Rate(100), torch.rand(64, 784)
        return lambda: rate(x, seed=0)  # type: ignore[return-value]

    return prepare


ROWS: dict[str, Callable[[bool], Callable[[], None]]] = {
    **{name: layer(name) for name in neurons.__all__},
    **{f"{name}-learning": layer(name, True) for name in ("LIF", "SRC", "AdLIF", "AdEx", "DQIF")},
    "Recurrent": module(lambda: nn.Recurrent(neurons.AdLIF(256)), (100, 64, 256)),
    "RecurrentDelay": module(lambda: nn.RecurrentDelay(neurons.AdLIF(256), taps=8), (100, 64, 256)),
    "ConvGRU": module(lambda: nn.ConvGRU(2, 32), (20, 8, 2, 28, 28)),
    "Delay": module(lambda: nn.Delay(512, taps=25), (100, 32, 512)),
    "CSGRU": module(lambda: nn.CSGRU(2, 32), (20, 8, 2, 28, 28)),
    "SpikGRU": module(lambda: nn.SpikGRU(256, 128), (100, 32, 256)),
    "Rate": encoder(),
}


def names() -> Iterator[str]:
    for row in ROWS:
        yield f"{row} forward"
        if row != "Rate":
            yield f"{row} both"


def timed(call: Callable[[], None]) -> float:
    """The median of calls over a short while, after two that are not counted."""
    call()
    began = time.perf_counter()
    call()
    once = time.perf_counter() - began
    times = list[float]()
    for _ in range(max(3, min(60, round(BRIEF / max(once, 1e-6))))):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    prepared: dict[str, Callable[[], None]] = {}
    print(json.dumps(list(names())), flush=True)
    for line in sys.stdin:
        row = line.strip()
        if row not in prepared:
            prepared.clear()
            name, _, kind = row.rpartition(" ")
            prepared[row] = ROWS[name](kind == "both")
        print(json.dumps(timed(prepared[row])), flush=True)


if __name__ == "__main__":
    main()
