"""A writer of LLVM assembly over vectors: names in, lines out. It knows types, not meaning.

Values are strings (`%12`, or a constant). Three vector types stand for all: `F` (floats), `I` (integers
as wide as the floats) and `M` (masks); each has `lanes` elements. A scalar is splat into a vector before use.
In a kernel of whole numbers, integers take the place of floats: `F` is `I`, and operations on floats act on integers.
"""

from __future__ import annotations

import copy
import ctypes
import itertools
import struct
from typing import Self

Value = str
FLOATS = {32: "float", 64: "double"}
# comparisons of integers by those of floats; none is unordered
SIGNED = {"oge": "sge", "ogt": "sgt", "ole": "sle", "olt": "slt", "oeq": "eq", "une": "ne"}
# of a branch: the first way is the usual one, so that registers are saved on the other
OFTEN, SELDOM = (f'!prof !{{!"branch_weights", i32 {a}, i32 {b}}}' for a, b in ((1000000, 1), (1, 1000000)))


class Writer:
    """Appends lines of one function. `bits` is the width of the floats, 32 or 64, or that of whole numbers, 8 to 32."""

    def __init__(self, bits: int, lanes: int, *, whole: bool = False):
        known = (8, 16, 32) if whole else (32, 64)
        if bits not in known:
            raise ValueError(f"bits is one of {known}, not {bits}")
        self._shape(bits, lanes, whole)
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.block = ""  # that is being written
        self._count = itertools.count(1)

    def _shape(self, bits: int, lanes: int, whole: bool) -> None:
        self.bits, self.lanes, self.whole = bits, lanes, whole
        self.f, self.i = f"i{bits}" if whole else FLOATS[bits], f"i{bits}"
        self.F, self.I, self.M = (f"<{lanes} x {t}>" for t in (self.f, self.i, "i1"))
        self.suffix = f"v{lanes}{'i' if whole else 'f'}{bits}"
        self._of = "" if whole else "f"  # what the names of instructions begin with

    def of_width(self, bits: int, lanes: int) -> Self:
        """A writer of whole numbers of another width into the same function.

        For arithmetic and memory: loops and conditions are written by the first one, which knows the block.
        """
        other = copy.copy(self)
        other._shape(bits, lanes, True)
        return other

    # --- lines ---------------------------------------------------------------------------------
    def name(self, hint: str = "v") -> Value:
        return f"%{hint}{next(self._count)}"

    def let(self, text: str, hint: str = "v") -> Value:
        """Write `%fresh = text` and return the fresh name."""
        name = self.name(hint)
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def call(self, result: str, function: str, *args: tuple[str, Value]) -> Value:
        """Call a function (an intrinsic, mostly) and declare it once in the module."""
        self.declared.add(f"declare {result} @{function}({', '.join(t for t, _ in args)})")
        given = ", ".join(f"{t} {v}" for t, v in args)
        if result == "void":
            self.do(f"call void @{function}({given})")
            return ""
        return self.let(f"call {result} @{function}({given})")

    # --- constants -----------------------------------------------------------------------------
    def scalar(self, value: float) -> Value:
        """A float literal, rounded to the width of the floats (LLVM writes both widths as 64-bit hex)."""
        if self.bits == 32:
            value = ctypes.c_float(value).value  # beyond its range, infinity
        return "0x" + struct.pack(">d", value).hex().upper()

    def const(self, value: float) -> Value:
        return f"splat ({self.f} {int(value) if self.whole else self.scalar(value)})"

    def iconst(self, value: int) -> Value:
        return f"splat ({self.i} {value})"

    def splat(self, value: Value) -> Value:
        """A vector whose elements all hold the scalar float `value`."""
        one = self.let(f"insertelement {self.F} poison, {self.f} {value}, i64 0")
        return self.let(f"shufflevector {self.F} {one}, {self.F} poison, <{self.lanes} x i32> zeroinitializer")

    # --- arithmetic on F -----------------------------------------------------------------------
    def _two(self, op: str, kind: str, a: Value, b: Value) -> Value:
        return self.let(f"{op} {kind} {a}, {b}")

    def add(self, a: Value, b: Value) -> Value:
        return self._two(f"{self._of}add", self.F, a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self._two(f"{self._of}sub", self.F, a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self._two(f"{self._of}mul", self.F, a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self._two("fdiv", self.F, a, b)

    def neg(self, a: Value) -> Value:
        return self.let(f"sub {self.F} zeroinitializer, {a}" if self.whole else f"fneg {self.F} {a}")

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c with one rounding."""
        return self.call(self.F, f"llvm.fma.{self.suffix}", (self.F, a), (self.F, b), (self.F, c))

    def unary(self, intrinsic: str, a: Value) -> Value:
        """`sqrt`, `fabs`, `floor`, `rint`... by the name of LLVM's intrinsic; of whole numbers, `fabs` alone."""
        if self.whole:
            return self.call(self.F, f"llvm.abs.{self.suffix}", (self.F, a), ("i1", "false"))
        return self.call(self.F, f"llvm.{intrinsic}.{self.suffix}", (self.F, a))

    def maximum(self, a: Value, b: Value) -> Value:
        """NaN passes through, as in torch.maximum."""
        return self.select(self._or_nan("oge", a, b), a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        return self.select(self._or_nan("ole", a, b), a, b)

    def _or_nan(self, order: str, a: Value, b: Value) -> Value:
        return self.mor(self.cmp(order, a, b), self.cmp("uno", a, a))

    # --- masks ---------------------------------------------------------------------------------
    def cmp(self, order: str, a: Value, b: Value) -> Value:
        """`order` is LLVM's: oge, ogt, ole, olt, oeq, une, uno..."""
        if self.whole:
            return "splat (i1 false)" if order == "uno" else self.icmp(SIGNED[order], a, b)
        return self.let(f"fcmp {order} {self.F} {a}, {b}")

    def select(self, mask: Value, a: Value, b: Value) -> Value:
        return self.let(f"select {self.M} {mask}, {self.F} {a}, {self.F} {b}")

    def mand(self, a: Value, b: Value) -> Value:
        return self._two("and", self.M, a, b)

    def mor(self, a: Value, b: Value) -> Value:
        return self._two("or", self.M, a, b)

    def mnot(self, a: Value) -> Value:
        return self._two("xor", self.M, a, "splat (i1 true)")

    def elsewhere(self, function: str, x: Value, known: Value, value: Value) -> Value:
        """`value` where the mask `known` is set; elsewhere LLVM's intrinsic of x, lane by lane: slow, and rare."""
        every = self.call("i1", f"llvm.vector.reduce.and.v{self.lanes}i1", (self.M, known))
        before, slow, after = (self.name(hint)[1:] for hint in ("before", "slow", "after"))
        self.do(f"br label %{before}")
        self.label(before)
        self.do(f"br i1 {every}, label %{after}, label %{slow}, {OFTEN}")
        self.label(slow)
        made = value
        for k in range(self.lanes):
            one = self.let(f"extractelement {self.F} {x}, i64 {k}")
            found = self.call(self.f, f"llvm.{function}.f{self.bits}", (self.f, one))
            made = self.let(f"insertelement {self.F} {made}, {self.f} {found}, i64 {k}")
        made = self.select(known, value, made)
        self.do(f"br label %{after}")
        self.label(after)
        return self.let(f"phi {self.F} [ {value}, %{before} ], [ {made}, %{slow} ]")

    # --- integers as wide as the floats --------------------------------------------------------
    def to_int(self, a: Value) -> Value:
        """Bits of a float vector as integers."""
        return self.let(f"bitcast {self.F} {a} to {self.I}")

    def to_float(self, a: Value) -> Value:
        """Bits of an integer vector as floats."""
        return self.let(f"bitcast {self.I} {a} to {self.F}")

    def iop(self, op: str, a: Value, b: Value) -> Value:
        """`add`, `sub`, `shl`, `lshr`, `ashr`, `and`, `or`, `xor`, `mul` on I."""
        return self._two(op, self.I, a, b)

    def saturating(self, op: str, a: Value, b: Value) -> Value:
        """`add` or `sub` of whole numbers, which stops at the ends of their type."""
        return self.call(self.F, f"llvm.s{op}.sat.{self.suffix}", (self.F, a), (self.F, b))

    def icmp(self, order: str, a: Value, b: Value) -> Value:
        return self.let(f"icmp {order} {self.I} {a}, {b}")

    def iselect(self, mask: Value, a: Value, b: Value) -> Value:
        return self.let(f"select {self.M} {mask}, {self.I} {a}, {self.I} {b}")
