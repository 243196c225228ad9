: The transient potassium current of layer 5 somata (Korngreen & Sakmann 2000), as rheobase.channels.K_Tst has it.

NEURON {
    THREADSAFE
    SUFFIX K_Tst
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
    ik = gbar*m*m*m*m*h*(v - ek)
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
    LOCAL u, x, y, q
    UNITSOFF
    u = v + 10
    q = 2.952882641412121
    x = (u + 71)/59
    y = (u + 73)/23
    minf = 1/(1 + exp(-u/19))
    mtau = (0.34 + 0.92*exp(-x*x))/q
    hinf = 1/(1 + exp((u + 66)/10))
    htau = (8 + 49*exp(-y*y))/q
    UNITSON
}
