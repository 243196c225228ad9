"""A finite history of the input as states: each neuron receives a sum of its last inputs, weighted by its own taps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rheobase.checks import is_whole
from rheobase.core.execution.check import checked_shape
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError
from rheobase.nn.delays.fir import Taps
from rheobase.nn.delays.membrane_gain import membrane_gain

STARTS = ("free", "ones", "exponential", "linear")
DECAY = 0.5  # of the exponential taps, per step


class Delay(Taps):
    """Delays as states (Karilanova, Dey & Ozcelikkale, 2025): the input, and a weighted sum of its last values.

        out[t] = x[t] + (1 / gain) sum_k m_k x[t - k],   k = 0 ... taps - 1, a tap vector m for each neuron

    The last inputs are states beside those of the neuron that follows; the taps couple them into its membrane. A
    membrane multiplies its input by a factor, (1 - alpha); the paper adds the sum after that factor. Dividing by `gain`
    does the same. Give `gain` as the factor, or as the neuron itself: its factor is then computed at every call
    (`membrane_gain`), so that it may be learned. With the default 1 the sum is multiplied like the rest of the input.

    taps      length of the history in steps; 0 leaves the input alone
    start     where m starts: "free" (random), "ones", "exponential" (exp(-k/2)), "linear" ((taps - k) / taps)
    learn     whether m learns
    scaled    m starts with absolute values that sum to 1, and "free" has both signs: a longer history then has the
              gain of a shorter one. False is the paper's start: "free" in [0, 1), nothing divided.

    Shapes: x (time, batch, *shape) to the same; the state (taps - 1, batch, *shape) holds the inputs before the next,
    oldest first.

    Raises: `ParameterError` for taps < 0, another start, or a gain that is not positive; `ShapeError`.

    Numerics: a step's sum is made in the order of k wherever a sequence is cut, so a sequence run in pieces gives the
    same bits as the whole. Sums are float32 or float64, out has the dtype of x.

    Differs from the paper: `scaled`; the input's own tap k = 0 stands beside x[t], as in the authors' code.

    Reference: Karilanova, Dey & Ozcelikkale, arXiv 2512.01906 (2025).

    >>> delay = Delay(2, taps=3, start="ones", scaled=False)
    >>> x = torch.zeros(5, 1, 2)
    >>> x[1] = 1.0
    >>> out, state = delay(x)
    >>> out[:, 0, 0].tolist()
    [0.0, 2.0, 1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        *shape: int | Sequence[int],
        taps: int,
        start: str = "free",
        learn: bool = True,
        scaled: bool = True,
        gain: float | Tensor | Neuron = 1.0,
    ):
        if not is_whole(taps, 0):
            raise ParameterError("Delay", f"taps = {taps!r}", "an integer >= 0", "the length of the history in steps")
        if start not in STARTS:
            raise ParameterError("Delay", f"start = {start!r}", f"one of {', '.join(STARTS)}", 'start="free"')
        super().__init__(checked_shape("Delay", shape), taps)
        m = _start(start, taps, self.shape, scaled)
        self.m = nn.Parameter(m) if learn else nn.Buffer(m)
        # in a tuple: the neuron is a layer of the network, not a part of this one
        self._neuron = (gain,) if isinstance(gain, Neuron) else ()
        number = 1.0 if isinstance(gain, Neuron) else gain
        given = torch.as_tensor(number, dtype=torch.float64)
        self.gain = nn.Buffer(given.to(torch.get_default_dtype(), copy=True))
        self.remember("gain", given, self.gain)
        if not bool((self.gain > 0).all()):
            raise ParameterError("Delay", f"gain = {gain!r}", "a positive factor", "1 - alpha of the membrane, say")

    def weights(self) -> Tensor:
        """The weight of x[t - k] in out[t], (taps, *shape): m / gain, plus 1 at k = 0."""
        gain = membrane_gain(self._neuron[0]) if self._neuron else self.gain
        delayed = self.m / gain
        return torch.cat([delayed[:1] + 1.0, delayed[1:]])

    def extra_repr(self) -> str:
        return f"{', '.join(map(str, self.shape))}, taps={self.taps}"


def _start(start: str, taps: int, shape: tuple[int, ...], scaled: bool) -> Tensor:
    k = torch.arange(taps, dtype=torch.get_default_dtype()).view(-1, *(1,) * len(shape)).expand(taps, *shape)
    if start == "free":
        m = torch.rand(taps, *shape)
        m = 2.0 * m - 1.0 if scaled else m
    elif start == "ones":
        m = torch.ones_like(k)
    else:
        m = torch.exp(-DECAY * k) if start == "exponential" else (taps - k) / max(taps, 1)
    return (m / m.abs().sum(0, keepdim=True) if scaled and taps else m).clone()
