"""The networks that are compared: small spiking VGGs, alike but for the cell and the window of its surrogate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn as torch_nn

from rheobase import neurons, nn, surrogates
from rheobase.errors import ParameterError, nearest
from rheobase.reproduce.dqif import theory as dqif
from rheobase.reproduce.scaled_input import ScaledInput

RECONSTRUCTED = (
    "The update of the paper (its equation 11) and its formula of the window could not be read: both are "
    "reconstructions here, and so are the moments behind them. Form A, 'euler', has lam = 1; form B, 'factored', 0."
)
LAM = {"factored": 0.0, "euler": 1.0}
PLOTTED: dict[str, Any] = {"a": 0.25, "u1": 0.0, "u2": 0.5}  # of the paper's figure, and DQIF's defaults
KINDS = ("DQIF, factored", "DQIF, euler", "DQIF, factored, learned", "DQIF, euler, learned", "LIF", "PLIF")
STANDARD = 1.0  # the window of LIF and PLIF: their threshold
GAIN = 2.0  # 1 / k(0): PLIF of tau = 2 steps then adds its input to the potential


def network(
    kind: str,
    shape: Sequence[int],
    classes: int,
    *,
    plan: Sequence[int | str],
    width: float = 1.0,
    window: float | None = None,
) -> nn.SpikingVGG:
    """A network of one kind of cell; all reset to 0 and have a rectangular surrogate of area 1.

    LIF: u[t] = v[t-1] / 2 + i[t], which is PLIF (factor 2 on its input) before it learns. PLIF: its time constant
    learns, one for each layer. DQIF: a, u1, u2 are those of the paper's figure; "learned": one of each for each layer
    learns, inside the ranges in which the cell is stable. `window`, the width of the surrogate, is that of the formula
    for DQIF, else 1.

    Raises: `ParameterError` for another kind.
    """
    if kind not in KINDS:
        raise ParameterError("network", f"kind {kind!r}", "a kind of cell", nearest(kind, KINDS))
    chosen = formula(kind) if window is None else window
    return nn.SpikingVGG(shape, classes, neuron=lambda size: _cells(kind, size, chosen), plan=plan, width=width)


def form(kind: str) -> str:
    """The form of DQIF that a kind has; empty for another cell."""
    return next((name for name in LAM if kind.startswith(f"DQIF, {name}")), "")


def formula(kind: str) -> float:
    """The window of a kind of cell: of DQIF the spread of its potential in the second step, else 1.

    >>> round(formula("DQIF, euler"), 2), formula("LIF")
    (1.11, 1.0)
    """
    name = form(kind)
    return float(dqif.window(moments(name, 2))) if name else STANDARD


def moments(name: str, steps: int) -> dqif.Moments:
    """Of the potential of DQIF in a form, under normalised input: what the formula predicts for each step."""
    return dqif.membrane_moments(**PLOTTED, lam=LAM[name], steps=steps, clamp=name == "euler")


def boxcar(width: float) -> surrogates.Boxcar:
    """The rectangle of area 1 and this width."""
    return surrogates.Boxcar(width, 1.0 / width)


def _cells(kind: str, size: tuple[int, ...], window: float) -> torch_nn.Module:
    given: dict[str, Any] = {"surrogate": boxcar(window)}
    if name := form(kind):
        learn = tuple(PLOTTED) if kind.endswith("learned") else ()
        return neurons.DQIF(size, form=name, learn=learn, **given)
    return ScaledInput(neurons.PLIF(size, learn=("a",) if kind == "PLIF" else (), **given), GAIN)


def cells_and_norms(net: torch_nn.Module) -> list[tuple[neurons.DQIF, nn.TdBatchNorm]]:
    """Each layer of DQIF with the normalisation before it, in order."""
    found: list[tuple[neurons.DQIF, nn.TdBatchNorm]] = []
    norm: nn.TdBatchNorm | None = None
    for part in net.modules():
        if isinstance(part, nn.TdBatchNorm):
            norm = part
        elif isinstance(part, neurons.DQIF) and norm is not None:
            found.append((part, norm))
    return found


def layer_windows(net: torch_nn.Module) -> list[float]:
    """The window of each layer, from its normalisation as it stands."""
    return [float(dqif.layer_window(*one)) for one in cells_and_norms(net)]


def step_windows(name: str, steps: int) -> list[float]:
    """The window of each step."""
    return [float(w) for w in moments(name, steps).std]


def images(x: torch.Tensor) -> torch.Tensor:
    """(n, height, width) with an axis for the one colour; coloured images as they are."""
    return x[:, None] if x.dim() == 3 else x
