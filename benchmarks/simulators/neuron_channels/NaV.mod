: The transient sodium current as a scheme of 12 states (Carter et al. 2012), as rheobase.channels.NaV has it.
: It starts where the published models start, which is no equilibrium (`NaV.neuron_start`).

NEURON {
    THREADSAFE
    SUFFIX NaV
    USEION na READ ena WRITE ina
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER { gbar = 0.015 (S/cm2) }

ASSIGNED {
    v (mV)
    celsius (degC)
    ena (mV)
    ina (mA/cm2)
    phi
    up (/ms)
    down (/ms)
    in1 (/ms)
    in2 (/ms)
    in3 (/ms)
    in4 (/ms)
    in5 (/ms)
    out1 (/ms)
    out2 (/ms)
    out3 (/ms)
    out4 (/ms)
    out5 (/ms)
    open (/ms)
    shut (/ms)
    block (/ms)
    free (/ms)
    a
    b
}

STATE { c1 c2 c3 c4 c5 o i1 i2 i3 i4 i5 i6 }

BREAKPOINT {
    SOLVE scheme METHOD sparse
    ina = gbar*o*(v - ena)
}

INITIAL {
    constants()
    rates(v)
    SOLVE start
}

KINETIC scheme {
    rates(v)
    ~ c1 <-> c2 (4*up, down)
    ~ c2 <-> c3 (3*up, 2*down)
    ~ c3 <-> c4 (2*up, 3*down)
    ~ c4 <-> c5 (up, 4*down)
    ~ c5 <-> o (open, shut)
    ~ i1 <-> i2 (4*a*up, down/b)
    ~ i2 <-> i3 (3*a*up, 2*down/b)
    ~ i3 <-> i4 (2*a*up, 3*down/b)
    ~ i4 <-> i5 (a*up, 4*down/b)
    ~ i5 <-> i6 (open, shut)
    ~ c1 <-> i1 (in1, out1)
    ~ c2 <-> i2 (in2, out2)
    ~ c3 <-> i3 (in3, out3)
    ~ c4 <-> i4 (in4, out4)
    ~ c5 <-> i5 (in5, out5)
    ~ o <-> i6 (block, free)
    CONSERVE c1 + c2 + c3 + c4 + c5 + o + i1 + i2 + i3 + i4 + i5 + i6 = 1
}

LINEAR start {
    ~ down*c2 + out1*i1 - (4*up + in1)*c1 = 0
    ~ 4*up*c1 + 2*down*c3 + out2*i2 - (3*up + down + in2)*c2 = 0
    ~ 3*up*c2 + 3*down*c4 + out3*i3 - (2*up + 2*down + in3)*c3 = 0
    ~ 2*up*c3 + 4*down*c5 + out4*i4 - (up + 3*down + in4)*c4 = 0
    ~ up*c4 + shut*o + out5*i5 - (4*down + open + in5)*c5 = 0
    ~ open*c5 + free*i6 - (shut + block)*o = 0
    ~ in1*c1 + down/b*i2 - (4*a*up + out1)*i1 = 0
    ~ in2*c2 + 4*a*up*i1 + 2*down/b*i3 - (3*a*up + down/b + out2)*i2 = 0
    : what enters i3 from i4 counts the rate from i3 to c3: the slip of the published start
    ~ in3*c3 + 3*a*up*i2 + out3*i4 - (2*a*up + 2*down/b + out3)*i3 = 0
    ~ in4*c4 + 2*a*up*i3 + 4*down/b*i5 - (a*up + 3*down/b + out4)*i4 = 0
    ~ in5*c5 + a*up*i4 + shut*i6 - (4*down/b + open + out5)*i5 = 0
    ~ c1 + c2 + c3 + c4 + c5 + o + i1 + i2 + i3 + i4 + i5 + i6 = 1
}

PROCEDURE constants() {
    UNITSOFF
    phi = 2.3^((celsius - 37)/10)
    a = 2.51
    b = 5.32
    in1 = 0.01*phi
    in2 = in1*a
    in3 = in2*a
    in4 = in3*a
    in5 = in4*a
    out1 = 40*phi
    out2 = out1/b
    out3 = out2/b
    out4 = out3/b
    out5 = out4/b
    open = 250*phi
    shut = 60*phi
    block = 8*phi
    free = 0.05*phi
    UNITSON
}

PROCEDURE rates(v (mV)) {
    UNITSOFF
    up = 400*phi*exp(v/24)
    down = 12*phi*exp(-v/24)
    UNITSON
}
