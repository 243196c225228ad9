"""The neurons in groups, as `rheobase list` shows them, and in a few words what each is taken for."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Integrate-and-fire": {
        "LIF": "training; the usual choice",
        "PLIF": "training with learnt time constants",
        "HardResetLIF": "networks of SpikingJelly and Norse",
        "IF": "conversion and theory; no leak",
        "HardResetIF": "conversion with a reset to a value",
        "CubaLIF": "networks with exponential synapses",
        "CondLIF": "cortical networks with conductances",
        "TTFS": "codes by the time of one spike",
        "SRM0": "theory, by responses to spikes",
    },
    "Readouts, which do not spike": {
        "LI": "readout of networks, in ms",
        "LeakySum": "readout of SRC networks, in steps",
    },
    "Integrate-and-fire with adaptation": {
        "AdLIF": "training on speech and sequences",
        "EFAdLIF": "training, AdLIF by forward Euler",
        "SEAdLIF": "training with stable adaptation",
        "AdEx": "cortical firing patterns, two variables",
        "GIF": "fits to recordings of noisy input",
        "MAT": "spike times by moving thresholds",
        "GLIF1": "Allen Institute fits: leak",
        "GLIF2": "Allen Institute fits: resets",
        "GLIF3": "Allen Institute fits: after-currents",
        "GLIF4": "Allen Institute fits: both of these",
        "GLIF5": "Allen Institute fits: moving threshold",
    },
    "Quadratic, exponential, resonant": {
        "QIF": "how class 1 firing begins",
        "Theta": "class 1 theory, on a circle",
        "EIF": "how fast real spikes begin",
        "Izhikevich": "twenty firing patterns at low cost",
        "ResonateAndFire": "resonance, subthreshold oscillations",
        "DQIF": "deep networks for digital hardware",
    },
    "Conductance-based": {
        "HodgkinHuxley": "squid axon; the reference of spikes",
        "TraubMiles": "pyramidal cells in network benchmarks",
        "WangBuzsaki": "fast interneurons and gamma rhythms",
        "ConnorStevens": "slow firing by an A-current",
        "Pospischil": "classes of cortical and thalamic cells",
    },
    "Oscillators of two or three variables": {
        "FitzHughNagumo": "excitability, seen in a plane",
        "MorrisLecar": "both classes of excitability",
        "HindmarshRose": "bursting and chaos, three variables",
    },
    "Recurrent cells, which are trained": {
        "SRC": "training; spikes by its own dynamics",
        "BRC": "training with memory that lasts",
        "ELM": "stand-in for a cell, learned from traces",
    },
}


def placed(name: str) -> tuple[str, str]:
    """The group of a neuron, and what it is taken for.

    >>> placed("WangBuzsaki")
    ('Conductance-based', 'fast interneurons and gamma rhythms')
    """
    return next((group, members[name]) for group, members in GROUPS.items() if name in members)
