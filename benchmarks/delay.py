"""Delays as states: the tapped delay line, forward and backward, beside torch's convolution and the shift register.

256 neurons with 25 taps each over 100 steps, batch 64. And a training step of a network of 140-256-256-20 AdLIF cells
with and without delays. All forms give the same numbers; contestants take turns in one run.

    python -m benchmarks.delay [--quick]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase import neurons, nn
from rheobase.engine.operators.taps import taps

FULL, QUICK = (100, 64, 256, 25), (20, 2, 16, 4)
INPUTS, CLASSES = 140, 20


def kernel(x: Tensor, m: Tensor) -> Tensor:
    """rheobase's operator."""
    return taps(x, x.new_zeros(len(m) - 1, *x.shape[1:]), m)


def grouped(x: Tensor, m: Tensor) -> Tensor:
    """torch's convolution, each channel for itself, on (batch, channel, time) and back."""
    padded = functional.pad(x.permute(1, 2, 0), (len(m) - 1, 0))
    return functional.conv1d(padded, m.t().flip(1)[:, None], groups=m.shape[1]).permute(2, 0, 1)


def register(x: Tensor, m: Tensor) -> Tensor:
    """The published form: a shift register, step by step."""
    move = torch.diag(x.new_ones(len(m) - 1), -1)
    enter = functional.one_hot(torch.tensor(0), len(m)).to(x)
    held, sums = x.new_zeros(*x.shape[1:], len(m)), []
    for now in x:
        held = torch.einsum("ij,bnj->bni", move, held) + now[..., None] * enter
        sums.append(torch.einsum("bni,in->bn", held, m))
    return torch.stack(sums)


FORMS = {"rheobase": kernel, "torch conv1d, grouped": grouped, "shift register": register}


def forward_backward(form: Callable[[Tensor, Tensor], Tensor], x: Tensor, m: Tensor, g: Tensor) -> list[Tensor]:
    """The sums, and the gradients of input and taps."""
    y = form(x, m)
    return [y.detach(), *torch.autograd.grad(y, [x, m], g)]


def training_step(length: int, steps: int, batch: int, size: int) -> Callable[[], object]:
    """One step of Adam; a history of length 0: no delays."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for before, after in itertools.pairwise((INPUTS, size, size)):
        layers.append(torch.nn.Linear(before, after, bias=False))
        layers += [nn.Delay(after, taps=length)] if length else []
        layers.append(neurons.AdLIF.draw(after, learn=("alpha", "beta", "a", "b")))
    net = nn.Sequential(*layers, torch.nn.Linear(size, CLASSES), neurons.LI(CLASSES, dt=1.0))
    x = (torch.rand(steps, batch, INPUTS) < 0.1).float()
    y = torch.randint(CLASSES, (batch,))
    # so small that the activity stays what it is over all the steps that are timed
    adam = torch.optim.Adam(net.parameters(), lr=1e-7)

    def call() -> None:
        adam.zero_grad()
        functional.cross_entropy(net(x)[0].softmax(-1).sum(0), y).backward()
        adam.step()

    return call


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    steps, batch, size, length = QUICK if options.quick else FULL
    torch.manual_seed(0)
    x, m = torch.randn(steps, batch, size, requires_grad=True), torch.randn(length, size, requires_grad=True)
    g = torch.randn(steps, batch, size)
    wide = [t.detach().double().requires_grad_() for t in (x, m)]
    expected = forward_backward(grouped, wide[0], wide[1], g.double())
    errors: dict[str, float] = {}
    for name, form in FORMS.items():
        found = forward_backward(form, x, m, g)
        errors[name] = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, expected, strict=True))
    calls = {name: (lambda form=form: forward_backward(form, x, m, g)) for name, form in FORMS.items()}
    timings = interleave([Contestant(n, c) for n, c in calls.items()], budget=options.budget, rounds=(3, 400))
    ours = timings["rheobase"].median
    rows: dict[str, Any] = {}
    for name, seconds in timings.items():
        rows[name] = {"seconds": seconds, "to_rheobase": seconds.median / ours, "error": errors[name]}
        say(f"  {name:24s} {1e3 * seconds.median:9.2f} ms {seconds.median / ours:8.1f} x   error {errors[name]:.1e}")
    networks = [Contestant(f"{n} taps", training_step(n, steps, batch, size)) for n in (0, length)]
    whole = interleave(networks, budget=options.budget)
    without, delayed = whole["0 taps"].median, whole[f"{length} taps"].median
    say(f"  training step {1e3 * without:.1f} ms without delays, {1e3 * delayed:.1f} with: {delayed / without:.2f} x")
    finish(
        "delay",
        options,
        {
            "steps": steps,
            "batch": batch,
            "neurons": size,
            "taps": length,
            "rows": rows,
            "training_step": whole,
            "training_ratio": delayed / without,
        },
    )


if __name__ == "__main__":
    main()
