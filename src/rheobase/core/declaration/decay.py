"""Time constants from decay factors per step."""

from __future__ import annotations

import math

from rheobase.errors import ParameterError


def from_decay(beta: float, dt: float = 1.0) -> float:
    """The time constant (ms) of a variable that decays by the factor `beta` in one step of `dt` ms.

    tau = -dt / ln(beta)

    Raises: `ParameterError` unless 0 < beta < 1 and dt > 0.

    >>> round(from_decay(0.9, dt=1.0), 4)
    9.4912
    """
    if not 0 < beta < 1:
        raise ParameterError("from_decay", f"beta = {beta!r}", "0 < beta < 1", "a neuron without leak is neurons.IF")
    if not 0 < dt < math.inf:
        raise ParameterError("from_decay", f"dt = {dt!r}", "a time step > 0 in ms", "dt=1.0 is one millisecond")
    return -dt / math.log(beta)
