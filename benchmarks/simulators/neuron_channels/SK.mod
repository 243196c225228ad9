: The potassium current that calcium opens (Kohler et al. 1996), as rheobase.channels.SK has it.

NEURON {
    THREADSAFE
    SUFFIX SK
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
    (S) = (siemens)
}

PARAMETER {
    gbar = 1e-6 (S/cm2)
    ztau = 1 (ms)
}

ASSIGNED {
    v (mV)
    cai (mM)
    ek (mV)
    ik (mA/cm2)
    zinf
}

STATE { z }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*z*(v - ek)
}

INITIAL {
    rates(cai)
    z = zinf
}

DERIVATIVE gates {
    rates(cai)
    z' = (zinf - z)/ztau
}

PROCEDURE rates(ca (mM)) {
    LOCAL c
    UNITSOFF
    c = ca
    if (c < 1e-7) {
        c = c + 1e-7
    }
    zinf = 1/(1 + (0.00043/c)^4.8)
    UNITSON
}
