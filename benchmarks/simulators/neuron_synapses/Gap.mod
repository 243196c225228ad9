: One end of a gap junction: the current to the potential of the other end, which is that of the step before.

NEURON {
    POINT_PROCESS Gap
    NONSPECIFIC_CURRENT i
    RANGE g
    POINTER other
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER { g = 1e-3 (uS) }

ASSIGNED {
    v (mV)
    other (mV)
    i (nA)
}

BREAKPOINT { i = g*(v - other) }
