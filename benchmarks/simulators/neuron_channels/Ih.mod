: The hyperpolarization-activated cation current (Kole, Hallermann & Stuart 2006), as rheobase.channels.Ih has it.

NEURON {
    THREADSAFE
    SUFFIX Ih
    NONSPECIFIC_CURRENT ih
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 1e-5 (S/cm2)
    eh = -45 (mV)
}

ASSIGNED {
    v (mV)
    ih (mA/cm2)
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ih = gbar*m*(v - eh)
}

INITIAL {
    rates(v)
    m = minf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
}

PROCEDURE rates(v (mV)) {
    LOCAL alpha, beta
    UNITSOFF
    alpha = 0.00643*linear(v + 154.9, 11.9)
    beta = 0.193*exp(v/33.1)
    minf = alpha/(alpha + beta)
    mtau = 1/(alpha + beta)
    UNITSON
}

FUNCTION linear(x, k) {
    : x/(exp(x/k) - 1), which is k - x/2 near 0
    if (fabs(x/k) < 1e-6) {
        linear = k - x/2
    } else {
        linear = x/(exp(x/k) - 1)
    }
}
