"""Elementary functions over vectors, written down as arithmetic: no branch, no table, no call, no fast-math.

Every function takes a writer and a vector of its floats and returns a vector of the same type. Each cuts its argument
into a small remainder and a power of two (sine: a multiple of pi), runs a polynomial over the remainder and joins the
pieces so that tiny arguments keep their relative accuracy and most limits come out by arithmetic; the rest is a clamp
or a select. NaN goes through every step, and a zero keeps its sign where the function has one.

    >>> from rheobase.engine.llvm.ir import Writer
    >>> w = Writer(bits=32, lanes=16)
    >>> y = FUNCTIONS["tanh"](w, "%x")
    >>> sum("fdiv" in line for line in w.lines)
    1

Largest error seen, over every 17th float32 and 24 million float64, in units in the last place (a correctly rounded
result has up to 0.5):

    ========  ====  ====  ===============================================================================
    function  f32   f64   where, and what lies beyond
    ========  ====  ====  ===============================================================================
    exp       1.04  1.02  everywhere; gradual underflow, then 0; infinity
    expm1     1.75  1.66  everywhere
    log       1.15  1.43  everywhere, subnormal arguments too; log(0) = -inf, log(x < 0) = NaN
    tanh      1.75  1.73  everywhere; never beyond +-1
    sigmoid   2.00  2.00  x >= -88 (f32), -709 (f64), below which it is 0; never beyond 1
    sin, cos  1.76  1.72  |x| <= 1e4 (f32), 1e6 (f64); never beyond +-1; the system's from 2**20, 2**40 on
    x ** p    about 2 + 0.8 |p|, p not whole and rounded to the float type first, as torch does
    ========  ====  ====  ===============================================================================

Coefficients are minimax fits of the error named beside them, found by a linear program over 500 Chebyshev points in 50
digits; they are rounded to the float type one after the other, lowest power first, and the rest is fitted again after
each. Three devices serve throughout:

* `a > b ? a : b` is `b` where one of them is NaN, as in the machine's own maximum: one instruction.
* Adding 1.5 * 2**(bits of the mantissa) rounds to an integer and leaves it in the low bits of the sum. With the bias of
  the exponent added as well, one shift makes a power of two of it.
* A fused `x - n * c`, with `n` the integer nearest to `x / c`, is exact: what is left has no more bits than a float.
  The digits that the float `c` lacks follow as further parts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from rheobase.engine.lowering.vectors import Value, Vectors

_MANTISSA = {32: 23, 64: 52}
_BIAS = {32: 127, 64: 1023}

# log(2) and pi as sums of floats. The parts of pi are cut, not rounded, so that all are positive: then x - n * pi
# keeps the sign of x = -0.
_LN2 = {32: (0.6931471824645996, -1.9046542121259336e-09), 64: (0.6931471805599453, 2.3190468138462996e-17)}
_PI = {
    32: (3.141592502593994, 1.5099578831723193e-07, 1.0780605906948477e-14),
    64: (3.141592653589793, 1.224646799147353e-16, 2.165713347843828e-32),
}


# ------------------------------------------------------------------------------------------------------- pieces
def _bits(w: Vectors, value: float) -> int:
    return int.from_bytes(struct.pack(">f" if w.bits == 32 else ">d", value), "big")


def _sign_bit(w: Vectors) -> Value:
    return w.iconst(-(2 ** (w.bits - 1)))


def _with_sign_of(w: Vectors, magnitude: Value, x: Value) -> Value:
    """`magnitude`, negative where x is. A magnitude that is negative already stays so."""
    return w.to_float(w.iop("or", w.to_int(magnitude), w.iop("and", w.to_int(x), _sign_bit(w))))


def _larger(w: Vectors, a: Value, b: Value) -> Value:
    """The larger one; `b` where either is NaN."""
    return w.select(w.cmp("ogt", a, b), a, b)


def _smaller(w: Vectors, a: Value, b: Value) -> Value:
    """The smaller one; `b` where either is NaN."""
    return w.select(w.cmp("olt", a, b), a, b)


def _horner(w: Vectors, x: Value, coefficients: Sequence[float]) -> Value:
    """Sum of coefficients[i] * x**i."""
    total = w.const(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = w.fma(total, x, w.const(c))
    return total


def _nearest(w: Vectors, x: Value, rate: float, bias: int = 0) -> tuple[Value, Value]:
    """The integer n nearest to x * rate, as floats; and integers whose low bits hold n + bias."""
    shift = w.const(1.5 * 2.0 ** _MANTISSA[w.bits] + bias)
    shifted = w.fma(x, w.const(rate), shift)
    return w.sub(shifted, shift), w.to_int(shifted)


def _power_of_two(w: Vectors, exponent: Value) -> Value:
    """2**n, from integers whose low bits hold n + bias."""
    return w.to_float(w.iop("shl", exponent, w.iconst(_MANTISSA[w.bits])))


def _inverse(w: Vectors, power: Value) -> Value:
    """1 / power, for a power of two."""
    return w.to_float(w.iop("sub", w.iconst(2 * _BIAS[w.bits] << _MANTISSA[w.bits]), w.to_int(power)))


def _remainder(w: Vectors, x: Value, n: Value, parts: Sequence[float]) -> Value:
    """x - n * sum(parts)."""
    for part in parts:
        x = w.fma(n, w.const(-part), x)
    return x


def _exp_less_one(w: Vectors, r: Value, coefficients: Sequence[float]) -> Value:
    """r + r**2 * (sum of coefficients[i] * r**i)."""
    square = w.mul(r, r)
    first, others = w.const(coefficients[0]), coefficients[1:]
    # Even and odd powers side by side: half the chain, no more work. The first coefficient stays out: it is the
    # largest, and would round twice.
    even, odd = _horner(w, square, others[::2]), _horner(w, square, others[1::2])
    return w.fma(square, w.fma(w.fma(odd, r, even), r, first), r)


# ------------------------------------------------------------------------------------------------- exponentials
# From here on the result is infinite, or rounds to zero; the clamp keeps n within the reach of two powers.
_EXP_HIGH = {32: 89.0, 64: 710.0}
_EXP_LOW = {32: -104.0, 64: -746.0}
# From here on expm1 rounds to -1.
_EXPM1_LOW = {32: -18.0, 64: -38.0}

# (e**r - 1 - r) / r**2 for |r| <= log(2) / 2; error of e**r - 1, relative: 1.4e-8, 1.9e-17.
_EXP = {
    32: (0.4999999701976776, 0.1666654646396637, 0.04166744649410248, 0.008366248570382595, 0.0013869678368791938),
    64: (
        *(0.5000000000000006, 0.1666666666666665, 0.041666666666576264, 0.008333333333360029, 0.0013888888931379612),
        *(0.0001984126977056182, 2.4801505635218688e-05, 2.7557369256577555e-06, 2.762587489114846e-07),
        2.506407442536377e-08,
    ),
}
# The same for |r| <= log(2); 3.3e-8, 2.5e-17.
_EXPM1 = {
    32: (
        *(0.5000002384185791, 0.16666647791862488, 0.041662074625492096, 0.00833426509052515, 0.0014091728953644633),
        0.0001985147246159613,
    ),
    64: (
        *(0.4999999999999996, 0.16666666666666727, 0.04166666666669042, 0.008333333333315275, 0.0013888888884796623),
        *(0.00019841269857881553, 2.4801590292088154e-05, 2.7557313007481505e-06, 2.7556263897146664e-07),
        *(2.5052978069705037e-08, 2.1054657107718496e-09, 1.6065827852250543e-10),
    ),
}


def exp(w: Vectors, x: Value) -> Value:
    """e**x = 2**n * e**r. 2**n comes as two factors, of which the last to be multiplied brings the overflow, or the
    one rounding of a subnormal result."""
    mantissa, bias = _MANTISSA[w.bits], _BIAS[w.bits]
    x = _smaller(w, w.const(_EXP_HIGH[w.bits]), _larger(w, w.const(_EXP_LOW[w.bits]), x))
    n, exponents = _nearest(w, x, 1.0 / math.log(2.0), 2 * bias)
    q = _exp_less_one(w, _remainder(w, x, n, _LN2[w.bits]), _EXP[w.bits])
    # n + 2 * bias is the sum of two exponent fields: one is its half, the other what is left
    field = w.iconst((2 * bias + 1) << mantissa)
    half = w.iop("and", w.iop("shl", exponents, w.iconst(mantissa - 1)), field)
    rest = w.to_float(w.iop("sub", w.iop("shl", exponents, w.iconst(mantissa)), half))
    return w.mul(w.to_float(half), w.fma(rest, q, rest))


def expm1(w: Vectors, x: Value) -> Value:
    """e**x - 1 = s * (s * q + (s - 1 / s)), with s = 2**k, x = 2 * k * log(2) + r and q = e**r - 1.

    Steps of 2 * log(2) keep s = 1 up to |x| = log(2), where the result is q itself; beyond, the difference costs no
    digits. Nothing in the bracket overflows.
    """
    y = _smaller(w, w.const(_EXP_HIGH[w.bits]), _larger(w, w.const(_EXPM1_LOW[w.bits]), x))
    k, exponent = _nearest(w, y, 0.5 / math.log(2.0), _BIAS[w.bits])
    q = _exp_less_one(w, _remainder(w, y, k, [2.0 * part for part in _LN2[w.bits]]), _EXPM1[w.bits])
    s = _power_of_two(w, exponent)
    result = w.mul(s, w.fma(s, q, w.sub(s, _inverse(w, s))))
    return _with_sign_of(w, result, x)  # -0 was lost in the sums


# --------------------------------------------------------------------------------------------- sigmoid and tanh
# Above, sigmoid rounds to 1; below, it is at most twice the smallest normal number and 2**n would overflow.
_SIGMOID_HIGH = {32: 20.0, 64: 40.0}
_SIGMOID_LOW = {32: -88.0, 64: -709.0}
# From here on tanh rounds to -1.
_TANH_LOW = {32: -10.0, 64: -20.0}

# (tanh r - r) / r**3 in powers of r**2, for |r| <= 3 / 8 * log(2); error of tanh r, relative: 4.0e-9, 7.7e-18.
_TANH = {
    32: (-0.3333321511745453, 0.1332268863916397, -0.05122527480125427),
    64: (
        *(-0.3333333333333241, 0.13333333332984734, -0.053968253522698066, 0.021869461500787772),
        *(-0.008862356231236457, 0.0035763423552674046, -0.0013073604371375337),
    ),
}


def sigmoid(w: Vectors, x: Value) -> Value:
    """1 / (1 + 2**n * e**-r), with x = r - n * log(2). The larger of 1 and 2**n enters the sum last: then only one
    rounding has the size of the sum."""
    y = _smaller(w, w.const(_SIGMOID_HIGH[w.bits]), x)
    n, exponent = _nearest(w, y, -1.0 / math.log(2.0), _BIAS[w.bits])
    r = _remainder(w, y, n, [-part for part in _LN2[w.bits]])
    lost = _exp_less_one(w, r, [-c * (-1.0) ** i for i, c in enumerate(_EXP[w.bits])])  # 1 - e**-r
    one, p = w.const(1.0), _power_of_two(w, exponent)
    total = w.add(_larger(w, p, one), w.fma(w.neg(p), lost, _smaller(w, p, one)))
    return w.select(w.cmp("olt", x, w.const(_SIGMOID_LOW[w.bits])), w.const(0.0), w.div(one, total))


def tanh(w: Vectors, x: Value) -> Value:
    """By the addition theorem. With y = -|x| = n * log(2) / 2 + r, p = 2**n and t = tanh r, -tanh y is a / b with

    a = (1 - p) - (1 + p) * t and b = (1 + p) - (1 - p) * t = a + p * (2 + 2 * t).

    The second form of b takes over the rounding of a, so that far out, where a / b = 1 - 2 * p..., it cancels. n = 0
    has a / b = -t; it reaches to 3 / 4 of a step, to a result of 1/4, since sums for a smaller result cost digits.
    """
    y = _larger(w, w.const(_TANH_LOW[w.bits]), w.to_float(w.iop("or", w.to_int(x), _sign_bit(w))))
    n, exponent = _nearest(w, w.fma(y, w.const(2.0 / math.log(2.0)), w.const(0.25)), 1.0, _BIAS[w.bits])
    head, tail = (0.5 * part for part in _LN2[w.bits])
    r = _remainder(w, y, n, [head])
    square = w.mul(r, r)
    cube, series = w.mul(r, square), _horner(w, square, _TANH[w.bits])
    if w.bits == 32:
        t = w.fma(cube, series, r)  # n * tail is 3 % of a unit at most
    else:
        t = w.add(r, w.fma(cube, series, w.mul(n, w.const(-tail))))  # r + tail first would round once more
    one, two, p = w.const(1.0), w.const(2.0), _power_of_two(w, exponent)
    a = w.fma(w.neg(w.add(one, p)), t, w.sub(one, p))
    return _with_sign_of(w, w.div(a, w.fma(p, w.fma(t, two, two), a)), x)


# ---------------------------------------------------------------------------------------------------- logarithm
_SMALLEST_NORMAL = {32: 2.0**-126, 64: 2.0**-1022}

# (log(1 + f) - f + f**2 / 2) / f**3 for sqrt(1/2) <= 1 + f <= sqrt(2); error of log, relative: 3.2e-8, 5.2e-17.
_LOG = {
    32: (
        *(0.3333390951156616, -0.2500133514404297, 0.19963102042675018, -0.16577649116516113, 0.14914479851722717),
        *(-0.14266961812973022, 0.08700546622276306),
    ),
    64: (
        *(0.33333333333328524, -0.25000000000006306, 0.20000000001652546, -0.16666666666732669, 0.14285714094130889),
        *(-0.12499999814724749, 0.1111112174362837, -0.10000018336528212, 0.09090589330456601, -0.08332555029545831),
        *(0.07697635636950956, -0.07160166883001402, 0.06622099062648826, -0.060420525420422144, 0.059722366522886074),
        *(-0.06783494660302551, 0.06324904681490158, -0.028324657979286537),
    ),
}


def _logarithm(w: Vectors, x: Value) -> tuple[Value, Value]:
    """n and log(1 + f), where x > 0 is 2**n * (1 + f) and 1 + f is between the roots of 1/2 and 2."""
    mantissa = _MANTISSA[w.bits]
    tiny = w.cmp("olt", x, w.const(_SMALLEST_NORMAL[w.bits]))
    normal = w.select(tiny, w.mul(x, w.const(2.0**mantissa)), x)
    # Counted from sqrt(1/2), the exponent field holds n + bias and the mantissa field the bits of 1 + f.
    root = _bits(w, math.sqrt(0.5))
    offset = w.iop("add", w.to_int(normal), w.iconst(_bits(w, 1.0) - root))
    # An integer set into the mantissa of 2**mantissa adds itself to it: AVX2 converts no 64-bit integers.
    unit = 2.0**mantissa
    number = w.iop("or", w.iop("lshr", offset, w.iconst(mantissa)), w.iconst(_bits(w, unit)))
    excess = unit + _BIAS[w.bits]
    n = w.sub(w.to_float(number), w.select(tiny, w.const(excess + mantissa), w.const(excess)))
    scaled = w.iop("add", w.iop("and", offset, w.iconst(2**mantissa - 1)), w.iconst(root))
    f = w.sub(w.to_float(scaled), w.const(1.0))

    square = w.mul(f, f)
    even, odd = _horner(w, square, _LOG[w.bits][::2]), _horner(w, square, _LOG[w.bits][1::2])
    tail = w.fma(f, w.fma(odd, f, even), w.const(-0.5))
    return n, w.fma(square, tail, f)


def log(w: Vectors, x: Value) -> Value:
    """n * log(2) + log(1 + f). One float for log(2) is enough: its error is as small relative to the first term."""
    n, rest = _logarithm(w, x)
    result = w.fma(n, w.const(_LN2[w.bits][0]), rest)

    result = w.select(w.cmp("olt", x, w.const(math.inf)), result, x)  # infinity and NaN
    pole = w.select(w.cmp("oeq", x, w.const(0.0)), w.const(-math.inf), w.const(math.nan))
    return w.select(w.cmp("ugt", x, w.const(0.0)), result, pole)


def fraction_power(w: Vectors, x: Value, exponent: float) -> Value:
    """x**p for 0 < p < 1: with x = 2**n * (1 + f), that is 4**h * exp(d * log(2) + p * log(1 + f)), p * n = 2 * h + d.

    d is exact but for one rounding, so no digit is lost to the size of log(x).
    """
    n, rest = _logarithm(w, x)
    p, n_p = w.const(exponent), w.mul(w.const(exponent), n)
    h, power = _nearest(w, n_p, 0.5, _BIAS[w.bits])
    d = w.add(w.fma(h, w.const(-2.0), n_p), w.fma(p, n, w.neg(n_p)))
    small = exp(w, w.fma(d, w.const(_LN2[w.bits][0]), w.mul(p, rest)))
    root = _power_of_two(w, power)
    result = w.mul(w.mul(small, root), root)
    result = w.select(w.cmp("olt", x, w.const(math.inf)), result, x)  # infinity and NaN
    pole = w.select(w.cmp("oeq", x, w.const(0.0)), w.const(0.0), w.const(math.nan))
    pole = w.select(w.cmp("oeq", x, w.const(-math.inf)), w.const(math.inf), pole)
    return w.select(w.cmp("ugt", x, w.const(0.0)), result, pole)


# ---------------------------------------------------------------------------------------------- sine and cosine
# From here on the rounding of x / pi puts the remainder beyond the range of the polynomial.
_ANGLE_LIMIT = {32: 2.0**20, 64: 2.0**40}

# (sin r - r) / r**3 in powers of r**2, for |r| <= 1.001 * pi / 2; error of sin r, relative: 6.3e-9, 3.0e-19.
_SIN = {
    32: (-0.16666659712791443, 0.008333069272339344, -0.00019809768127743155, 2.6060538402816746e-06),
    64: (
        *(-0.16666666666666666, 0.008333333333333207, -0.0001984126984121248, 2.755731921156948e-06),
        *(-2.5052106904421295e-08, 1.6058941002091872e-10, -7.643019360038123e-13, 2.721419329105707e-15),
    ),
}


def _sine_about(w: Vectors, x: Value, n: Value, parity: Value) -> Value:
    """sin(x - n * pi), negated where the lowest bit of `parity` is set."""
    r = _remainder(w, x, n, _PI[w.bits])
    size, square = w.unary("fabs", r), w.mul(r, r)
    sine = w.fma(w.mul(size, square), _horner(w, square, _SIN[w.bits]), size)
    sign = w.iop("xor", w.to_int(r), w.iop("shl", parity, w.iconst(w.bits - 1)))
    return _with_sign_of(w, _smaller(w, w.const(1.0), sine), w.to_float(sign))


def _far(w: Vectors, function: str, x: Value, near: Value) -> Value:
    """Beyond the limit, where an angle's own rounding is a turn or so, it is the system's function, lane by lane."""
    return w.elsewhere(function, x, w.cmp("olt", w.unary("fabs", x), w.const(_ANGLE_LIMIT[w.bits])), near)


def sin(w: Vectors, x: Value) -> Value:
    """By `sin_near`, and beyond its limit the system's."""
    return _far(w, "sin", x, sin_near(w, x))


def cos(w: Vectors, x: Value) -> Value:
    """By `cos_near`, and beyond its limit the system's."""
    return _far(w, "cos", x, cos_near(w, x))


def sin_near(w: Vectors, x: Value) -> Value:
    """(-1)**n * sin(x - n * pi), for angles within the limit."""
    n, parity = _nearest(w, x, 1.0 / math.pi)
    return _sine_about(w, x, n, parity)


def cos_near(w: Vectors, x: Value) -> Value:
    """(-1)**n * sin(x - (n - 1/2) * pi), for angles within the limit."""
    n, parity = _nearest(w, w.fma(x, w.const(1.0 / math.pi), w.const(0.5)), 1.0)
    return _sine_about(w, x, w.sub(n, w.const(0.5)), parity)


FUNCTIONS: dict[str, Callable[[Vectors, Value], Value]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "sin": sin,
    "cos": cos,
}
