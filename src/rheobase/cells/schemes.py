"""How a cell goes through time: one step of dt, the inputs held constant over it. Each is a frozen object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from rheobase.checks import is_whole
from rheobase.errors import ParameterError

APART = 40.0  # mV between an extrapolated potential and what it rests on, from which on it means nothing
ORDERS = (2, 3)  # of an extrapolation; those of higher orders amplify rounding and lose stability


@dataclass(frozen=True)
class BackwardEuler:
    """NEURON's fixed step (`secondorder = 0`): order 1, stable at any dt.

    The potentials of all compartments at once by backward Euler with the gates of before, then gates for the new
    potential: those that relax exactly, kinetic schemes by backward Euler.

    >>> BackwardEuler()
    BackwardEuler()
    """

    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Extrapolated:
    """The step of `BackwardEuler`, extrapolated within each step (Deuflhard, 1985): order 3, or 2.

        x' = sum over k = 1 ... order of w_k base(dt/k)^k (x),      w_k = product over i /= k of k/(k - i)

    Of order 2: twice the state after two steps of dt/2, less that after one of dt. What is much faster than dt is at
    its steady state for the new potential after each step. A step takes 6 steps of `BackwardEuler`, of order 2 it takes
    3; how near to dt -> 0 that comes for its cost is measured in `docs/cells.md`.

    Numerics: order 2 is L-stable, order 3 is on all but 0.5 degrees of the half plane beside the imaginary axis. A gate
    can leave 0 to 1 by a little where dt is coarse; the sum of the probabilities of a kinetic scheme stays 1. Where an
    extrapolated potential is more than 40 mV from that of the finest chain, it is NaN, and the call raises `Diverged`.

    Raises: `ParameterError` for another order.

    Reference: Deuflhard, SIAM Rev. 27, 505-535 (1985), doi 10.1137/1027140; Hairer & Wanner, Solving Ordinary
    Differential Equations II, section IV.9 (1996), doi 10.1007/978-3-642-05221-7.

    >>> Extrapolated().order, weights(2), weights(3)
    (3, (-1.0, 2.0), (0.5, -4.0, 4.5))
    """

    order: int = 3

    def __post_init__(self) -> None:
        if not is_whole(self.order, 1) or self.order not in ORDERS:
            remedy = "BackwardEuler() has order 1" if self.order == 1 else "Extrapolated(), of order 3"
            raise ParameterError("Extrapolated", f"order = {self.order!r}", "2 or 3", remedy)


Scheme = BackwardEuler | Extrapolated


def weights(order: int) -> tuple[float, ...]:
    """The weight of each chain, that of k steps of dt/k for k = 1 ... order; their sum is 1."""
    chains = range(1, order + 1)
    return tuple(math.prod(k / (k - i) for i in chains if i != k) for k in chains)


__all__ = ["APART", "ORDERS", "BackwardEuler", "Extrapolated", "Scheme", "weights"]
