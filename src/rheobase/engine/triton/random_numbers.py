"""Random numbers inside a Triton kernel: the same random words as in `rheobase.core.random_numbers`, in registers."""

from __future__ import annotations

import math

from rheobase.core.random_numbers import FIRST, GOLDEN, SECOND
from rheobase.engine.lowering.vector_math import FUNCTIONS, cos_near
from rheobase.engine.lowering.vectors import Value
from rheobase.engine.triton.frame import TritonFrame


def noise(w: TritonFrame, tag: str, t: Value) -> Value:
    """A number of the distribution and stream that `tag` names, for each lane of the block, at step `t`."""
    distribution, _, stream = tag.partition(":")
    return {"normal": _normal, "uniform": _uniform}[distribution](w, int(stream), t)


def _first(w: TritonFrame, stream: int, t: Value) -> tuple[Value, Value]:
    """The first word of each lane, and the key of its second."""
    k1, k2 = _keys(w, stream, t)
    lane = w.let("lane.to(tl.uint32)")
    return _mix(w, f"{lane} * {GOLDEN:#x} + {k1}"), k2


def _uniform(w: TritonFrame, stream: int, t: Value) -> Value:
    return _unit(w, _first(w, stream, t)[0])


def _normal(w: TritonFrame, stream: int, t: Value) -> Value:
    a, k2 = _first(w, stream, t)
    b = _mix(w, f"{a} + {k2}")
    radius = w.unary("sqrt", w.mul(w.const(-2.0), FUNCTIONS["log"](w, _unit(w, a))))
    return w.mul(radius, cos_near(w, w.mul(w.const(2.0 * math.pi), _unit(w, b))))


def _mix(w: TritonFrame, word: str) -> Value:
    """One round of mixing of 32-bit words."""
    x = w.let(word)
    for shift, factor in ((16, FIRST), (15, SECOND)):
        x = w.let(f"({x} ^ ({x} >> {shift})) * {factor:#x}")
    return w.let(f"{x} ^ ({x} >> 16)")


def _halves(w: TritonFrame, wide: Value) -> tuple[Value, Value]:
    return w.let(f"{wide}.to(tl.uint32)"), w.let(f"({wide} >> 32).to(tl.uint32)")


def _keys(w: TritonFrame, stream: int, t: Value) -> tuple[Value, Value]:
    """Two words that all lanes of one step share."""
    low, high = _halves(w, "seed")
    step_low, step_high = _halves(w, w.let(f"start + {t}"))
    k = _mix(w, f"{low} + 1")
    k = _mix(w, f"{k} ^ {high}")
    k = _mix(w, f"{k} + {stream}")
    k = _mix(w, f"{k} ^ {step_low}")
    k = _mix(w, f"{k} ^ {step_high}")
    return k, _mix(w, f"{k} ^ {GOLDEN:#x}")


def _unit(w: TritonFrame, word: Value) -> Value:
    """A word as a number in (0, 1], with as many bits as the float holds."""
    if w.bits == 64:
        value, scale = w.let(f"{word}.to(tl.float64)"), 2.0**-32
    else:
        value, scale = w.let(f"({word} >> 8).to(tl.float32)"), 2.0**-24
    return w.mul(w.add(value, w.const(0.5)), w.const(scale))
