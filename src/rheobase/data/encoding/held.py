"""The last steps of a series side by side, which stay for a while when the series has ended."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.data.encoding.checks import check_integer
from rheobase.data.encoding.series import SeriesCode


@dataclass(frozen=True)
class Held:
    """A code of series whose last `taps` steps stand side by side, and stay for `steps` more when a series has ended.

        out[t] = (z[s], z[s - 1], ..., z[s - taps + 1]),   s = min(t, length - 1),   zeros before the start

    While a series comes in, what a neuron behind it integrates is smeared: each value moves on from weight to weight
    within a membrane time constant, and the last ones hardly act before it ends. Then the whole of it stands still, and
    is weighed as a linear classifier would. How long it stays was found by cross-validation (docs/own_data.md).

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> (time + steps, batch, taps * features), the
    newest first, where `code` gives (time, batch, features); 0 once `steps` are over.

    **Raises**: ParameterError for taps below 1 or steps below 0, and what the code raises.

    >>> from rheobase.data.encoding.series import Currents
    >>> x = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [float("nan")], [float("nan")]]])
    >>> code = Held(Currents(), taps=2, steps=1)
    >>> code(x)[:, 0].tolist(), code.lengths(x).tolist()
    ([[1.0, 0.0], [2.0, 1.0], [3.0, 2.0], [3.0, 2.0]], [4, 2])
    >>> code(x)[:, 1].tolist()
    [[4.0, 0.0], [4.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    """

    code: SeriesCode
    taps: int
    steps: int

    def __post_init__(self) -> None:
        check_integer("Held", "taps", self.taps, 1, None, "1 is the step itself")
        check_integer("Held", "steps", self.steps, 0, None, "0 ends with the series")

    @property
    def per_channel(self) -> int:
        """Outputs for each channel."""
        return self.taps * self.code.per_channel

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Sequence (time + steps, batch, taps * features)."""
        from rheobase.nn import DelayLine

        z = self.code(x, seed=seed, index=index)
        line, _ = DelayLine(z.shape[-1], taps=self.taps)(z)
        ends = self.code.lengths(x).to(z.device)
        at = torch.arange(len(z) + self.steps, device=z.device)[:, None]
        held = line[torch.minimum(at, ends - 1), torch.arange(z.shape[1], device=z.device)]
        return held.masked_fill((at >= ends + self.steps)[..., None], 0.0)

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        return self.code.lengths(x) + self.steps
