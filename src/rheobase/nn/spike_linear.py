"""Products with spikes in bfloat16, where a spike is exact and a product costs a quarter."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpikeLinear(nn.Linear):
    """A linear layer whose products are made in bfloat16 while it trains; at rest (`eval`) it is a plain `Linear`.

    Shapes: x (..., in) of any floating type to (..., out) in the type of the weight.

    Numerics: spikes, 0 and 1, are exact in bfloat16. While training, weights are rounded to 8 bits for the product,
    graded input too, and so are the results and the gradients that come back; sums are made in float32. Weights and
    what the optimiser does to them keep their full precision. Under autocast it does what autocast says.

    >>> layer = SpikeLinear(3, 2, bias=False)
    >>> layer(torch.ones(5, 1, 3)).dtype
    torch.float32
    """

    def forward(self, input: Tensor) -> Tensor:  # the name of torch's argument
        weight, bias = self.weight, self.bias
        if not self.training or torch.is_autocast_enabled(input.device.type):
            return nn.functional.linear(input.to(weight.dtype), weight, bias)
        product = nn.functional.linear(input.bfloat16(), weight.bfloat16()).to(weight.dtype)
        return product if bias is None else product + bias
