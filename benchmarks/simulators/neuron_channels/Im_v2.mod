: The M current (Vervaeke et al. 2006), as rheobase.channels.Im_v2 has it.

NEURON {
    THREADSAFE
    SUFFIX Im_v2
    USEION k READ ek WRITE ik
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
    celsius (degC)
    ek (mV)
    ik (mA/cm2)
    phi
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*m*(v - ek)
}

INITIAL {
    phi = 2.3^((celsius - 30)/10)
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
    alpha = 0.007*exp(2.4*(v + 48)/26.12)
    beta = 0.007*exp(-3.6*(v + 48)/26.12)
    minf = alpha/(alpha + beta)
    mtau = (15 + 1/(alpha + beta))/phi
    UNITSON
}
