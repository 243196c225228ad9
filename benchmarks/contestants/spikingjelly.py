"""SpikingJelly's multi-step nodes on the CPU (its torch backend; the CUDA ones need a GPU)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from spikingjelly.activation_based import functional, neuron, surrogate
from torch import Tensor

from benchmarks.contestants import Layer
from benchmarks.models import DECAY, DECAY_SYN, DT, ResonateAndFire

NAME = f"SpikingJelly {version('spikingjelly')}"
LACKS = {
    "FiveStates": "no such neuron; one of its own would be the plain torch loop",
    "SRC": "no such neuron",
    "SRCThroughTime": "no such neuron",
}


def layers(model: str, neurons: int) -> list[Layer]:
    arctan = surrogate.ATan(alpha=2.0)
    if model == "LIF":
        # decay_input with tau = 1/(1 - decay) is v <- decay v + (1 - decay) i: rheobase's LIF
        tau = 1.0 / (1.0 - DECAY)
        node: Any = neuron.LIFNode(tau=tau, v_reset=None, surrogate_function=arctan, step_mode="m")
        return [Layer(NAME, _from_rest(node))]
    if model == "CubaLIF":
        node = neuron.CUBALIFNode(
            c_decay=DECAY_SYN, v_decay=DECAY, v_threshold=1.0, v_reset=None, surrogate_function=arctan
        )
        node.step_mode = "m"
        gain = (1.0 - DECAY) * (1.0 - DECAY_SYN)
        differs = "current before potential in a step"
        return [Layer(NAME, _from_rest(node), gain=gain, reference=None, differs=differs)]
    if model == "ResonateAndFire":
        b, omega = (ResonateAndFire.params[name].default for name in ("damping", "omega"))
        node = neuron.RAFNode(b=b, omega=omega, dt=DT, surrogate_function=arctan, step_mode="m")
        differs = "exact rotation, resets v alone, to 0"
        return [Layer(NAME, _from_rest(node), reference=None, differs=differs)]
    return []


def _from_rest(node: Any) -> Any:
    def run(x: Tensor) -> Tensor:
        functional.reset_net(node)
        return node(x)

    return run
