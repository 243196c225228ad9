"""Random numbers inside a kernel: the same random words as in `rheobase.core.random_numbers`, in vector registers."""

from __future__ import annotations

import math

from rheobase.core.random_numbers import FIRST, GOLDEN, MASK, SECOND
from rheobase.engine.llvm.frame import Frame
from rheobase.engine.llvm.ir import Value, Writer
from rheobase.engine.lowering.vector_math import FUNCTIONS, cos_near


def noise(w: Frame, tag: str, t: Value) -> Value:
    """A number of the distribution and stream that `tag` names, for each lane of the current vector, at step `t`."""
    distribution, _, stream = tag.partition(":")
    return {"normal": _normal, "uniform": _uniform}[distribution](w, int(stream), t)


def _uniform(w: Frame, stream: int, t: Value) -> Value:
    words = _Streams(w)
    return words.unit(words.pair(stream, t)[0])


def _normal(w: Frame, stream: int, t: Value) -> Value:
    words = _Streams(w)
    a, k2 = words.pair(stream, t)
    b = words.mix(words.op("add", a, words.splat(k2)))
    radius = w.unary("sqrt", w.mul(w.const(-2.0), FUNCTIONS["log"](w, words.unit(a))))
    return w.mul(radius, cos_near(w, w.mul(w.const(2.0 * math.pi), words.unit(b))))


class Words:
    """Arithmetic of 32-bit words, scalar and in vectors with as many elements as those of the writer."""

    def __init__(self, w: Writer):
        self.w, self.vector = w, f"<{w.lanes} x i32>"

    def op(self, op: str, a: Value, b: Value, kind: str | None = None) -> Value:
        return self.w.let(f"{op} {kind or self.vector} {a}, {b}")

    def all(self, value: int) -> Value:
        return f"splat (i32 {_signed(value)})"

    def splat(self, scalar: Value) -> Value:
        one = self.w.let(f"insertelement {self.vector} poison, i32 {scalar}, i64 0")
        zeros = f"<{self.w.lanes} x i32> zeroinitializer"
        return self.w.let(f"shufflevector {self.vector} {one}, {self.vector} poison, {zeros}")

    def mix(self, x: Value, scalar: bool = False) -> Value:
        kind = "i32" if scalar else self.vector

        def number(value: int) -> Value:
            return str(_signed(value)) if scalar else self.all(value)

        for shift, factor in ((16, FIRST), (15, SECOND)):
            x = self.op("mul", self.op("xor", x, self.op("lshr", x, number(shift), kind), kind), number(factor), kind)
        return self.op("xor", x, self.op("lshr", x, number(16), kind), kind)

    def drawn(self, first: Value, key: Value, start: int = 0) -> Value:
        """Words of successive lanes, of which the first has the number `first` + `start`; both are scalars."""
        begin = self.op("add", self.op("mul", first, str(_signed(GOLDEN)), "i32"), key, "i32")
        steps = ", ".join(f"i32 {_signed((start + k) * GOLDEN & MASK)}" for k in range(self.w.lanes))
        return self.mix(self.op("add", self.splat(begin), f"<{steps}>"))


class _Streams(Words):
    """The words of the lanes of a nest's kernel."""

    w: Frame

    def pair(self, stream: int, t: Value) -> tuple[Value, Value]:
        """The first word of each lane at the absolute step of `t`, and the key of its second."""
        now = self.w.int("add", self.w.word["step"], t)
        k1, k2 = self.keys(self.w.word["seed"], now, stream)
        return self.mix(self.op("add", self.op("mul", self.lanes(), self.all(GOLDEN)), self.splat(k1))), k2

    def halves(self, wide: Value) -> tuple[Value, Value]:
        w = self.w
        return w.let(f"trunc i64 {wide} to i32"), w.let(f"trunc i64 {w.int('lshr', wide, '32')} to i32")

    def keys(self, seed: Value, step: Value, stream: int) -> tuple[Value, Value]:
        low, high = self.halves(seed)
        step_low, step_high = self.halves(step)
        k = self.mix(self.op("add", low, "1", "i32"), True)
        k = self.mix(self.op("xor", k, high, "i32"), True)
        k = self.mix(self.op("add", k, str(stream), "i32"), True)
        k = self.mix(self.op("xor", k, step_low, "i32"), True)
        k = self.mix(self.op("xor", k, step_high, "i32"), True)
        return k, self.mix(self.op("xor", k, str(_signed(GOLDEN)), "i32"), True)

    def lanes(self) -> Value:
        first = self.w.let(f"trunc i64 {self.w.int('add', self.w.lane0, self.w.offset)} to i32")
        iota = "<" + ", ".join(f"i32 {k}" for k in range(self.w.lanes)) + ">"
        return self.op("add", self.splat(first), iota)

    def unit(self, word: Value) -> Value:
        """A word as a number in (0, 1], with as many bits as the float holds."""
        w = self.w
        if w.bits == 64:
            value, scale = w.let(f"uitofp {self.vector} {word} to {w.F}"), 2.0**-32
        else:
            value, scale = (
                w.let(f"uitofp {self.vector} {self.op('lshr', word, self.all(8))} to {w.F}"),
                2.0**-24,
            )
        return w.mul(w.add(value, w.const(0.5)), w.const(scale))


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
