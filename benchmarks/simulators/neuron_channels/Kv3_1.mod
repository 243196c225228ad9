: The Kv3-type delayed rectifier, as rheobase.channels.Kv3_1 has it.

NEURON {
    THREADSAFE
    SUFFIX Kv3_1
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
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*m*(v - ek)
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
    UNITSOFF
    minf = 1/(1 + exp((18.7 - v)/9.7))
    mtau = 4/(1 + exp(-(v + 46.56)/44.14))
    UNITSON
}
