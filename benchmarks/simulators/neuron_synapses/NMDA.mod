: The NMDA receptor, as rheobase.synapses.NMDA has it. CONDUCTANCE gives NEURON the slope of the current; without it,
: the slope is a difference of 0.001 mV.

NEURON {
    THREADSAFE
    POINT_PROCESS NMDA
    NONSPECIFIC_CURRENT i
    RANGE tau_rise, tau_decay, e, mg, k_mg, slope
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    tau_rise = 0.29 (ms)
    tau_decay = 43 (ms)
    e = 0 (mV)
    mg = 1 (mM)
    k_mg = 3.57 (mM)
    slope = 0.062 (/mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    factor
    slopes (uS)
    block
}

STATE {
    A (uS)
    B (uS)
}

BREAKPOINT {
    SOLVE decays METHOD cnexp
    CONDUCTANCE slopes
    block = 1/(1 + mg/k_mg*exp(-slope*v))
    i = (B - A)*block*(v - e)
    slopes = (B - A)*block*(1 + slope*(1 - block)*(v - e))
}

INITIAL {
    LOCAL peak
    A = 0
    B = 0
    peak = tau_rise*tau_decay/(tau_decay - tau_rise)*log(tau_decay/tau_rise)
    factor = 1/(exp(-peak/tau_decay) - exp(-peak/tau_rise))
}

DERIVATIVE decays {
    A' = -A/tau_rise
    B' = -B/tau_decay
}

NET_RECEIVE(weight (uS)) {
    A = A + weight*factor
    B = B + weight*factor
}
