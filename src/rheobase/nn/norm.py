"""Batch normalisation over time and batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rheobase.errors import ParameterError
from rheobase.nn.stateful import check_sequence


class TdBatchNorm(nn.Module):
    """Threshold-dependent batch normalisation (Zheng et al., 2021): statistics over time, batch and space.

        y = alpha v_threshold (x - mean) / sqrt(var + eps) * gamma + beta

    Shapes: x (time, batch, features, ...) to the same; one mean and one variance per feature.

    Raises: `ShapeError` for another number of features.

    Reference: Zheng, Wu, Deng, Hu & Li, AAAI 35(12), 11062 (2021), arXiv 2011.05280, eq. 8 to 10.

    >>> norm = TdBatchNorm(3, v_threshold=0.5)
    >>> y = norm(torch.randn(100, 8, 3) * 4 + 1)
    >>> round(y.std().item(), 2)
    0.5
    """

    def __init__(
        self,
        features: int,
        *,
        v_threshold: float = 1.0,
        alpha: float = 1.0,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ):
        super().__init__()
        if v_threshold <= 0 or alpha <= 0:
            given = f"v_threshold = {v_threshold}, alpha = {alpha}"
            raise ParameterError("TdBatchNorm", given, "both > 0", "use the threshold of the neuron that follows")
        self.norm = nn.BatchNorm1d(features, eps=eps, momentum=momentum)
        with torch.no_grad():
            self.norm.weight.fill_(alpha * v_threshold)

    def forward(self, x: Tensor) -> Tensor:
        check_sequence("TdBatchNorm", x, self.norm.num_features, None)
        flat = x.flatten(0, 1)
        wide = flat if flat.dim() <= 3 else flat.flatten(2)
        return self.norm(wide).view_as(x)

    def explained(self, x: Tensor) -> str:
        """For `rheobase.explain`."""
        return "plain torch: a batch normalisation"
