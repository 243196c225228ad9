"""snnTorch's neurons in the loop over time that its users write."""

from __future__ import annotations

from importlib.metadata import version

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor

from benchmarks.contestants import Layer, scan
from benchmarks.models import DECAY, DECAY_SYN

NAME = f"snnTorch {version('snntorch')}"
LACKS = {
    "FiveStates": "no such neuron; one of its own would be the plain torch loop",
    "SRC": "no such neuron",
    "SRCThroughTime": "no such neuron",
    "ResonateAndFire": "no such neuron",
}


def layers(model: str, neurons: int) -> list[Layer]:
    spike = surrogate.atan(alpha=2.0)
    if model == "LIF":
        # beta v + i: the factor (1 - beta) is put into the input, off the clock
        default = snntorch.Leaky(beta=DECAY, spike_grad=spike)
        at_once = snntorch.Leaky(beta=DECAY, spike_grad=spike, reset_delay=False)

        def run(x: Tensor, node: snntorch.Leaky) -> Tensor:
            return scan(node, x, torch.zeros_like(x[0]))

        return [
            Layer(
                NAME,
                lambda x: run(x, default),
                gain=1.0 - DECAY,
                reference=None,
                differs="resets one step late; reset detached",
            ),
            Layer(f"{NAME}, reset_delay=False", lambda x: run(x, at_once), gain=1.0 - DECAY),
        ]
    if model == "CubaLIF":
        node = snntorch.Synaptic(alpha=DECAY_SYN, beta=DECAY, spike_grad=spike)

        def step(i: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            z, syn, mem = node(i, *state)
            return z, (syn, mem)

        def run_synaptic(x: Tensor) -> Tensor:
            return scan(step, x, (torch.zeros_like(x[0]), torch.zeros_like(x[0])))

        gain = (1.0 - DECAY) * (1.0 - DECAY_SYN)
        differs = "current before potential in a step; resets one step late; reset detached"
        return [Layer(NAME, run_synaptic, gain=gain, reference=None, differs=differs)]
    return []
