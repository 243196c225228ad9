"""What a neuron is: declaration, integration, firing, and the reference loop. No kernel lives here."""

from rheobase.core.declaration.insertion import insert
from rheobase.core.declaration.words import (
    EntrySpec,
    Option,
    ParamSpec,
    Relax,
    StateSpec,
    entry,
    option,
    param,
    relax,
    state,
)
from rheobase.core.equations.refractory import barred, running
from rheobase.core.map import MapNeuron
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.ode import OdeNeuron
from rheobase.core.point import PointNeuron

__all__ = [
    "EntrySpec",
    "MapNeuron",
    "Neuron",
    "OdeNeuron",
    "Option",
    "ParamSpec",
    "PointNeuron",
    "Relax",
    "StateSpec",
    "Transition",
    "barred",
    "entry",
    "insert",
    "option",
    "param",
    "relax",
    "running",
    "state",
]
