: The persistent potassium current of layer 5 somata (Korngreen & Sakmann 2000), as rheobase.channels.K_Pst has it.

NEURON {
    THREADSAFE
    SUFFIX K_Pst
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
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*m*m*h*(v - ek)
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
    LOCAL u, y, q
    UNITSOFF
    u = v + 10
    q = 2.952882641412121
    y = (u + 75)/48
    minf = 1/(1 + exp(-(u + 1)/12))
    if (u < -50) {
        mtau = (1.25 + 175.03*exp(0.026*u))/q
    } else {
        mtau = (1.25 + 13*exp(-0.026*u))/q
    }
    hinf = 1/(1 + exp((u + 54)/11))
    htau = (360 + (1010 + 24*(u + 55))*exp(-y*y))/q
    UNITSON
}
