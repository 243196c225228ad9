: The transient potassium current of perisomatic models (Korngreen & Sakmann 2000), as rheobase.channels.K_T has it.

NEURON {
    THREADSAFE
    SUFFIX K_T
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
    LOCAL x, y, q
    UNITSOFF
    q = 2.3^1.3
    x = (v + 71)/59
    y = (v + 73)/23
    minf = 1/(1 + exp(-(v + 47)/29))
    mtau = (0.34 + 0.92*exp(-x*x))/q
    hinf = 1/(1 + exp((v + 66)/10))
    htau = (8 + 49*exp(-y*y))/q
    UNITSON
}
