"""Converts neurons of the library, which run in time steps, to neurons of an event-driven network."""

from __future__ import annotations

import numpy as np

from rheobase.errors import NotRepresentable
from rheobase.event_driven.network import Network
from rheobase.neurons import IF, LIF, CubaLIF

# what scales the input of a neuron; here a synapse has one weight for all of it
GAINS = ("r", "w_in")


def from_neuron(neuron: IF | LIF | CubaLIF, *, sources: int = 0) -> Network:
    """A network, without synapses yet, of the neurons of an `IF`, `LIF` or `CubaLIF` with their parameters.

    A shape of several axes is flattened. The leak potential becomes a constant current, and is where v starts.

    Raises: `NotRepresentable` for another neuron, and for an input gain (r, w_in) other than 1: it belongs into the
    weights. A `CubaLIF` that gets the current i for one step of dt has i_syn raised by (1 - exp(-dt/tau_syn)) i: that
    is the weight of an exponential synapse with the same effect.

    >>> from rheobase import neurons
    >>> from_neuron(neurons.LIF(2, dt=1.0, tau_mem=10.0, v_leak=0.25))
    Network(2, sources=0, tau_mem=10.0, current=0.25, v_start=0.25)
    """
    if not isinstance(neuron, IF | LIF | CubaLIF):
        raise NotRepresentable("event_driven.from_neuron", f"{neuron!r}", "IF, LIF or CubaLIF", "use one of these")
    size = int(np.prod(neuron.shape))
    values = {
        name: np.broadcast_to(value.detach().double().cpu().numpy(), neuron.shape).reshape(size)
        for name, value in neuron.values().items()
    }
    for name in GAINS:
        if name in values and bool((values[name] != 1.0).any()):
            raise NotRepresentable(
                "event_driven.from_neuron", f"{name} other than 1 in {neuron!r}", "1", "multiply the weights by it"
            )
    leak = values.get("v_leak", np.zeros(size))
    return Network(
        size,
        sources=sources,
        v_threshold=values["v_threshold"],
        current=leak,
        v_start=leak,
        tau_mem=values.get("tau_mem", np.inf),
        tau_syn=values.get("tau_syn", 5.0),
    )
