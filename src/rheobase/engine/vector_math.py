"""Elementary functions over vectors, as lines of LLVM: no branch, no table, no call, no fast-math.

Every function takes a `Writer` and a vector of its floats and returns a vector of the same type. Each cuts its
argument into a small remainder and a power of two (sine: a multiple of pi), runs a polynomial over the remainder
and joins the pieces so that tiny arguments keep their relative accuracy and most limits come out by arithmetic;
the rest is a clamp or a select. NaN goes through every step.

    >>> w = Writer(bits=32, lanes=16)
    >>> y = FUNCTIONS["tanh"](w, "%x")
    >>> sum("fdiv" in line for line in w.lines)
    1

Largest error seen, in units in the last place (a correctly rounded result has 0.5):

    ========  =====  =====  ============================================================================
    function  f32    f64    range, and what lies beyond it
    ========  =====  =====  ============================================================================
    exp       1.05   1.05   all; infinity and gradual underflow where the result asks for them
    expm1     1.95   1.85   all
    log       1.05   1.60   all; subnormals, log(0) = -inf, log(x < 0) = NaN
    tanh      2.00   1.95   all; never beyond +-1
    sigmoid   1.90   1.90   results down to the smallest normal number, which below go to 0
    sin, cos  1.75   1.75   |x| <= 1e4 (f32), 1e6 (f64); NaN from 2**20 (f32), 2**40 (f64) on
    ========  =====  =====  ============================================================================

Coefficients are minimax fits of the error named beside them, found by a linear program over 500 Chebyshev points
in 50 digits; they are rounded to the float type one after the other, lowest power first, and the rest is fitted
again after each. Three devices serve throughout:

* `a > b ? a : b` is `b` where one of them is NaN, as in the machine's own maximum: one instruction.
* Adding 1.5 * 2**(mantissa bits) rounds to an integer and leaves it in the low bits of the sum. With the bias of
  the exponent added as well, one shift makes a power of two of it.
* A fused `x - n * c`, with `n` the integer nearest to `x / c`, is exact: what is left has no more bits than a
  float. What `c` lacks in digits follows as further parts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from .ir import Value, Writer

_MANTISSA = {32: 23, 64: 52}
_BIAS = {32: 127, 64: 1023}

# log(2) and pi as sums of floats. The parts of pi are cut, not rounded, so that all are positive: then x - n * pi
# keeps the sign of x = -0.
_LN2 = {32: (0.6931471824645996, -1.9046542121259336e-09), 64: (0.6931471805599453, 2.3190468138462996e-17)}
_PI = {
    32: (3.141592502593994, 1.5099578831723193e-07, 1.0780605906948477e-14),
    64: (3.141592653589793, 1.224646799147353e-16, 2.165713347843828e-32),
}


# --- pieces ------------------------------------------------------------------------------------------------
def _bits(w: Writer, value: float) -> int:
    return int.from_bytes(struct.pack(">f" if w.bits == 32 else ">d", value), "big")


def _sign_bit(w: Writer) -> Value:
    return w.iconst(-(2 ** (w.bits - 1)))


def _with_sign_of(w: Writer, magnitude: Value, x: Value) -> Value:
    """`magnitude`, negative where x is: it must not have the opposite sign of x already."""
    return w.to_float(w.iop("or", w.to_int(magnitude), w.iop("and", w.to_int(x), _sign_bit(w))))


def _at_least(w: Writer, x: Value, low: float) -> Value:
    return w.select(w.cmp("ogt", w.const(low), x), w.const(low), x)


def _at_most(w: Writer, x: Value, high: float) -> Value:
    return w.select(w.cmp("olt", w.const(high), x), w.const(high), x)


def _horner(w: Writer, x: Value, coefficients: Sequence[float]) -> Value:
    total = w.const(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = w.fma(total, x, w.const(c))
    return total


def _polynomial(w: Writer, x: Value, square: Value, coefficients: Sequence[float]) -> Value:
    """Sum of coefficients[i] * x**i. Even and odd powers run side by side: half the chain, as many operations."""
    even, odd = _horner(w, square, coefficients[::2]), _horner(w, square, coefficients[1::2])
    return w.fma(odd, x, even)


def _nearest(w: Writer, x: Value, rate: float, bias: int = 0) -> tuple[Value, Value]:
    """The integer n nearest to x * rate, as floats; and integers whose low bits hold n + bias."""
    shift = w.const(1.5 * 2.0 ** _MANTISSA[w.bits] + bias)
    shifted = w.fma(x, w.const(rate), shift)
    return w.sub(shifted, shift), w.to_int(shifted)


def _power_of_two(w: Writer, exponent: Value) -> Value:
    """2 ** (exponent - bias), from the low bits of an integer."""
    return w.to_float(w.iop("shl", exponent, w.iconst(_MANTISSA[w.bits])))


def _inverse(w: Writer, power: Value) -> Value:
    """1 / power for a power of two."""
    return w.to_float(w.iop("sub", w.iconst(2 * _BIAS[w.bits] << _MANTISSA[w.bits]), w.to_int(power)))


def _remainder(w: Writer, x: Value, n: Value, parts: Sequence[float]) -> Value:
    """x - n * sum(parts)."""
    for part in parts:
        x = w.fma(n, w.const(-part), x)
    return x


# --- exponentials ------------------------------------------------------------------------------------------
# From here on the result is infinite, or rounds to zero; n = x / log(2) stays within the reach of two powers.
_EXP_HIGH = {32: 89.0, 64: 710.0}
_EXP_LOW = {32: -104.0, 64: -746.0}
# From here on expm1 rounds to -1.
_EXPM1_LOW = {32: -18.0, 64: -38.0}

# (e**r - 1 - r) / r**2 for |r| <= log(2) / 2; error of e**r - 1, relative: 1.4e-8, 1.9e-17.
_EXP = {
    32: (0.4999999701976776, 0.1666654646396637, 0.04166744649410248, 0.008366248570382595, 0.0013869678368791938),
    64: (
        0.5000000000000006, 0.1666666666666665, 0.041666666666576264, 0.008333333333360029,
        0.0013888888931379612, 0.0001984126977056182, 2.4801505635218688e-05, 2.7557369256577555e-06,
        2.762587489114846e-07, 2.506407442536377e-08,
    ),
}  # fmt: skip

# The same for |r| <= log(2); 3.3e-8, 2.5e-17.
_EXPM1 = {
    32: (
        0.5000002384185791, 0.16666647791862488, 0.041662074625492096, 0.00833426509052515,
        0.0014091728953644633, 0.0001985147246159613,
    ),
    64: (
        0.4999999999999996, 0.16666666666666727, 0.04166666666669042, 0.008333333333315275,
        0.0013888888884796623, 0.00019841269857881553, 2.4801590292088154e-05, 2.7557313007481505e-06,
        2.7556263897146664e-07, 2.5052978069705037e-08, 2.1054657107718496e-09, 1.6065827852250543e-10,
    ),
}  # fmt: skip


def exp(w: Writer, x: Value) -> Value:
    """e**x = 2**n * e**r. 2**n is the product of two powers, of which the second to be multiplied brings the
    overflow, or the one rounding of a subnormal result."""
    mantissa, bias = _MANTISSA[w.bits], _BIAS[w.bits]
    x = _at_most(w, _at_least(w, x, _EXP_LOW[w.bits]), _EXP_HIGH[w.bits])
    n, total = _nearest(w, x, 1.0 / math.log(2.0), 2 * bias)
    r = _remainder(w, x, n, _LN2[w.bits])
    square = w.mul(r, r)
    q = w.fma(square, _polynomial(w, r, square, _EXP[w.bits]), r)
    # Both biased exponents in place: the half of the total, and what is left of it.
    field = w.iconst((2 * bias + 1) << mantissa)
    half = w.iop("and", w.iop("shl", total, w.iconst(mantissa - 1)), field)
    rest = w.to_float(w.iop("sub", w.iop("shl", total, w.iconst(mantissa)), half))
    return w.mul(w.to_float(half), w.fma(rest, q, rest))


def _power_and_expm1(w: Writer, x: Value) -> tuple[Value, Value]:
    """s and q with e**x = s**2 * (1 + q)."""
    k, exponent = _nearest(w, x, 0.5 / math.log(2.0), _BIAS[w.bits])
    r = _remainder(w, x, k, [2.0 * part for part in _LN2[w.bits]])
    square = w.mul(r, r)
    q = w.fma(square, _polynomial(w, r, square, _EXPM1[w.bits]), r)
    return _power_of_two(w, exponent), q


def expm1(w: Writer, x: Value) -> Value:
    clamped = _at_most(w, _at_least(w, x, _EXPM1_LOW[w.bits]), _EXP_HIGH[w.bits])
    s, q = _power_and_expm1(w, clamped)
    result = w.mul(s, w.fma(s, q, w.sub(s, _inverse(w, s))))
    return _with_sign_of(w, result, x)  # -0 was lost in the sums


# --- tanh and sigmoid --------------------------------------------------------------------------------------
# From here on tanh rounds to -1.
_TANH_LOW = {32: -10.0, 64: -20.0}
# From here on sigmoid rounds to 1, and to 0: there n is one below the smallest exponent, so 2**n has no bit set.
_SIGMOID_HIGH = {32: 20.0, 64: 40.0}
_SIGMOID_LOW = {32: -88.0, 64: -709.0}

# (tanh r - r) / r**3 in powers of r**2, for |r| <= log(2) / 4; error of tanh r, relative: 1.7e-10, 4.1e-18.
_TANH = {
    32: (-0.33333322405815125, 0.1333114206790924, -0.05271529033780098),
    64: (
        -0.3333333333333249, 0.13333333332784877, -0.0539682527836849, 0.021869370826394976,
        -0.008857312221585126, 0.0034448778566784975,
    ),
}  # fmt: skip

# tanh(r / 2) / r in powers of r**2, for |r| <= log(2) / 2; error of tanh(r / 2), absolute: 4.6e-9, 4.1e-19.
_TANH_OF_HALF = {
    32: (0.49999991059303284, -0.041660960763692856, 0.004075408913195133),
    64: (
        0.5, -0.041666666666664645, 0.004166666666402439, -0.0004216269717582042, 4.2713567512192875e-05,
        -4.324524427068894e-06, 4.1962207067361077e-07,
    ),
}  # fmt: skip


def tanh(w: Writer, x: Value) -> Value:
    y = _at_least(w, w.to_float(w.iop("or", w.to_int(x), _sign_bit(w))), _TANH_LOW[w.bits])
    s, q = _power_and_expm1(w, w.add(y, y))
    inverse = _inverse(w, s)
    result = w.div(w.fma(w.neg(s), q, w.sub(inverse, s)), w.fma(s, q, w.add(inverse, s)))
    return _with_sign_of(w, result, x)


def tanh_add(w: Writer, x: Value) -> Value:
    """By the addition theorem, from y = -|x| = n * log(2) / 2 + r, p = 2**n and t = tanh r:

    tanh y = ((p - 1) + (p + 1) * t) / ((p + 1) + (p - 1) * t). Near 0 that is t, far away -1 over 1.
    """
    y = _at_least(w, w.to_float(w.iop("or", w.to_int(x), _sign_bit(w))), _TANH_LOW[w.bits])
    n, exponent = _nearest(w, y, 2.0 / math.log(2.0), _BIAS[w.bits])
    head, tail = (0.5 * part for part in _LN2[w.bits])
    r = _remainder(w, y, n, [head])
    square = w.mul(r, r)
    cube = w.mul(r, square)
    series = _horner(w, square, _TANH[w.bits])
    if w.bits == 32:
        t = w.fma(cube, series, r)  # n * tail is too small to matter where n does
    else:
        t = w.add(r, w.fma(cube, series, w.mul(n, w.const(-tail))))
    p = _power_of_two(w, exponent)
    less, more = w.sub(w.const(1.0), p), w.add(w.const(1.0), p)
    result = w.div(w.fma(w.neg(more), t, less), w.fma(w.neg(less), t, more))
    return _with_sign_of(w, result, x)


def sigmoid(w: Writer, x: Value) -> Value:
    """1 / (1 + e**-x), from x = n * log(2) + r, p = 2**n and t = tanh(r / 2), since e**r = (1 + t) / (1 - t):

    p * (1 + t) / ((p + 1) + (p - 1) * t). Nothing cancels, so small results keep their digits.
    """
    x = _at_most(w, _at_least(w, x, _SIGMOID_LOW[w.bits]), _SIGMOID_HIGH[w.bits])
    n, exponent = _nearest(w, x, 1.0 / math.log(2.0), _BIAS[w.bits])
    r = _remainder(w, x, n, _LN2[w.bits])
    square = w.mul(r, r)
    t = w.mul(r, _horner(w, square, _TANH_OF_HALF[w.bits]))
    p = _power_of_two(w, exponent)
    less, more = w.sub(p, w.const(1.0)), w.add(p, w.const(1.0))
    return w.div(w.fma(p, t, p), w.fma(less, t, more))


# --- logarithm ---------------------------------------------------------------------------------------------
_SMALLEST_NORMAL = {32: 2.0**-126, 64: 2.0**-1022}

# (log(1 + f) - f + f**2 / 2) / f**3 for sqrt(1/2) <= 1 + f <= sqrt(2); error of log, relative: 3.2e-8, 5.2e-17.
_LOG = {
    32: (
        0.3333390951156616, -0.2500133514404297, 0.19963102042675018, -0.16577649116516113,
        0.14914479851722717, -0.14266961812973022, 0.08700546622276306,
    ),
    64: (
        0.33333333333328524, -0.25000000000006306, 0.20000000001652546, -0.16666666666732669,
        0.14285714094130889, -0.12499999814724749, 0.1111112174362837, -0.10000018336528212,
        0.09090589330456601, -0.08332555029545831, 0.07697635636950956, -0.07160166883001402,
        0.06622099062648826, -0.060420525420422144, 0.059722366522886074, -0.06783494660302551,
        0.06324904681490158, -0.028324657979286537,
    ),
}  # fmt: skip


def log(w: Writer, x: Value) -> Value:
    """log x = n * log(2) + log(1 + f). One float of log(2) is enough: its error is relative, as that of n * log(2)."""
    mantissa = _MANTISSA[w.bits]
    subnormal = w.cmp("olt", x, w.const(_SMALLEST_NORMAL[w.bits]))
    normal = w.select(subnormal, w.mul(x, w.const(2.0**mantissa)), x)
    # Counted from sqrt(1/2), the exponent field holds n + bias and the mantissa field the bits of 1 + f.
    root = _bits(w, math.sqrt(0.5))
    offset = w.iop("add", w.to_int(normal), w.iconst(_bits(w, 1.0) - root))
    # An integer below 2**mantissa, set into the mantissa of that power: AVX2 cannot convert 64-bit integers.
    power = 2.0**mantissa
    field = w.iop("or", w.iop("lshr", offset, w.iconst(mantissa)), w.iconst(_bits(w, power)))
    bias = power + _BIAS[w.bits]
    n = w.sub(w.to_float(field), w.select(subnormal, w.const(bias + mantissa), w.const(bias)))
    scaled = w.iop("add", w.iop("and", offset, w.iconst(2**mantissa - 1)), w.iconst(root))
    f = w.sub(w.to_float(scaled), w.const(1.0))

    square = w.mul(f, f)
    tail = w.fma(f, _polynomial(w, f, square, _LOG[w.bits]), w.const(-0.5))
    result = w.fma(n, w.const(_LN2[w.bits][0]), w.fma(square, tail, f))

    result = w.select(w.cmp("olt", x, w.const(math.inf)), result, x)  # infinity and NaN
    pole = w.select(w.cmp("oeq", x, w.const(0.0)), w.const(-math.inf), w.const(math.nan))
    return w.select(w.cmp("ugt", x, w.const(0.0)), result, pole)


# --- sine and cosine ---------------------------------------------------------------------------------------
# From here on rounding x / pi puts the remainder beyond the range of the polynomial.
_ANGLE_LIMIT = {32: 2.0**20, 64: 2.0**40}

# (sin r - r) / r**3 in powers of r**2, for |r| <= 1.03 (f64: 1.001) * pi / 2; error of sin r, relative: 8.7e-9, 3.0e-19.
_SIN = {
    32: (-0.16666659712791443, 0.008333069272339344, -0.00019809768127743155, 2.6060538402816746e-06),
    64: (
        -0.16666666666666666, 0.008333333333333207, -0.0001984126984121248, 2.755731921156948e-06,
        -2.5052106904421295e-08, 1.6058941002091872e-10, -7.643019360038123e-13, 2.721419329105707e-15,
    ),
}  # fmt: skip


def _angle(w: Writer, x: Value) -> Value:
    return w.select(w.cmp("olt", w.unary("fabs", x), w.const(_ANGLE_LIMIT[w.bits])), x, w.const(math.nan))


def _sine_about(w: Writer, x: Value, turns: Value, parity: Value) -> Value:
    """sin(x - turns * pi), negated where the lowest bit of `parity` is set."""
    r = _remainder(w, x, turns, _PI[w.bits])
    square = w.mul(r, r)
    # The first coefficient comes last: rounding the sum twice at its full size would cost half a unit.
    first, *others = _SIN[w.bits]
    rest = _horner(w, square, others)
    magnitude = w.fma(w.mul(r, square), w.fma(square, rest, w.const(first)), r)
    sign = w.iop("xor", w.to_int(r), w.iop("shl", parity, w.iconst(w.bits - 1)))
    return w.copysign(magnitude, w.to_float(sign))  # as r has it: -0 was lost in the sum


def sin(w: Writer, x: Value) -> Value:
    """sin x = (-1)**n * sin(x - n * pi)."""
    x = _angle(w, x)
    n, parity = _nearest(w, x, 1.0 / math.pi)
    return _sine_about(w, x, n, parity)


def cos(w: Writer, x: Value) -> Value:
    """cos x = (-1)**n * sin(x - (n - 1/2) * pi)."""
    x = _angle(w, x)
    n, parity = _nearest(w, w.fma(x, w.const(1.0 / math.pi), w.const(0.5)), 1.0)
    return _sine_about(w, x, w.sub(n, w.const(0.5)), parity)


FUNCTIONS: dict[str, Callable[[Writer, Value], Value]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "sin": sin,
    "cos": cos,
}
