"""Synapses of a Loihi core: weights of few bits, with a sign mode and an exponent."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.checks import is_number, is_whole
from rheobase.core.execution.finite import concrete
from rheobase.core.primitives import substitute
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.nn import SynapticDelay

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d | SynapticDelay
Layer = TypeVar("Layer", bound=nn.Module)
SIGN_MODES = ("mixed", "excitatory", "inhibitory")
WIDTH = 8  # bits of a mantissa without its sign
EXACT = 1 << 24  # up to which float32 counts


class Mantissa(nn.Module):
    """The whole weight of a synapse (Davies et al., 2018): floor(2^weight_exp m), with m the nearest mantissa.

    Mantissas are multiples of 2^(8 - weight_bits), of 2^(9 - weight_bits) in mode "mixed", where one bit is the sign:
    -256 to 254 for 8 bits; "excitatory" ones are 0 to 255, "inhibitory" ones -255 to 0. Where training takes a weight
    beyond the ends, it is the end. The gradient is that of the identity, between the ends and beyond them. With a
    `unit`, weights are kept, and learn, in those of the network that they come from, `unit` of which add 1: learning
    rates are then those of that network.

    Shapes: weight (out, ...), in units of what a weight of 1 adds to the sum -> the same, whole numbers.

    Raises: `NotRepresentable` where the weights of a neuron add up to more than 2^24, up to which float32 counts.

    Differs from the paper: what becomes of bits below 1 and of the sign's is that of Brian2Loihi, where a weight that
    is given is cut to its mantissa, not rounded to the nearest.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359; Michaelis et al., Brian2Loihi,
    Front. Neuroinform. 16, 1015624 (2022), doi 10.3389/fninf.2022.1015624.
    """

    def __init__(self, weight_bits: int = 8, weight_exp: int = 0, sign_mode: str = "mixed", unit: float = 1.0):
        super().__init__()
        least = 2 if sign_mode == "mixed" else 1
        if sign_mode not in SIGN_MODES:
            expected = ", ".join(map(repr, SIGN_MODES))
            raise ParameterError("Mantissa", f"sign_mode={sign_mode!r}", f"one of {expected}", "'mixed' is usual")
        if not is_whole(weight_bits, least, WIDTH):
            expected = f"a whole number from {least} to {WIDTH}"
            raise ParameterError("Mantissa", f"weight_bits={weight_bits!r}", expected, "8 is usual")
        if not is_whole(weight_exp, -8, 7):
            raise ParameterError("Mantissa", f"weight_exp={weight_exp!r}", "a whole number from -8 to 7", "0 is usual")
        if not is_number(unit, above=0):
            raise ParameterError("Mantissa", f"unit={unit!r}", "a number > 0", "1.0: weights in what they add")
        self.weight_bits, self.weight_exp, self.sign_mode, self.unit = weight_bits, weight_exp, sign_mode, unit

    @property
    def step(self) -> int:
        """The distance between two mantissas."""
        return 1 << (WIDTH - self.weight_bits + (self.sign_mode == "mixed"))

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the largest mantissa."""
        most = 256 - self.step
        return {"mixed": (-256, most), "excitatory": (0, most), "inhibitory": (-most, 0)}[self.sign_mode]

    def mantissas(self, weight: Tensor) -> Tensor:
        """What the chip stores for a weight as it is kept: int32, of its shape."""
        low, high = self.ends
        size = weight.detach().double() / (self.unit * 2.0**self.weight_exp)
        return (torch.round(size / self.step) * self.step).clamp(low, high).to(torch.int32)

    def forward(self, weight: Tensor) -> Tensor:
        whole = torch.floor(self.mantissas(weight).double() * 2.0**self.weight_exp)
        if concrete() and whole.numel() and float(whole.abs().flatten(1).sum(1).amax()) > EXACT:
            raise NotRepresentable(
                "Mantissa",
                f"weights that add up to {float(whole.abs().flatten(1).sum(1).amax()):g} for a neuron",
                f"no more than {EXACT}, up to which float32 counts",
                "a smaller weight_exp, or fewer synapses",
            )
        return substitute(whole.to(weight.dtype), weight / self.unit)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """A weight that is given, as it is kept; refused where the chip would hold another one altogether."""
        low, high = (end * 2.0**self.weight_exp for end in self.ends)
        size, kept = weight.detach(), weight * self.unit
        wrong = (size < low) | (size > high)
        if bool(wrong.any()):
            given = f"a weight of {float(size[wrong][0]):g} ({int(wrong.sum())} beyond the ends)"
            raise ParameterError(
                "Mantissa", given, f"{low:g} to {high:g}, with {self.extra_repr()}", "scale the weights"
            )
        if bool(size.any()) and not bool(self(kept.detach()).any()):
            given, expected = (
                f"weights of at most {float(size.abs().max()):g}, all of which round to 0",
                "some that do not",
            )
            remedy = (
                "scale them: a threshold is 64 vth_mant, a weight of 1 adds 64; nn.init.uniform_(weight, -60, 60), say"
            )
            raise ParameterError("Mantissa", given, expected, remedy)
        return kept

    def extra_repr(self) -> str:
        unit = "" if self.unit == 1.0 else f", unit={self.unit!r}"
        return f"weight_bits={self.weight_bits}, weight_exp={self.weight_exp}, sign_mode={self.sign_mode!r}{unit}"


