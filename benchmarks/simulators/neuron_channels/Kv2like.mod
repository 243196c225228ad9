: The slow delayed rectifier of Kv2 type (Keren et al. 2005), as rheobase.channels.Kv2like has it.

NEURON {
    THREADSAFE
    SUFFIX Kv2like
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
    ek (mV)
    ik (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
    ktau (ms)
}

STATE { m h k }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*m*m*0.5*(h + k)*(v - ek)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
    k = hinf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
    k' = (hinf - k)/ktau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b, q, y
    UNITSOFF
    q = 2.3^1.3
    y = (v - 43)/11
    if (fabs(y) < 1e-6) { a = 0.12*11*(1 + y/2) } else { a = 0.12*(-11*y)/(exp(-y) - 1) }
    b = 0.02*exp(-(v + 1.27)/120)
    minf = a/(a + b)
    mtau = 2.5/(q*(a + b))
    hinf = 1/(1 + exp((v + 58)/11))
    y = (v + 75)/48
    htau = (360 + (1010 + 23.7*(v + 54))*exp(-y*y))/q
    ktau = (2350 + 1380*exp(-0.011*v) - 210*exp(-0.03*v))/q
    if (ktau < 0) { ktau = 0.001 }
    UNITSON
}
