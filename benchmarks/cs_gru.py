"""CS-GRU at the shape of MNIST, forward and backward, beside a plain loop in torch of the same equations.

The plain loop makes every convolution of every step on its own, and autograd does the rest. Its weights are those of
the layer. Each case has another activity: input weights are scaled until the cell fires so often.

    python -m benchmarks.cs_gru [--quick]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase import nn

PLAIN = "plain loop in torch"
FULL, QUICK = (10, 32, 128, 28), (4, 2, 16, 12)
# factor of the input weights W_i: 1 is the paper's start, at which the cell is almost silent
CASES = {"as it starts": 1.0, "some percent": 6.0, "many spikes": 14.0}


class Spike(torch.autograd.Function):
    """A step with the paper's surrogate, as its authors write it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return g / (1 + 10 * x * x)


def plain(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    """The published equations, one step after the other: (time, batch, 1, h, w) to spikes."""
    s = i = v = x.new_zeros(x.shape[1], len(p["bias_i"]), *x.shape[3:])
    spikes = []
    for now in x:
        of_x = {g: F.conv2d(now, p[f"weight_{g}"], p[f"bias_{g}"], padding=1) for g in "ri"}
        of_s = {g: F.conv2d(s, p[f"weight_rec_{g}"], padding=1) for g in "riz"}
        i = torch.sigmoid(of_x["r"] + of_s["r"]) * i + of_x["i"] + of_s["i"]
        z = torch.sigmoid(F.conv2d(i, p["weight_z"], p["bias_z"], padding=1) + of_s["z"])
        v = z * v + (1 - z) * i - s
        s = Spike.apply(v - 1.0)
        spikes.append(s)
    return torch.stack(spikes)


def digits(time: int, batch: int, size: int) -> Tensor:
    """Spikes of blots about as large as a digit, (time, batch, 1, size, size)."""
    generator = torch.Generator().manual_seed(4)
    axis = torch.linspace(-1, 1, size)
    blot = (axis[:, None] ** 2 / 0.33 + axis**2 / 0.13 < 1).float()
    pixels = blot * torch.rand(batch, 1, size, size, generator=generator) ** 0.3
    return (torch.rand(time, *pixels.shape, generator=generator) < pixels).float()


def differentiated(run: Callable[[], Tensor], parameters: list[Tensor]) -> Callable[[], list[Tensor]]:
    """Forward and backward: the spikes, then the gradients of a loss on their rates."""

    def call() -> list[Tensor]:
        out = run()
        loss = out.mean((3, 4)).sum(0).square().sum()
        return [out.detach(), *torch.autograd.grad(loss, parameters)]

    return call


def difference(a: list[Tensor], b: list[Tensor]) -> float:
    """The largest relative difference among tensors, in 2-norms."""
    return max(float((x - y).norm() / y.norm()) for x, y in zip(a, b, strict=True))


def case(sizes: tuple[int, int, int, int], gain: float, budget: float) -> dict[str, Any]:
    time, batch, channels, size = sizes
    torch.manual_seed(0)
    layer, x = nn.CSGRU(1, channels), digits(time, batch, size)
    with torch.no_grad():
        layer.weight_i.mul_(gain)
    named = dict(layer.named_parameters())
    calls = {
        "rheobase": differentiated(lambda: layer(x)[0], list(named.values())),
        PLAIN: differentiated(lambda: plain(x, named), list(named.values())),
    }
    few, exact = x[:, :2].double(), {k: p.detach().double().requires_grad_() for k, p in named.items()}
    (ours, *gradients), (same, *others) = (call() for call in calls.values())
    truth = differentiated(lambda: plain(few, exact), list(exact.values()))()
    small = {
        "rheobase": differentiated(lambda: layer(few.float())[0], list(named.values()))(),
        PLAIN: differentiated(lambda: plain(few.float(), named), list(named.values()))(),
    }
    agreement = {"spikes": (ours == same).double().mean().item(), "gradient": difference(gradients, others)}
    activity = same.mean().item()
    del ours, same, gradients, others
    timings = interleave([Contestant(name, call) for name, call in calls.items()], budget=budget)
    rows = {
        name: {
            "seconds": timing,
            # on two samples, all spikes being equal: from the plain loop in float64
            "error": difference(small[name][1:], truth[1:]) if torch.equal(small[name][0], truth[0].float()) else None,
        }
        for name, timing in timings.items()
    }
    ratio = timings[PLAIN].median / timings["rheobase"].median
    return {"activity": activity, "ratio": ratio, "agreement": agreement, "rows": rows}


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    sizes = QUICK if options.quick else FULL
    cases: dict[str, dict[str, Any]] = {}
    for name, gain in CASES.items():
        cases[name] = found = case(sizes, gain, options.budget)
        say(f"{name}: active in {found['activity']:.2%} of the steps")
        for who, row in found["rows"].items():
            error = "" if row["error"] is None else f"   gradients off by {row['error']:.1e} from float64"
            say(f"  {who:22s} {1e3 * row['seconds'].median:9.1f} ms{error}")
        agreed = found["agreement"]
        say(f"  {found['ratio']:.2f} times as fast; {agreed['spikes']:.6%} equal spikes")
        say(f"  gradients differ by {agreed['gradient']:.1e}")
    finish("cs_gru", options, {"sizes": sizes, "cases": cases})


if __name__ == "__main__":
    main()
