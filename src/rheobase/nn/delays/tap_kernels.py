"""Delays whose length is learned: a kernel around each position, narrowed while training, in the end a single tap.

    K_k(d) = f((k - d) / width) / sum over j of f((j - d) / width),   k = 0 ... taps - 1

f is exp(-u^2 / 2) ("gaussian", as DCLS has it) or max(0, 1 - |u|) ("triangular", as DelRec has it). A triangular kernel
of width 1 interpolates between the two taps beside d. With width 0 the kernel is 1 at the tap nearest to d, as on a
chip; d then has no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

KERNELS = ("gaussian", "triangular")


def around(d: Tensor, taps: int, width: float, shape: str) -> Tensor:
    """K_k(d), (taps, *d.shape): the weight of the input k steps ago for a delay of d steps; `shape` names f.

    >>> around(torch.tensor([1.25]), 4, 1.0, "triangular").flatten().tolist()
    [0.0, 0.75, 0.25, 0.0]
    >>> around(torch.tensor([1.25]), 4, 0.0, "gaussian").flatten().tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    d = d.clamp(0.0, taps - 1.0)
    k = torch.arange(taps, dtype=d.dtype, device=d.device).view(-1, *(1,) * d.dim())
    if width == 0.0:
        return (k == d.round()).to(d.dtype)
    u = (k - d) / width
    # a Gaussian narrower than the grid would lose all its weight: its largest exponent is taken out
    f = torch.softmax(-0.5 * u.square(), 0) if shape == "gaussian" else torch.relu(1.0 - u.abs())
    return f if shape == "gaussian" else f / f.sum(0, keepdim=True)


class Positions(nn.Module):
    """Learnable delays d in steps, and the width of their kernel.

    `width` is a buffer: `anneal` sets it, from taps / 2 say down to 0. Triangular kernels are never narrower than 1
    while they learn, since a narrower one between two taps would be zero at both.

    Raises: `ParameterError` for taps < 1, another kernel, a width < 0.
    """

    def __init__(self, shape: tuple[int, ...], taps: int, *, kernel: str, width: float):
        super().__init__()
        if not is_whole(taps, 1):
            raise ParameterError(
                "delays", f"taps = {taps!r}", "an integer >= 1", "the longest delay plus one, in steps"
            )
        if kernel not in KERNELS:
            raise ParameterError("delays", f"kernel = {kernel!r}", " or ".join(KERNELS), 'kernel="gaussian"')
        self.taps, self.kernel = taps, kernel
        self.d = nn.Parameter((taps - 1) * torch.rand(*shape))
        self.width = nn.Buffer(torch.zeros(()))
        self.anneal(width)

    def anneal(self, width: float) -> None:
        """Set the width of the kernel; 0 rounds every delay to its nearest tap."""
        if not is_number(width, least=0):
            raise ParameterError("delays", f"width = {width!r}", "a number >= 0, in steps", "width=0 in the end")
        self.width.fill_(max(width, 1.0) if self.kernel == "triangular" and width else width)

    def forward(self) -> Tensor:
        """The kernels K_k(d), (taps, *d.shape)."""
        return around(self.d, self.taps, float(self.width), self.kernel)

    def extra_repr(self) -> str:
        return f"{tuple(self.d.shape)}, taps={self.taps}, kernel={self.kernel!r}"


def exponential(start: float, end: float, share: float) -> float:
    """The width after a share (0 to 1) of the annealing, which goes from `start` to `end` by equal factors.

    >>> [round(exponential(12.0, 0.23, s), 2) for s in (0.0, 0.5, 1.0, 2.0)]
    [12.0, 1.66, 0.23, 0.23]
    """
    return start * (end / start) ** min(max(share, 0.0), 1.0)