def synapses(
    layer: Layer, *, weight_bits: int = 8, weight_exp: int = 0, sign_mode: str = "mixed", unit: float = 1.0
) -> Layer:
    """A linear, convolutional or delaying layer, in place, whose weights are those that a Loihi core stores.

    Its weights, a learnable tensor as before, are in units of what one adds to a compartment's sum, and are rounded at
    every use (see `Mantissa`). `mantissas(layer)` gives what the chip stores. `unit`: in which the learnable tensor is
    kept; the weights that are given, and `layer.weight`, are in units of the chip whatever it is.

    Raises: `ParameterError` for another layer, for one with a bias (a bias is the compartment's), for one that is
    rounded already, for bits, exponents and modes that there are not, and for weights beyond the ends or that all round
    to 0, as those of a fresh layer do.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> layer.weight.data = torch.tensor([[10.2, -400.0]])
    >>> synapses(layer, weight_exp=1).weight.tolist(), mantissas(layer).tolist()
    ([[12.0, -400.0]], [[6, -200]])
    """
    if not isinstance(layer, Weighted):
        expected = "a Linear, Conv1d, Conv2d or SynapticDelay layer"
        raise ParameterError("synapses", type(layer).__name__, expected, "nn.Linear(200, 256, bias=False), say")
    if layer.bias is not None:
        remedy = "bias=False; a bias is the compartment's bias_mant"
        raise ParameterError("synapses", f"{layer!r}", "a layer without a bias", remedy)
    if parametrize.is_parametrized(layer):
        raise ParameterError("synapses", f"{layer!r}", "a layer with plain weights", "take the original")
    rounding = Mantissa(weight_bits, weight_exp, sign_mode, unit)
    parametrize.register_parametrization(layer, "weight", rounding)
    return layer


def mantissas(layer: nn.Module) -> Tensor:
    """The mantissas that the chip stores for the weights of a layer: int32, shaped as the weight.

    Raises: `ParameterError` for a layer that `synapses` has not made.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> layer.weight.data = torch.tensor([[10.2, -30.0]])
    >>> mantissas(synapses(layer)).tolist()  # of mixed signs: one bit of eight is the sign, and mantissas are even
    [[10, -30]]
    """
    rounding = rounding_of(layer)
    return rounding.mantissas(layer.parametrizations["weight"].original)  # type: ignore[union-attr,index,operator]


def rounding_of(layer: nn.Module) -> Mantissa:
    """How the weights of a layer are rounded. Raises `ParameterError` for one that `synapses` has not made."""
    chain = layer.parametrizations["weight"] if parametrize.is_parametrized(layer, "weight") else ()  # type: ignore[index,operator]
    for rounding in chain:
        if isinstance(rounding, Mantissa):
            return rounding
    raise ParameterError("loihi", repr(layer), "a layer with synapses of the chip", "loihi.synapses(layer)")
