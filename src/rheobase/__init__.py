"""rheobase: a neuron is written once, as its paper writes it, and runs everywhere at kernel speed."""

from rheobase import equivalence, errors, neurons, nn, stimuli
from rheobase.core import MapNeuron, Neuron, OdeNeuron, entry, integrators, option, param, relax, state, surrogates
from rheobase.core.declaration.decay import from_decay, input_scale
from rheobase.core.execution import reference as rollout
from rheobase.core.wrappers import Escape, Noisy, PoissonInput, Refractory
from rheobase.engine import explain
from rheobase.runs import load
from rheobase.version import __version__

__all__ = [
    "Escape", "MapNeuron", "Neuron", "Noisy", "OdeNeuron", "PoissonInput", "Refractory", "__version__", "entry",
    "equivalence", "errors", "explain", "from_decay", "input_scale", "integrators", "load", "neurons", "nn", "option",
    "param", "relax", "rollout", "state", "stimuli", "surrogates",
]  # fmt: skip
