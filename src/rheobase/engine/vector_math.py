from __future__ import annotations

import math
import struct
from collections.abc import Callable

from .ir import Value, Writer

_MANTISSA = {32: 23, 64: 52}
_BIAS = {32: 127, 64: 1023}
_LN2 = {32: (0.6931471824645996, -1.9046542121259336e-09), 64: (0.6931471805599453, 2.3190468138462996e-17)}
_PI = {
    32: (3.141592502593994, 1.5099578831723193e-07, 1.0780605906948477e-14),
    64: (3.141592653589793, 1.224646799147353e-16, 2.165713347843828e-32),
}

def _const_bits(bits, value):
    return int.from_bytes(struct.pack(">f" if bits == 32 else ">d", value), "big")


def _polynomial(w, x, x2, coefficients):
    """Sum of coefficients[i] * x**i: even and odd powers apart, which halves the chain at no cost."""
    even, odd = (_horner(w, x2, coefficients[i::2]) for i in (0, 1))
    return w.fma(odd, x, even)


def _horner(w, x, coefficients):
    total = w.const(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = w.fma(total, x, w.const(c))
    return total


def _at_least(w, x, low):
    low = w.const(low)
    return w.select(w.cmp("ogt", low, x), low, x)


def _at_most(w, x, high):
    high = w.const(high)
    return w.select(w.cmp("olt", high, x), high, x)


def _nearest(w, x, rate, bias=0):
    magic = w.const(1.5 * 2.0 ** _MANTISSA[w.bits] + bias)
    sum_ = w.fma(x, w.const(rate), magic)
    return w.sub(sum_, magic), w.to_int(sum_)


def _power_of_two(w, low_bits):
    return w.to_float(w.iop("shl", low_bits, w.iconst(_MANTISSA[w.bits])))


def _remainder(w, x, n, parts):
    for p in parts:
        x = w.fma(n, w.const(-p), x)
    return x

def _sign_mask(w):
    return w.iconst(-(2 ** (w.bits - 1)))

def _signed_like(w, m, x):
    return w.to_float(w.iop("or", w.to_int(m), w.iop("and", w.to_int(x), _sign_mask(w))))


_EXPM1 = {
    32: (0.5000002384185791, 0.16666647791862488, 0.041662074625492096, 0.00833426509052515,
         0.0014091728953644633, 0.0001985147246159613),
    64: (0.4999999999999996, 0.16666666666666727, 0.04166666666669042, 0.008333333333315275,
         0.0013888888884796623, 0.00019841269857881553, 2.4801590292088154e-05, 2.7557313007481505e-06,
         2.7556263897146664e-07, 2.5052978069705037e-08, 2.1054657107718496e-09, 1.6065827852250543e-10),
}


def _square_root_and_expm1(w, x):
    k, low = _nearest(w, x, 0.5 / math.log(2), _BIAS[w.bits])
    r = _remainder(w, x, k, [2 * p for p in _LN2[w.bits]])
    r2 = w.mul(r, r)
    q = w.fma(r2, _polynomial(w, r, r2, _EXPM1[w.bits]), r)
    return _power_of_two(w, low), q


def _inverse(w, s):
    twice = w.iconst(2 * _BIAS[w.bits] << _MANTISSA[w.bits])
    return w.to_float(w.iop("sub", twice, w.to_int(s)))


_LOWEST = {32: -104.0, 64: -746.0}
_HIGHEST = {32: 89.0, 64: 710.0}

def exp(w: Writer, x: Value) -> Value:
    s, q = _square_root_and_expm1(w, _at_most(w, _at_least(w, x, _LOWEST[w.bits]), _HIGHEST[w.bits]))
    return w.mul(s, w.fma(s, q, s))


def expm1(w, x):
    c = _at_most(w, _at_least(w, x, {32: -18.0, 64: -38.0}[w.bits]), _HIGHEST[w.bits])
    s, q = _square_root_and_expm1(w, c)
    res = w.mul(s, w.fma(s, q, w.sub(s, _inverse(w, s))))
    return _signed_like(w, res, x)


def sigmoid(w, x):
    c = _at_most(w, _at_least(w, x, _LOWEST[w.bits]), {32: 20., 64: 40.}[w.bits])
    s, q = _square_root_and_expm1(w, w.neg(c))
    inv = _inverse(w, s)
    return w.div(inv, w.fma(s, q, w.add(s, inv)))

_TANH = {
    32: (0.4999999701976776, 0.1666654646396637, 0.04166744649410248, 0.008366248570382595, 0.0013869678368791938),
    64: (0.5000000000000006, 0.1666666666666665, 0.041666666666576264, 0.008333333333360029, 0.0013888888931379612,
      0.0001984126977056182, 2.4801505635218688e-05, 2.7557369256577555e-06, 2.762587489114846e-07, 2.506407442536377e-08),
}

def tanh(w, x):
    y = w.to_float(w.iop("or", w.to_int(x), _sign_mask(w)))
    y = _at_least(w, y, {32: -10.0, 64: -20.0}[w.bits])
    n, low = _nearest(w, y, 2 / math.log(2), _BIAS[w.bits])
    parts = [p / 2 for p in _LN2[w.bits]]
    if w.bits == 32: parts = parts[:1]
    r = _remainder(w, y, n, parts)
    r2 = w.mul(r, r)
    h = w.fma(r2, _polynomial(w, r, r2, [c * 2.0 ** (i + 1) for i, c in enumerate(_TANH[w.bits])]), r)
    e = _power_of_two(w, low)
    half = w.const(0.5)
    num = w.fma(w.neg(e), h, w.fma(e, w.const(-0.5), half))
    den = w.fma(e, h, w.fma(e, half, half))
    return _signed_like(w, w.div(num, den), x)

def tanh_rational(w, x):
    c = _at_most(w, _at_least(w, x, -9.02), 9.02)
    u = w.mul(c, c)
    p = [9.99999989e-01, 1.33863996e-01, 3.50165037e-03, 2.06931643e-05, 1.34366935e-08]
    q = [1.0, 4.67197212e-01, 2.59009054e-02, 3.29490985e-04, 7.81764438e-07]
    return w.div(w.mul(c, _horner(w, u, p)), _horner(w, u, q))

_LOG = {
    32: (0.3333333134651184, -0.2500081956386566, 0.2000124156475067, -0.1662341058254242, 0.14201585948467255,
         -0.13159599900245667, 0.12762144207954407, -0.07636357098817825),
    64: (0.3333333333333314, -0.2499999999998799, 0.2000000000006677, -0.1666666666982361, 0.14285714280081427,
     -0.12499999691585792, 0.1111111114799688, -0.10000015201653312, 0.09090923916186733, -0.08332913622361075,
     0.07691530114213041, -0.0714943874906309, 0.06684585777307481, -0.06196681156126945, 0.05668398064995513,
     -0.05677791225809568, 0.0650344092183079, -0.0598164420426392, 0.026150819848174394),
}
_SMALLEST_NORMAL = {32: 2.0**-126, 64: 2.0**-1022}


def log(w, x):
    bits, mant = w.bits, _MANTISSA[w.bits]
    small = w.cmp("olt", x, w.const(_SMALLEST_NORMAL[bits]))
    y = w.select(small, w.mul(x, w.const(2.0**mant)), x)
    root = _const_bits(bits, math.sqrt(0.5))
    one = _const_bits(bits, 1.0)
    shifted = w.iop("add", w.to_int(y), w.iconst(one - root))
    magic = 2.0 ** mant
    n = w.iop("or", w.iop("lshr", shifted, w.iconst(mant)), w.iconst(_const_bits(bits, magic)))
    bias = magic + _BIAS[bits]
    n = w.sub(w.to_float(n), w.select(small, w.const(bias + mant), w.const(bias)))
    m = w.iop("add", w.iop("and", shifted, w.iconst(2**mant - 1)), w.iconst(root))
    f = w.sub(w.to_float(m), w.const(1.0))
    f2 = w.mul(f, f)
    p = w.fma(f, _polynomial(w, f, f2, _LOG[bits]), w.const(-0.5))
    ln = w.fma(f2, p, f)
    if bits == 64:
        ln = w.fma(n, w.const(_LN2[bits][1]), ln)
    res = w.fma(n, w.const(_LN2[bits][0]), ln)
    res = w.select(w.cmp("olt", x, w.const(math.inf)), res, x)
    pole = w.select(w.cmp("oeq", x, w.const(0.0)), w.const(-math.inf), w.const(math.nan))
    return w.select(w.cmp("ugt", x, w.const(0.0)), res, pole)


_SIN = {
    32: (-0.16666659712791443, 0.008333069272339344, -0.00019809768127743155, 2.6060538402816746e-06),
    64: (-0.16666666666666666, 0.008333333333333207, -0.0001984126984121248, 2.755731921156948e-06, -2.5052106904421295e-08,
     1.6058941002091872e-10, -7.643019360038123e-13, 2.721419329105707e-15),
}


def _limit(w, x):
    ok = w.cmp("olt", w.unary("fabs", x), w.const({32: 2.0**20, 64: 2.0**40}[w.bits]))
    return w.select(ok, x, w.const(math.nan))

def _alternating_sine(w, x, n, low, mode="fma"):
    r = _remainder(w, x, n, _PI[w.bits])
    r2 = w.mul(r, r)
    odd = w.iop("shl", low, w.iconst(w.bits - 1))
    p = _polynomial(w, r2, w.mul(r2, r2), _SIN[w.bits]) if w.bits == 64 else _horner(w, r2, _SIN[w.bits])
    if mode == "fma":
        s = w.fma(w.mul(r, r2), p, r)
        sign = w.iop("and", w.iop("xor", w.to_int(r), odd), _sign_mask(w))
        mag = w.iop("and", w.to_int(s), w.iconst(2 ** (w.bits - 1) - 1))
        return w.to_float(w.iop("or", mag, sign))
    s = w.mul(r, w.fma(r2, p, w.const(1.0)))
    return w.to_float(w.iop("xor", w.to_int(s), odd))

def sin(w, x, mode="mul"):
    x = _limit(w, x)
    n, low = _nearest(w, x, 1 / math.pi)
    return _alternating_sine(w, x, n, low, mode)

def cos(w, x, mode="mul"):
    x = _limit(w, x)
    n, low = _nearest(w, w.fma(x, w.const(1 / math.pi), w.const(0.5)), 1.0)
    return _alternating_sine(w, x, w.sub(n, w.const(0.5)), low, mode)


FUNCTIONS: dict[str, Callable[[Writer, Value], Value]] = {
    "exp": exp, "expm1": expm1, "log": log, "tanh": tanh, "sigmoid": sigmoid, "sin": sin, "cos": cos}

def exp_half(w, x):
    b = w.bits; m = _MANTISSA[b]
    x = _at_most(w, _at_least(w, x, _LOWEST[b]), _HIGHEST[b])
    n, low = _nearest(w, x, 1 / math.log(2), 2 * _BIAS[b])
    r = _remainder(w, x, n, _LN2[b])
    r2 = w.mul(r, r)
    q = w.fma(r2, _polynomial(w, r, r2, _TANH[b]), r)
    s1 = w.iop("and", w.iop("shl", low, w.iconst(m - 1)), w.iconst(((1 << (b - 1 - m)) - 1) << m))
    s2 = w.to_float(w.iop("sub", w.iop("shl", low, w.iconst(m)), s1))
    return w.mul(w.to_float(s1), w.fma(s2, q, s2))
