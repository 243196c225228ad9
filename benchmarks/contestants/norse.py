"""Norse's cells in a loop over time."""

from __future__ import annotations

from importlib.metadata import version

import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_integral
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.functional.reset import reset_subtract
from norse.torch.module.lif_box import LIFBoxCell
from torch import Tensor

from benchmarks.contestants import Layer, scan
from benchmarks.models import DECAY, DECAY_SYN
from rheobase import surrogates

NAME = f"Norse {version('norse')}"
LACKS = {
    "FiveStates": "no such neuron; one of its own would be the plain torch loop",
    "SRC": "no such neuron",
    "SRCThroughTime": "no such neuron",
    "ResonateAndFire": "no such neuron",
}


def layers(model: str, neurons: int) -> list[Layer]:
    # dt tau_inv = 1 - decay turns its Euler step into rheobase's exact one
    membrane, synapse = torch.tensor(1.0 - DECAY), torch.tensor(1.0 - DECAY_SYN)
    if model == "LIF":
        # LIFBox is the LIF without a synaptic current. Its "super" gradient is 1 / (1 + |x|)^2 for any alpha
        cell = LIFBoxCell(LIFBoxParameters(tau_mem_inv=membrane, reset_method=reset_subtract), dt=1.0)
        same = {"surrogate": surrogates.FastSigmoid(1.0)}
        differs = "SuperSpike gradient (it has no arctan)"
        return [Layer(NAME, lambda x: scan(cell, x, None), reference=same, differs=differs)]
    if model == "CubaLIF":
        params = LIFParameters(tau_syn_inv=synapse, tau_mem_inv=membrane)

        def run(x: Tensor) -> Tensor:
            rest = LIFFeedForwardState(v=params.v_leak, i=torch.zeros(()))
            return lif_feed_forward_integral(x, rest, params, dt=1.0)[0]

        differs = "resets to 0; current before potential in a step; SuperSpike gradient"
        return [Layer(NAME, run, gain=1.0 - DECAY_SYN, reference=None, differs=differs)]
    return []
