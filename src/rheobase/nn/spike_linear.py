"""Products with spikes in bfloat16: a spike is exact in it, and hardware that has it needs a quarter of the time."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import check_tensor
from rheobase.engine.toolchain import constant, features
from rheobase.errors import ParameterError

PRODUCTS = ("auto", "bfloat16", "float32")
GAIN = 1.2  # how much faster products in bfloat16 must have been, measured, before they are made
ROWS, INPUTS, OUTPUTS, RUNS = 2048, 784, 128, 5  # of the measurement


class SpikeLinear(nn.Linear):
    """A linear layer whose products may be made in bfloat16 while it trains; in eval mode it is a plain `Linear`.

    products    "auto" makes them in bfloat16 where the processor has instructions for that and a measurement, made once
                in a process, finds them faster; "bfloat16" and "float32" always use that type

    Shapes: x (..., in) of any floating type to (..., out) in the type of the weight.

    Raises: `ParameterError` for another word for products.

    Numerics: spikes, 0 and 1, are exact in bfloat16. Weights are rounded to its 8 bits for the product, and so are
    graded inputs, the results and the gradients; sums are made in float32. The stored weights and their updates keep
    full precision. With "auto", trainings on machines with and without such instructions differ by that rounding;
    `made_in` and `rheobase.explain` say which it is. Under autocast the products have the type of autocast.

    >>> layer = SpikeLinear(3, 2, bias=False, products="bfloat16")
    >>> layer(torch.ones(5, 1, 3)).dtype
    torch.float32
    >>> layer.made_in("cpu")
    torch.bfloat16
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, products: str = "auto"):
        if products not in PRODUCTS:
            given, expected = f"products = {products!r}", f"one of {', '.join(PRODUCTS)}"
            raise ParameterError("SpikeLinear", given, expected, '"auto" takes the faster one')
        super().__init__(in_features, out_features, bias)
        self.products = products

    def made_in(self, device: torch.device | str) -> torch.dtype:
        """The type of the products in training mode on a device."""
        if self.products == "auto":
            return torch.bfloat16 if faster_in_bfloat16(torch.device(device).type) else torch.float32
        return getattr(torch, self.products)

    def explained(self, x: Tensor) -> str:
        """For `rheobase.explain`."""
        return f"products in {self.made_in(x.device)} while it trains".replace("torch.", "")

    def forward(self, input: Tensor) -> Tensor:  # the name of torch's argument
        check_tensor(self, "input", input)
        weight, bias = self.weight, self.bias
        autocast = torch.is_autocast_enabled(input.device.type)
        if not self.training or autocast or self.made_in(input.device) == torch.float32:
            return nn.functional.linear(input.to(weight.dtype), weight, bias)
        product = nn.functional.linear(input.bfloat16(), weight.bfloat16()).to(weight.dtype)
        return product if bias is None else product + bias

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.products == "auto" else f", products={self.products!r}")


@constant
def faster_in_bfloat16(device: str) -> bool:
    """Whether products in bfloat16 pay on a kind of device: it has instructions for them, and they are faster there."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device != "cpu" or not features() & {"avx512bf16", "amx-bf16", "bf16"}:
        return False
    return measured(torch.float32) > GAIN * measured(torch.bfloat16)


def measured(dtype: torch.dtype) -> float:
    """Seconds of a product and its two gradients, the median of a few."""
    with torch.no_grad():
        x, weight, g = (
            torch.ones(shape, dtype=dtype) for shape in ((ROWS, INPUTS), (OUTPUTS, INPUTS), (ROWS, OUTPUTS))
        )
        times = list[float]()
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            nn.functional.linear(x, weight), g @ weight, g.t() @ x  # pyright: ignore[reportUnusedExpression]
            times.append(time.perf_counter() - began)
    return statistics.median(times[1:])
