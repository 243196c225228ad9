: The high-voltage-activated calcium current (Reuveni et al. 1993), as rheobase.channels.Ca_HVA has it.

NEURON {
    THREADSAFE
    SUFFIX Ca_HVA
    USEION ca READ eca WRITE ica
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER { gbar = 1e-5 (S/cm2) }

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ica = gbar*m*m*h*(v - eca)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) {
    LOCAL alpha, beta
    UNITSOFF
    alpha = 0.055*linear(-27 - v, 3.8)
    beta = 0.94*exp((-75 - v)/17)
    minf = alpha/(alpha + beta)
    mtau = 1/(alpha + beta)
    alpha = 0.000457*exp((-13 - v)/50)
    beta = 0.0065/(1 + exp((-15 - v)/28))
    hinf = alpha/(alpha + beta)
    htau = 1/(alpha + beta)
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
