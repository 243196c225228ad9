"""A writer of Triton source: the operations of `Vectors` as lines of Python over one block of lanes.

Integers as wide as the floats are unsigned, so that they wrap around and shift right with zeros. No result depends on a
choice of the compiler: division and roots are rounded correctly, products and sums are fused only by an explicit fma
(kernels are compiled with contraction off).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator
from contextlib import contextmanager

from rheobase.engine.lowering.lower import whole, within
from rheobase.engine.lowering.vectors import Value
from rheobase.engine.nest.nest import BITS, WHOLE

ORDERED = {"oeq": "==", "ogt": ">", "oge": ">=", "olt": "<", "ole": "<=", "une": "!="}
# an unordered comparison is the negation of an ordered one
OPPOSITE = {"ugt": "ole", "uge": "olt", "ult": "oge", "ule": "ogt"}
INTEGER = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "and": "&",
    "or": "|",
    "xor": "^",
    "shl": "<<",
    "lshr": ">>",
    "ashr": ">>",
}
INDENT = "    "


class TritonFrame:
    """Appends lines of one kernel. `bits` is the width of the floats, or in a kernel of whole numbers that of these."""

    def __init__(self, bits: int, *, whole: bool = False):
        self.bits, self.whole = bits, whole
        self.f, self.i = (f"tl.int{bits}",) * 2 if whole else (f"tl.float{bits}", f"tl.uint{bits}")
        self.constants: dict[str, Value] = {}
        self.lines: list[str] = []
        self._depth, self._count = 1, 0

    # --- lines ---------------------------------------------------------------------------------------
    def do(self, text: str) -> None:
        self.lines.append(INDENT * self._depth + text)

    def let(self, text: str, hint: str = "v") -> Value:
        """Write `fresh = text` and return the fresh name."""
        self._count += 1
        name = f"{hint}{self._count}"
        self.do(f"{name} = {text}")
        return name

    @contextmanager
    def inside(self, head: str) -> Generator[None]:
        """A compound statement: its head, and what is written meanwhile as its body."""
        self.do(head)
        self._depth += 1
        yield
        self._depth -= 1

    @contextmanager
    def loop(self, first: Value, end: Value) -> Generator[Value]:
        """Yields the counter: first, first + 1, ... end - 1."""
        self._count += 1
        counter = f"n{self._count}"
        with self.inside(f"for {counter} in range({first}, {end}):"):
            yield counter

    # --- constants: blocks of the right type, made once at the head ------------------------------------
    def _constant(self, text: str) -> Value:
        return self.constants.setdefault(text, f"c{len(self.constants)}")

    def const(self, value: float) -> Value:
        if self.whole:
            return self.iconst(int(value))
        if self.bits == 32 and math.isfinite(value):
            value = _rounded(value)
        if math.isfinite(value):
            return self._constant(f"tl.full([BLOCK], {value!r}, {self.f})")
        word = struct.pack(">f" if self.bits == 32 else ">d", value).hex()
        return self._constant(f"tl.full([BLOCK], 0x{word}, {self.i}).to({self.f}, bitcast=True)")

    def iconst(self, value: int) -> Value:
        word = str(value) if self.whole else f"{value % (1 << self.bits):#x}"
        return self._constant(f"tl.full([BLOCK], {word}, {self.i})")

    def splat(self, scalar: Value) -> Value:
        return self.let(f"tl.broadcast_to({scalar}, [BLOCK])")

    # --- floats ------------------------------------------------------------------------------------------
    def add(self, a: Value, b: Value) -> Value:
        return self.let(f"{a} + {b}")

    def sub(self, a: Value, b: Value) -> Value:
        return self.let(f"{a} - {b}")

    def mul(self, a: Value, b: Value) -> Value:
        return self.let(f"{a} * {b}")

    def div(self, a: Value, b: Value) -> Value:
        # Triton's own division of float32 is approximate
        return self.let(f"tl.div_rn({a}, {b})" if self.bits == 32 else f"{a} / {b}")

    def neg(self, a: Value) -> Value:
        # some versions read -a as 0 - a, which loses the sign of zero
        return self.sub(self.const(-0.0), a)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c with one rounding."""
        return self.let(f"tl.fma({a}, {b}, {c})")

    def unary(self, intrinsic: str, a: Value) -> Value:
        """`sqrt`, `fabs` or `floor`; of whole numbers, `fabs` alone."""
        root = "tl.sqrt_rn" if self.bits == 32 else "tl.sqrt"
        function = {"sqrt": root, "fabs": "tl.abs", "floor": "tl.floor"}[intrinsic]
        return self.let(f"{function}({a})")

    def maximum(self, a: Value, b: Value) -> Value:
        """NaN passes through, as in torch.maximum."""
        return self.select(self.mor(self.cmp("oge", a, b), self.cmp("uno", a, a)), a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        return self.select(self.mor(self.cmp("ole", a, b), self.cmp("uno", a, a)), a, b)

    # --- masks -------------------------------------------------------------------------------------------
    def cmp(self, order: str, a: Value, b: Value) -> Value:
        if order in OPPOSITE:
            return self.mnot(self.cmp(OPPOSITE[order], a, b))
        if order == "uno":
            return self.let(f"({a} != {a}) | ({b} != {b})")
        return self.let(f"{a} {ORDERED[order]} {b}")

    def select(self, mask: Value, a: Value, b: Value) -> Value:
        return self.let(f"tl.where({mask}, {a}, {b})")

    def elsewhere(self, function: str, x: Value, known: Value, value: Value) -> Value:
        return self.select(known, value, self.let(f"tl.{function}({x})"))

    def mand(self, a: Value, b: Value) -> Value:
        return self.let(f"{a} & {b}")

    def mor(self, a: Value, b: Value) -> Value:
        return self.let(f"{a} | {b}")

    def mnot(self, a: Value) -> Value:
        return self.let(f"~{a}")

    # --- integers as wide as the floats ----------------------------------------------------------------------
    def to_int(self, a: Value) -> Value:
        """Bits of floats as integers."""
        return self.let(f"{a}.to({self.i}, bitcast=True)")

    def to_float(self, a: Value) -> Value:
        """Bits of integers as floats."""
        return self.let(f"{a}.to({self.f}, bitcast=True)")

    def iop(self, op: str, a: Value, b: Value) -> Value:
        return self.let(f"{a} {INTEGER[op]} {b}")

    def saturating(self, op: str, a: Value, b: Value) -> Value:
        """`add` or `sub` of whole numbers, which stops at the ends of their type: in a wider type."""
        wide = f"tl.int{2 * self.bits}"
        top = 1 << (self.bits - 1)
        found = self.let(f"{a}.to({wide}) {INTEGER[op]} {b}.to({wide})")
        return self.let(f"tl.minimum(tl.maximum({found}, {-top}), {top - 1}).to({self.f})")

    # --- memory: rows of lanes ---------------------------------------------------------------------------------
    def read(self, address: Value, stored: str) -> Value:
        """Floats as the kernel computes with them; lanes that do not exist read as zero."""
        if stored in WHOLE or (self.whole and stored == "own"):
            return self.let(f"tl.load({address}, mask=here, other=0).to({self.f})")
        if stored == BITS:
            byte = self.let(f"tl.load({address} + lane // 8, mask=here, other=0)")
            return self.let(f"(({byte}.to(tl.int32) >> (within % 8)) & 1).to({self.f})")
        if stored != "bf16":
            return self.let(f"tl.load({address}, mask=here, other=0.0)")
        # bfloat16 is the upper half of a float32
        raw = self.let(f"tl.load({address}, mask=here, other=0)")
        return self.let(f"({raw}.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)")

    def write(self, address: Value, value: Value, stored: str) -> None:
        if stored == BITS:  # of a mask
            places = self.let(f"tl.reshape(({value} & here).to(tl.int32) << (within % 8), (BLOCK // 8, 8))")
            byte = self.let("block * (BLOCK // 8) + tl.arange(0, BLOCK // 8)")
            total = self.let(f"tl.sum({places}, axis=1).to(tl.uint8)")
            self.do(f"tl.store({address} + {byte}, {total}, mask={byte} * 8 < lanes)")
            return
        if stored == "bf16":
            # to nearest even; a NaN stays one
            bits = self.to_int(value)
            odd = self.iop("and", self.iop("lshr", bits, self.iconst(16)), self.iconst(1))
            rounded = self.iop("add", self.iop("add", bits, self.iconst(0x7FFF)), odd)
            quiet = self.iop("or", bits, self.iconst(0x400000))
            kept = self.select(self.cmp("uno", value, value), quiet, rounded)
            value = self.let(f"({kept} >> 16).to(tl.uint16).to(tl.int16, bitcast=True)")
        if stored in WHOLE:
            kept = (within if self.whole else whole)(self, value, *WHOLE[stored])
            value = self.let(f"{kept}.to(tl.{'u' * (stored == 'u8')}int{stored[1:]})")
        self.do(f"tl.store({address}, {value}, mask=here)")

    # --- the function ----------------------------------------------------------------------------------------------
    def kernel(self, tensors: list[str], numbers: list[str]) -> str:
        """The text of the whole module. Arguments of the kernel: `tensors` (some may be None), integers `numbers`."""
        loose = ", ".join(repr(name) for name in numbers)
        head = [
            "import triton",
            "import triton.language as tl",
            "",
            "",
            f"@triton.jit(do_not_specialize=[{loose}])",
            f"def kernel({', '.join([*tensors, *numbers])}, BLOCK: tl.constexpr):",
            "    within = tl.arange(0, BLOCK)",
            "    block = tl.program_id(0).to(tl.int64)",
            "    lane = block * BLOCK + within",
            "    here = lane < lanes",
            "    wide = lanes.to(tl.int64)",
            *(f"    {name} = {text}" for text, name in self.constants.items()),
        ]
        return "\n".join([*head, *self.lines, ""])


def _rounded(value: float) -> float:
    """The nearest float32; infinity where there is none."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
