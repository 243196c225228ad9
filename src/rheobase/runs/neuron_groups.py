"""The neurons in groups, as `rheobase list` shows them, and in a few words what each is taken for."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Integrate-and-fire": {
        "LIF": "trained networks; the usual choice",
        "PLIF": "trained networks with learnt time constants",
        "IF": "conversion and theory; no leak",
        "CubaLIF": "networks with exponential synaptic currents",
        "CondLIF": "cortical networks driven by conductances",
        "TTFS": "codes by the time of one spike",
        "SRM0": "theory, by responses instead of equations",
    },
    "Readouts, which do not spike": {
        "LI": "readout of trained networks, in ms",
        "LeakySum": "readout of SRC networks, in steps",
    },
    "Integrate-and-fire with adaptation": {
        "AdLIF": "trained networks for speech and sequences",
        "EFAdLIF": "AdLIF by forward Euler, to compare",
        "SEAdLIF": "trained networks with stable adaptation",
        "AdEx": "cortical firing patterns in two variables",
        "GIF": "fits to recordings under fluctuating current",
        "MAT": "predicting spike times by moving thresholds",
        "GLIF1": "fits of the Allen Institute: leak",
        "GLIF2": "fits of the Allen Institute: resets",
        "GLIF3": "fits of the Allen Institute: after-currents",
        "GLIF4": "GLIF2 and GLIF3 together",
        "GLIF5": "GLIF4 with a moving threshold",
    },
    "Quadratic, exponential, resonant": {
        "QIF": "how class 1 firing begins",
        "Theta": "class 1 theory, on a circle",
        "EIF": "how fast real spikes begin",
        "Izhikevich": "twenty firing patterns at low cost",
        "ResonateAndFire": "resonance and subthreshold oscillations",
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
        "MorrisLecar": "both classes of excitability, two variables",
        "HindmarshRose": "bursting and chaos, three variables",
    },
    "Recurrent cells, which are trained": {
        "SRC": "trained networks whose cells spike themselves",
        "BRC": "trained networks with memory that lasts",
    },
}


def placed(name: str) -> tuple[str, str]:
    """The group of a neuron, and what it is taken for.

    >>> placed("WangBuzsaki")
    ('Conductance-based', 'fast interneurons and gamma rhythms')
    """
    return next((group, members[name]) for group, members in GROUPS.items() if name in members)
