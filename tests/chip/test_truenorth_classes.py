"""Which cores are run in 16 bits: at the very limit, and never beyond it, whatever their neurons do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rheobase.chip.truenorth import Configuration, Events, TrueNorth
from rheobase.chip.truenorth.core_class import classes_of, fan_in
from tests.chip.boards import both, random_board

ONE = TrueNorth(cores=(1, 1))
# a drive of 256 * 100 in a tick in which all axons are active
ALL = {"crossbar": 1, "s": 100}
EVERY = Events(np.zeros(256, int), np.zeros(256, int), np.arange(256))


def narrow(**parameters: Any) -> bool:
    """Whether the core is run in 16 bits, once its run is seen to be that of the reference."""
    net = Configuration(ONE, **parameters)
    inputs = EVERY if parameters.get("crossbar") else None
    both(net, 60, inputs)
    return bool(classes_of(net, net.v, range(1)).narrow[0])


@pytest.mark.parametrize(
    ("limit", "beyond"),
    [
        # just below the threshold, and then all that a tick may add
        (dict(ALL, alpha=32767 - 25600 + 1, v=32767 - 25600), dict(ALL, alpha=32767 - 25600 + 2, v=32767 - 25600)),
        (dict(ALL, alpha=5, v=32767 - 25600), dict(ALL, alpha=5, v=32767 - 25600 + 1)),
        (dict(ALL, alpha=5, R=32767 - 25600), dict(ALL, alpha=5, R=32767 - 25600 + 1)),
        (dict(ALL, s=-100, beta=32768 - 25600), dict(ALL, s=-100, beta=32768 - 25600 + 1, v=-7169)),
        (dict(ALL, s=127, gamma=0, alpha=5), dict(ALL, s=128, gamma=0, alpha=5)),
        # of chance a weight adds 1
        (dict(ALL, s=255, b=1, alpha=5), dict(ALL, s=255, b=0, alpha=5)),
        # a linear reset that takes less than a tick brings, either way; none at all
        (dict(leak=100, alpha=100, gamma=1), dict(leak=100, alpha=99, gamma=1)),
        (dict(leak=-100, beta=100, gamma=1, kappa=0), dict(leak=-100, beta=99, gamma=1, kappa=0)),
        (dict(leak=0, gamma=2, alpha=5), dict(leak=1, gamma=2, alpha=5, v=32500)),
        (dict(leak=-90, beta=99, gamma=2, kappa=1), dict(leak=-90, beta=99, gamma=2, kappa=0)),
        (dict(leak=90, epsilon=1, alpha=99), dict(leak=90, epsilon=1, alpha=99, kappa=0, gamma=2, v=-1)),
        # thresholds with all that chance adds
        (dict(alpha=32767), dict(alpha=32768)),
        (dict(leak=200, alpha=32567 - 1022, TM=10), dict(leak=200, alpha=32567 - 1021, TM=10)),
        # a negative threshold that is never met is no matter, unless 16 bits would bring it near
        (dict(beta=200_000, leak=1, alpha=9), dict(beta=200_000, leak=-1, alpha=9)),
        (dict(beta=100_000, TM=10, v=-31744), dict(beta=100_000, TM=10, v=-31745)),
    ],
)
def test_the_limit(limit: dict[str, Any], beyond: dict[str, Any]) -> None:
    assert narrow(**limit)
    assert not narrow(**beyond)


def test_fan_in_is_counted_by_type() -> None:
    net = random_board(1, TrueNorth(cores=(3, 1)), density=0.3)
    found = fan_in(net, slice(1, 3))
    for k, core in enumerate((1, 2)):
        for kind in range(4):
            expected = net.synapses(core)[net.axon_type[core] == kind].sum(0)
            np.testing.assert_array_equal(found[k, kind], expected)
    assert net.n_synapses == found.sum() + net.synapses(0).sum()
