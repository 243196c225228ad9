"""Time constants from decay factors per step, and the scale of the input that goes with them."""

from __future__ import annotations

import math

from rheobase.errors import ParameterError

_SCALED = "snnTorch adds its input unscaled: multiply it by input_scale(beta) = 1/(1 - beta)"


def from_decay(beta: float, dt: float = 1.0) -> float:
    """The time constant (ms) of a variable that decays by the factor `beta` in one step of `dt` ms.

    tau = -dt / ln(beta)

    A step of LIF is v <- beta v + (1 - beta) i, one of snnTorch's Leaky v <- beta v + i. For the same potentials, the
    input is multiplied by `input_scale(beta)` = 1/(1 - beta). Leaky subtracts its threshold a step late by default:
    v_threshold=threshold/beta and v_leak=threshold*(1/beta - 1) make LIF fire as it does.

    Raises: `ParameterError` unless 0 < beta < 1 and dt > 0.

    >>> round(from_decay(0.9, dt=1.0), 4)
    9.4912
    """
    _check("from_decay", beta)
    if not 0 < dt < math.inf:
        raise ParameterError("from_decay", f"dt = {dt!r}", "a time step > 0 in ms", "dt=1.0 is one millisecond")
    return -dt / math.log(beta)


def input_scale(beta: float) -> float:
    """The factor 1/(1 - beta) by which an input is multiplied where its source has v <- beta v + i.

    Raises: `ParameterError` unless 0 < beta < 1.

    >>> round(input_scale(0.9), 9)
    10.0
    """
    _check("input_scale", beta)
    return 1.0 / (1.0 - beta)


def _check(owner: str, beta: float) -> None:
    if not 0 < beta < 1:
        raise ParameterError(
            owner, f"beta = {beta!r}", "0 < beta < 1", f"a neuron without leak is neurons.IF; with leak, {_SCALED}"
        )
