: The low-voltage-activated calcium current (Avery & Johnston 1996), as rheobase.channels.Ca_LVA has it.

NEURON {
    THREADSAFE
    SUFFIX Ca_LVA
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
    celsius (degC)
    eca (mV)
    ica (mA/cm2)
    phi
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
    phi = 2.3^((celsius - 21)/10)
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
    LOCAL u
    UNITSOFF
    u = v + 10
    minf = 1/(1 + exp(-(u + 30)/6))
    mtau = (5 + 20/(1 + exp((u + 25)/5)))/phi
    hinf = 1/(1 + exp((u + 80)/6.4))
    htau = (20 + 50/(1 + exp((u + 40)/7)))/phi
    UNITSON
}
