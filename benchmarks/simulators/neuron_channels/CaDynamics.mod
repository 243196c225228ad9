: The calcium in a shell under the membrane (after Destexhe et al. 1994), as rheobase.channels.CaDynamics has it.

NEURON {
    THREADSAFE
    SUFFIX CaDynamics
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, minCai
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (mM) = (milli/liter)
    F = (faraday) (coulombs)
}

PARAMETER {
    gamma = 0.05
    decay = 80 (ms)
    depth = 0.1 (um)
    minCai = 1e-4 (mM)
}

ASSIGNED { ica (mA/cm2) }

STATE { cai (mM) }

BREAKPOINT { SOLVE pool METHOD cnexp }

INITIAL { cai = minCai }

DERIVATIVE pool {
    cai' = -(10000)*(ica*gamma/(2*F*depth)) - (cai - minCai)/decay
}
