"""What a neuron is: declaration, integration, firing, and the reference loop. No kernel lives here."""

from rheobase.core.declare import EntrySpec, Option, ParamSpec, Relax, StateSpec, entry, option, param, relax, state
from rheobase.core.map import MapNeuron
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.ode import OdeNeuron
from rheobase.core.refractory import barred, running

__all__ = [
    "EntrySpec",
    "MapNeuron",
    "Neuron",
    "OdeNeuron",
    "Option",
    "ParamSpec",
    "Relax",
    "StateSpec",
    "Transition",
    "barred",
    "entry",
    "option",
    "param",
    "relax",
    "running",
    "state",
]
