"""Keywords of other libraries (snnTorch, SpikingJelly, Norse, Brian2), and what they are called here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

# the names here, of which a neuron has one or none; and what is to be said where a name is not enough
NAMES: Mapping[str, tuple[str, ...]] = {
    "tau": ("tau_mem",),
    "tau_m": ("tau_mem",),
    "threshold": ("v_threshold",),
    "v_th": ("v_threshold",),
    "v_thresh": ("v_threshold",),
    "v_rest": ("v_leak",),
    "surrogate_function": ("surrogate",),
    "spike_grad": ("surrogate",),
}
REMEDIES: Mapping[str, str] = {
    "beta": "tau_mem=rheobase.from_decay(beta, dt), the decay of v in a step, where the neuron has a tau_mem",
    "alpha": "tau_syn=rheobase.from_decay(alpha, dt), the decay of i_syn in a step, where the neuron has a tau_syn",
    "v_reset": "LIF and IF subtract v_threshold at a spike; GLIF1, EIF, AdEx and QIF reset to a v_reset",
    "reset_mechanism": "LIF and IF subtract v_threshold at a spike; GLIF1, EIF, AdEx and QIF reset to a v_reset",
    "init_hidden": "leave it out: a state is an argument and a result, out, state = neuron(x, state)",
    "output": "leave it out: a neuron returns (out, state), and with record=('v',) the traces, too",
    "step_mode": "leave it out: a neuron runs over a whole sequence (time, batch, ...)",
    "store_v_seq": "neuron(x, record=('v',)) returns the trace of v",
    "decay_input": "leave it out where it is True; else multiply the input by rheobase.input_scale(1 - 1/tau)",
    "learn_beta": "learn=('tau_mem',)",
    "learn_threshold": "learn=('v_threshold',)",
    "refractory": "rheobase.Refractory(neuron, tau_refrac=2.0), in ms, around the neuron",
    "tau_mem_inv": "tau_mem in ms: a second is 1000, and an inverse is turned round",
    "tau_syn_inv": "tau_syn in ms: a second is 1000, and an inverse is turned round",
    "method": "leave it out, or integrator=rheobase.integrators.Euler(); the default solves linear equations exactly",
}


def elsewhere(name: str, known: Collection[str]) -> str | None:
    """The remedy for a keyword that another library has; None for one that none of them has.

    >>> elsewhere("threshold", ["tau_mem", "v_threshold"])
    'it is called v_threshold here'
    >>> elsewhere("thresold", ["tau_mem", "v_threshold"]) is None
    True
    """
    called = next((ours for ours in NAMES.get(name, ()) if ours in known), None)
    if name in REMEDIES:
        return REMEDIES[name]
    return f"it is called {called} here" if called else None
